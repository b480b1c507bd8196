"""Candidates of a generator: any batch size, any company, sampled or from beams."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
from echo_bundle import MRS, echo_bundle

from d2t.errors import DataError, UsageError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.model.build import build_model
from d2t.model.bundle.network import Bundle
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.mr.parse import parse_mr
from d2t.search.backend import SamplingOptions
from d2t.seeding import seed_everything

if TYPE_CHECKING:
    from d2t.generate.candidates import Candidate

CONFIGS = {
    "transformer": TransformerConfig(width=16, ffn=32, heads=2, encoder_layers=1, decoder_layers=1),
    "bigru": BiGRUConfig(hidden=12, embedding=12, layers=1),
}
SAMPLERS = [SamplingOptions("noise", 7, 4, std=2.0), SamplingOptions("ancestral", 7, 4)]


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def bundle(request: pytest.FixtureRequest) -> Bundle:
    """A bundle with a tiny model that nobody trained; its texts are noise, but many."""
    parts = echo_bundle()
    seed_everything(5)
    size = parts.tokenizer.vocab_size
    model = build_model(CONFIGS[request.param], vocab_size=size, pad_id=0, bos_id=1, eos_id=2)
    for weights in model.parameters():
        weights.data.mul_(3.0)
    settings: dict[str, Any] = {"max_length": 9}
    return Bundle(
        domain=parts.domain,
        tokenizer=parts.tokenizer,
        model=model,
        linearizer=parts.linearizer,
        planner=parts.planner,
        decode_defaults=settings,
    )


@pytest.fixture
def requests(bundle: Bundle) -> list[GenerationRequest]:
    return [GenerationRequest(str(i), parse_mr(text, bundle.domain)) for i, text in enumerate(MRS)]


def same(left: list[Candidate], right: list[Candidate]) -> bool:
    return [c.text for c in left] == [c.text for c in right] and all(
        abs(a.score - b.score) < 1e-3 for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("options", [*SAMPLERS, None], ids=["noise", "ancestral", "beam"])
def test_candidates_depend_on_their_request_alone(
    bundle: Bundle, requests: list[GenerationRequest], options: SamplingOptions | None
) -> None:
    together = ModelGenerator(bundle, beam_size=3).candidates(requests, options)
    backwards = ModelGenerator(bundle, beam_size=3, batch_size=3)
    apart = backwards.candidates(requests[::-1], options)[::-1]
    for request, mine, other in zip(requests, together, apart, strict=True):
        assert same(mine, other), request
        assert 1 <= len(mine) <= 4
        assert len({candidate.text for candidate in mine}) == len(mine)
        ranks = [(not candidate.finished, -candidate.score) for candidate in mine]
        assert ranks == sorted(ranks)
    assert ModelGenerator(bundle).candidates([], options) == []


def test_the_seed_and_the_id_choose_the_samples(
    bundle: Bundle, requests: list[GenerationRequest]
) -> None:
    generator, first = ModelGenerator(bundle), requests[0]
    options = SamplingOptions("ancestral", n_samples=3, keep=3)
    reseeded = SamplingOptions("ancestral", n_samples=3, keep=3, seed=1)
    renamed = GenerationRequest("other", first.mr, first.plan)
    [found], [again] = (generator.candidates([first], options) for _ in range(2))
    assert found == again
    assert generator.candidates([first], reseeded)[0] != found
    assert generator.candidates([renamed], options)[0] != found


def test_the_beams_candidates_begin_with_what_is_generated(
    bundle: Bundle, requests: list[GenerationRequest]
) -> None:
    generator = ModelGenerator(bundle, beam_size=3)
    generated = generator.generate(requests)
    found = generator.candidates(requests)
    assert [candidates[0].text for candidates in found] == [h.text for h in generated]
    assert max(len(candidates) for candidates in found) == 3


def test_out_of_memory_halves_the_rows(
    bundle: Bundle,
    requests: list[GenerationRequest],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = ModelGenerator(bundle, batch_size=64)
    expected = generator.candidates(requests, SAMPLERS[1])
    step = bundle.model.step

    def cramped(token_ids: torch.Tensor, state: Any) -> Any:
        if len(token_ids) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(token_ids, state)

    monkeypatch.setattr(bundle.model, "step", cramped)
    with caplog.at_level(logging.WARNING, logger="d2t.generate.pipeline"):
        found = generator.candidates(requests, SAMPLERS[1])
    assert all(map(same, found, expected))
    assert "batches of" in caplog.text


def test_errors_are_those_of_the_request_and_the_model(
    bundle: Bundle, requests: list[GenerationRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = ModelGenerator(echo_bundle())
    with pytest.raises(UsageError, match="ancestral"):
        echo.candidates(requests[:1], SamplingOptions("noise", 2, 2))
    monkeypatch.setattr(bundle, "planner", None)
    with pytest.raises(DataError, match="plan"):
        ModelGenerator(bundle).candidates(requests, SAMPLERS[0])
