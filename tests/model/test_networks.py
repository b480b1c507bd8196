"""The two models trained from scratch: the step protocol, padding, gradients."""

from __future__ import annotations

import pytest
import torch

from d2t.errors import ConfigError
from d2t.model.build import build_model
from d2t.model.config import (
    BiGRUConfig,
    PretrainedConfig,
    TransformerConfig,
)
from d2t.model.layers import Dropout, attend, sinusoidal_positions
from d2t.model.loss import smoothed_cross_entropy
from d2t.train.config.load import validate

VOCAB = 50
CONFIGS = {
    "transformer": TransformerConfig(width=32, ffn=64, heads=4),
    "untied": TransformerConfig(
        width=32, ffn=64, heads=2, encoder_layers=1, tie_embeddings=False, activation="gelu"
    ),
    "bahdanau": BiGRUConfig(layers=2, hidden=24, embedding=16),
    "luong": BiGRUConfig(layers=1, hidden=16, embedding=16, attention="luong", tie_embeddings=True),
}


@pytest.fixture(params=CONFIGS, name="model")
def _model(request):
    torch.manual_seed(1)
    ids = {"vocab_size": VOCAB, "pad_id": 0, "bos_id": 1, "eos_id": 2}
    return build_model(CONFIGS[request.param], **ids).eval()


def batch(lengths, tgt_len=7):
    generator = torch.Generator().manual_seed(3)
    source = torch.randint(4, VOCAB, (len(lengths), max(lengths)), generator=generator)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    target = torch.randint(4, VOCAB, (len(lengths), tgt_len), generator=generator)
    target[:, 0] = 1
    return source.masked_fill(~mask, 0), mask, target


def steps(model, state, target):
    logits = []
    for t in range(target.shape[1]):
        out, state = model.step(target[:, t], state)
        logits.append(out)
    return torch.stack(logits, 1), state


@torch.inference_mode()
def test_step_by_step_equals_teacher_forcing(model):
    source, mask, target = batch([9, 6, 3, 1])
    forced = model(source, mask, target)
    assert forced.shape == (4, 7, VOCAB)
    assert forced.dtype == torch.float32
    stepped, _ = steps(model, model.start(source, mask), target)
    torch.testing.assert_close(stepped, forced, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_padding_does_not_change_a_row(model):
    lengths = [9, 6, 3, 1]
    source, mask, target = batch(lengths)
    together = model(source, mask, target)
    assert lengths
    for i, n in enumerate(lengths):
        alone = model(source[i : i + 1, :n], mask[i : i + 1, :n], target[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_what_the_padding_holds_does_not_matter(model):
    source, mask, target = batch([9, 4])
    other = source.masked_fill(~mask, 17)
    torch.testing.assert_close(model(other, mask, target), model(source, mask, target))


@torch.inference_mode()
def test_later_target_tokens_do_not_change_earlier_logits(model):
    source, mask, target = batch([5, 5])
    changed = target.clone()
    changed[:, 4:] = 9
    before, after = model(source, mask, target), model(source, mask, changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@torch.inference_mode()
def test_select_reorders_repeats_and_drops_rows(model):
    source, mask, target = batch([9, 6, 3])
    _, state = steps(model, model.start(source, mask), target[:, :3])
    rows = torch.tensor([2, 0, 0])
    picked, _ = model.step(target[rows, 3], model.select(state, rows))
    plain, _ = model.step(target[:, 3], state)
    torch.testing.assert_close(picked, plain[rows], atol=1e-5, rtol=1e-5)
    assert all(value.shape[0] == 3 for value in state.values())


@torch.inference_mode()
def test_step_leaves_the_given_state_as_it_was(model):
    source, mask, target = batch([4, 4])
    _, state = steps(model, model.start(source, mask), target[:, :2])
    copy = {key: value.clone() for key, value in state.items()}
    model.step(target[:, 2], state)
    assert state.keys() == copy.keys()
    assert all(torch.equal(state[key], copy[key]) for key in copy)


def test_every_parameter_gets_a_gradient(model):
    model.train()
    source, mask, target = batch([9, 6])
    model(source, mask, target).square().mean().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias on the keys of softmax attention shifts all scores alike, and so cannot matter.
    assert without in ([], ["attention.key.bias"])


def test_hidden_and_output_make_the_logits(model):
    source, mask, target = batch([5, 3])
    logits = model.output(model.hidden(source, mask, target))
    torch.testing.assert_close(logits, model(source, mask, target))


def test_same_seed_same_weights_and_dropout():
    runs = []
    for _ in range(2):
        torch.manual_seed(5)
        model = build_model(
            CONFIGS["transformer"], vocab_size=VOCAB, pad_id=0, bos_id=1, eos_id=2
        ).train()
        runs.append(model(*batch([4, 4])))
    assert torch.equal(runs[0], runs[1])


@torch.inference_mode()
def test_sequences_longer_than_the_position_table():
    torch.manual_seed(0)
    config = TransformerConfig(width=16, ffn=16, heads=2, encoder_layers=1, decoder_layers=1)
    model = build_model(config, vocab_size=VOCAB, pad_id=0, bos_id=1, eos_id=2).eval()
    source, mask, target = batch([300], tgt_len=600)
    assert model(source, mask, target).isfinite().all()
    fresh = build_model(config, vocab_size=VOCAB, pad_id=0, bos_id=1, eos_id=2)
    fresh.load_state_dict(model.state_dict())  # the table is not a weight


def test_attention_written_out_equals_the_fused_kernel():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 6, 8).unbind(0)
    mask = torch.rand(2, 1, 1, 6) > 0.3
    mask[..., 0] = True
    fused = torch.nn.functional.scaled_dot_product_attention
    for ours, theirs in (
        (attend(q, k, v, mask), fused(q, k, v, attn_mask=mask)),
        (attend(q, k, v, causal=True), fused(q, k, v, is_causal=True)),
    ):
        torch.testing.assert_close(ours, theirs.transpose(1, 2).flatten(2))


def test_dropout_keeps_the_mean_and_drops_the_stated_share():
    torch.manual_seed(0)
    layer, ones = Dropout(0.25), torch.ones(1001, 99, requires_grad=True)
    out = layer.train()(ones)
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)
    out.sum().backward()
    assert torch.equal(ones.grad, out.detach())
    assert layer.eval()(ones) is ones


def test_positions_are_distinct_and_extend():
    table = sinusoidal_positions(50, 16)
    assert torch.equal(sinusoidal_positions(80, 16)[:50], table)
    assert torch.cdist(table, table).add(torch.eye(50) * 9).min() > 0.1


def model_config(table):
    """The ``[model]`` table as a training configuration reads it."""
    return validate({"model": table}, "run.toml").model


def test_config_names_the_key_that_is_wrong():
    with pytest.raises(ConfigError, match=r"'model\.heds'.*did you mean 'heads'"):
        model_config({"heds": 3})
    with pytest.raises(ConfigError, match="multiple of heads"):
        model_config({"width": 30, "heads": 4})
    with pytest.raises(ConfigError, match="architecture"):
        model_config({"architecture": "lstm"})
    with pytest.raises(ConfigError, match="tie_embeddings"):
        model_config({"architecture": "bigru", "hidden": 64, "tie_embeddings": True})
    assert model_config({}) == TransformerConfig()
    assert model_config({"architecture": "bigru"}) == BiGRUConfig()


def test_a_checkpoint_is_not_built_from_sizes():
    with pytest.raises(ConfigError, match="load_pretrained"):
        build_model(PretrainedConfig(name_or_path="x"), vocab_size=9, pad_id=0, bos_id=1, eos_id=2)


def test_a_few_pairs_can_be_learnt(model):
    """Copying four sources: the loss falls to nearly nothing and greedy steps copy them."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(7)
    source = torch.randint(4, VOCAB, (4, 5), generator=generator)
    target = torch.cat([torch.full((4, 1), 1), source, torch.full((4, 1), 2)], dim=1)
    mask = torch.ones_like(source, dtype=torch.bool)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    for _ in range(80):
        logits = model(source, mask, target[:, :-1])
        total, n_tokens = smoothed_cross_entropy(logits, target[:, 1:], pad_id=0, smoothing=0.0)
        optimizer.zero_grad()
        (total / n_tokens).backward()
        optimizer.step()
    assert total.item() / n_tokens < 0.2
    with torch.inference_mode():
        state, token = model.eval().start(source, mask), target[:, 0]
        for t in range(5):
            logits, state = model.step(token, state)
            token = logits.argmax(-1)
            assert torch.equal(token, source[:, t])


def test_bf16_autocast_stays_close_to_fp32(model):
    source, mask, target = batch([9, 6, 3])
    with torch.inference_mode():
        full = model(source, mask, target)
        with torch.autocast("cpu", torch.bfloat16):
            low = model(source, mask, target)
    assert low.dtype == torch.float32
    assert (low - full).abs().max() < 0.05 * full.abs().max()
