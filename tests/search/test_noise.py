"""Noise has the stated size, falls on the stated state, and belongs to its row and step alone."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_models import BOS, EOS, PAD, RandomModel

from d2t.errors import UsageError
from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.model.build import build_model
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.model.transformer import TransformerModel
from d2t.search.backend import SampleKey, request_key
from d2t.search.greedy import pad_sources, walk
from d2t.search.sampling import NoiseInjection, StepNoise, uniforms
from d2t.seeding import seed_everything


def keys(n: int, request: int = 7) -> list[SampleKey]:
    return [SampleKey(request, sample) for sample in range(n)]


@pytest.mark.parametrize(("std", "step"), [(1.0, 1), (1.0, 2), (0.5, 7), (2.0, 16), (1.0, 17)])
def test_the_standard_deviation_at_step_t_is_s0_over_t(std: float, step: int) -> None:
    noise = StepNoise(keys(2000), (2, 16), std).draw(torch.arange(2000), step)
    assert noise.shape == (2000, 2, 16)
    for layer in range(2):
        assert noise[:, layer].std().item() == pytest.approx(std / step, rel=0.02)
        assert noise[:, layer].mean().item() == pytest.approx(0.0, abs=0.02 * std / step)
    # Gaussian: 68.3% within one standard deviation, 95.4% within two.
    within = [(noise.abs() < k * std / step).float().mean().item() for k in (1, 2)]
    assert within == pytest.approx([0.683, 0.954], abs=0.01)


def test_samples_layers_dimensions_and_steps_are_independent() -> None:
    noise = StepNoise(keys(3000), (2, 3), 1.0)
    drawn = [noise.draw(torch.arange(3000), step).flatten(1) * step for step in (1, 2, 17)]
    correlation = torch.corrcoef(torch.cat(drawn, dim=1).T) - torch.eye(18)
    assert correlation.abs().max().item() < 0.1
    rows = torch.corrcoef(torch.cat(drawn, dim=1)[:100]) - torch.eye(100)
    assert rows.mean().abs().item() < 0.02


@settings(max_examples=25)
@given(st.data())
def test_a_rows_noise_depends_on_its_key_and_the_step_alone(data: st.DataObject) -> None:
    """Whoever else is in the batch, whoever left, and whichever steps are asked for."""
    known = [SampleKey(request, sample) for request in (3, 2**62) for sample in range(4)]
    expected = StepNoise(known, (5,), 1.0)
    table = {step: expected.draw(torch.arange(8), step) for step in range(1, 36)}
    mine = data.draw(st.permutations(range(8)))[: data.draw(st.integers(1, 8))]
    noise = StepNoise([known[i] for i in mine], (5,), 1.0)
    rows = torch.arange(len(mine))
    for step in sorted(data.draw(st.sets(st.integers(1, 35), min_size=1))):
        assert torch.equal(noise.draw(rows, step), table[step][torch.tensor(mine)[rows]])
        staying = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
        rows = rows[torch.tensor(staying)] if any(staying) else rows


def test_seed_request_sample_and_step_all_matter() -> None:
    assert request_key(0, "a") != request_key(1, "a") != request_key(1, "b")
    found = set()
    for request, sample, step in product((1, 2), (0, 1), (1, 2, 16, 17, 18)):
        noise = StepNoise([SampleKey(request, sample)], (1,), float(step))
        found.add(noise.draw(torch.arange(1), step).item())
    assert len(found) == 20
    assert not torch.equal(uniforms(keys(1), 9), uniforms(keys(1, request=8), 9))
    assert torch.equal(uniforms(keys(3), 9)[:, :5], uniforms(keys(3), 5))
    assert uniforms([], 4).shape == (0, 4)


class Remembering(Seq2SeqModel):
    """A state that never changes by itself, and a note of the state at every step."""

    noise_shape = (2, 3)

    def __init__(self) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.eos_id, self.vocab_size = PAD, BOS, EOS, 5
        self.seen: list[torch.Tensor] = []

    def start(self, source_ids: torch.Tensor, source_mask: torch.Tensor) -> DecoderState:
        return {"hidden": torch.zeros(len(source_ids), 2, 3)}

    def perturb(self, state: DecoderState, noise: torch.Tensor) -> DecoderState:
        return {"hidden": state["hidden"] + noise}

    def step(
        self, token_ids: torch.Tensor, state: DecoderState
    ) -> tuple[torch.Tensor, DecoderState]:
        self.seen.append(state["hidden"])
        return torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0]).repeat(len(token_ids), 1), state

    def forward(self, *_: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


def test_noise_is_added_before_the_step_and_stays_in_the_state() -> None:
    model, rows = Remembering(), torch.arange(4)
    state = model.start(torch.zeros(4, 1), torch.ones(4, 1))
    policy = NoiseInjection(model, StepNoise(keys(4), (2, 3), 1.5))
    walk(model, state, torch.zeros(4, 5, dtype=torch.bool), policy, max_length=20)
    again, total = StepNoise(keys(4), (2, 3), 1.5), torch.zeros(4, 2, 3)
    for step, seen in enumerate(model.seen, start=1):
        total = total + again.draw(rows, step)
        assert torch.allclose(seen, total)
    assert len(model.seen) == 20


def tiny(config: TransformerConfig | BiGRUConfig) -> Seq2SeqModel:
    seed_everything(1)
    return build_model(config, vocab_size=20, pad_id=0, bos_id=1, eos_id=2).eval()


def started(model: Seq2SeqModel) -> DecoderState:
    return model.start(*pad_sources([[3, 4, 5], [6, 7]], 0))


def test_gru_noise_falls_on_the_hidden_state_of_every_layer() -> None:
    model = tiny(BiGRUConfig(layers=2, hidden=12, embedding=8))
    assert model.noise_shape == (2, 12)
    state, noise = started(model), torch.randn(2, 2, 12)
    noisy = model.perturb(state, noise)
    assert torch.equal(noisy["hidden"], state["hidden"] + noise)
    assert all(noisy[name] is state[name] for name in ("encoded", "keys", "source_mask"))
    token = torch.tensor([1, 1])
    for layer in range(2):
        one = torch.zeros_like(noise)
        one[:, layer] = noise[:, layer]
        logits, after = model.step(token, model.perturb(state, one))
        plain, before = model.step(token, state)
        assert not torch.allclose(logits, plain)
        assert not torch.allclose(after["hidden"], before["hidden"]), "the noise is remembered"


def test_transformer_noise_falls_on_what_enters_the_first_decoder_layer() -> None:
    model = tiny(TransformerConfig(width=16, ffn=32, heads=2, decoder_layers=2))
    assert isinstance(model, TransformerModel)
    assert model.noise_shape == (16,)
    seen: list[torch.Tensor] = []
    for layer in model._decoder_layers:
        layer.attention_norm.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    token = torch.tensor([4, 1])
    _, state = model.step(torch.tensor([1, 1]), started(model))
    plain, after = model.step(token, state)
    clean = seen[-2]
    noise = torch.randn(2, 16)
    noisy, later = model.step(token, model.perturb(state, noise))
    size = clean.square().mean(dim=-1, keepdim=True).sqrt()
    torch.testing.assert_close(seen[-2], clean + noise[:, None] * size)
    assert not torch.allclose(noisy, plain)
    assert "noise" not in later, "each step has its own"
    assert torch.equal(later["k0"][:, :, 0], after["k0"][:, :, 0]), "the past is left alone"
    assert not torch.allclose(later["k0"][:, :, 1], after["k0"][:, :, 1]), "it is remembered"
    assert all(later[f"source_k{i}"] is state[f"source_k{i}"] for i in range(2))
    same, _ = model.step(token, model.perturb(state, torch.zeros(2, 16)))
    assert torch.equal(same, plain)


def test_a_model_without_a_place_for_noise_says_so() -> None:
    with pytest.raises(UsageError, match="ancestral"):
        _ = RandomModel().noise_shape
    with pytest.raises(UsageError, match="not defined"):
        RandomModel().perturb({}, torch.zeros(1))
