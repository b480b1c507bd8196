"""The other places of noise are the shipped model wherever the noise is zero."""

from __future__ import annotations

import pytest
import torch

from d2t.model.build import build_model
from d2t.model.config import TransformerConfig
from d2t.model.transformer import TransformerModel
from d2t.search.greedy import pad_sources
from d2t.seeding import seed_everything
from experiments.sampling import PLACES, Elsewhere, options_of


@pytest.fixture(scope="module")
def model() -> TransformerModel:
    seed_everything(3)
    config = TransformerConfig(width=16, ffn=32, heads=2, decoder_layers=2)
    built = build_model(config, vocab_size=20, pad_id=0, bos_id=1, eos_id=2).eval()
    assert isinstance(built, TransformerModel)
    return built


@torch.inference_mode()
def logits(model: TransformerModel, noise: torch.Tensor) -> torch.Tensor:
    """Of three steps with the same noise each."""
    state = model.start(*pad_sources([[3, 4, 5], [6, 7]], 0))
    found = []
    for token in (1, 4, 5):
        out, state = model.step(torch.tensor([token, token]), model.perturb(state, noise))
        found.append(out)
    return torch.stack(found)


@pytest.mark.parametrize("place", PLACES)
def test_places(model: TransformerModel, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = torch.randn(2, *model.noise_shape)
    plain, shipped = logits(model, torch.zeros_like(noise)), logits(model, noise)
    monkeypatch.setattr(model, "__class__", type(place, (Elsewhere,), {"place": place}))
    moved = torch.zeros(2, *model.noise_shape)
    torch.testing.assert_close(logits(model, moved), plain)
    moved[:, 0] = noise
    assert not torch.allclose(logits(model, moved)[1:], plain[1:])
    same = torch.allclose(logits(model, moved), shipped, atol=1e-5)
    assert same is (place in ("entry", "all"))


def test_names_of_samplers() -> None:
    assert options_of("top_p:0.8", 5).top_p == 0.8
    assert options_of("temperature:0.7", 5).method == "ancestral"
    assert (options_of("entry:2", 5).method, options_of("noise:2", 5).std) == ("noise", 2.0)
