"""Beam 1 is greedy; a batch is its rows one by one; both on models nobody tuned for it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_models import PAD, RandomModel

from d2t.model.build import build_model
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.search.beam import beam_search
from d2t.search.greedy import greedy_search, pad_sources
from d2t.seeding import seed_everything

if TYPE_CHECKING:
    from d2t.search.backend import SearchResult

sources = st.lists(st.lists(st.integers(3, 11), min_size=1, max_size=9), min_size=1, max_size=9)
relaxed = settings(deadline=None, max_examples=60)


def ids_of(results: list[SearchResult]) -> list[tuple[int, ...]]:
    return [result.ids for result in results]


@relaxed
@given(st.integers(0, 10_000), sources)
def test_beam_one_is_greedy(seed: int, batch: list[list[int]]) -> None:
    model = RandomModel(seed)
    padded = pad_sources(batch, PAD)
    greedy = greedy_search(model, *padded, max_length=25)
    beams = beam_search(model, *padded, beam_size=1, max_length=25)
    assert [results[0] for results in beams] == greedy


@relaxed
@given(st.integers(0, 10_000), sources)
def test_greedy_batch_is_its_rows(seed: int, batch: list[list[int]]) -> None:
    model = RandomModel(seed)
    together = greedy_search(model, *pad_sources(batch, PAD), max_length=25)
    for source, result in zip(batch, together, strict=True):
        [alone] = greedy_search(model, *pad_sources([source], PAD), max_length=25)
        assert alone.ids == result.ids
        assert abs(alone.score - result.score) < 1e-4


@relaxed
@given(st.integers(0, 10_000), sources, st.integers(2, 5))
def test_beam_batch_is_its_rows(seed: int, batch: list[list[int]], beam_size: int) -> None:
    model = RandomModel(seed)
    options = {"beam_size": beam_size, "n_best": beam_size, "max_length": 25}
    together = beam_search(model, *pad_sources(batch, PAD), **options)
    for source, results in zip(batch, together, strict=True):
        [alone] = beam_search(model, *pad_sources([source], PAD), **options)
        assert ids_of(alone) == ids_of(results)


@relaxed
@given(st.integers(0, 10_000), st.lists(st.integers(3, 4), min_size=1, max_size=6))
def test_a_wide_beam_finds_the_best_short_sentence(seed: int, source: list[int]) -> None:
    """With as many beams as prefixes, three steps of search are exhaustive."""
    model = RandomModel(seed, vocab_size=5)
    padded = pad_sources([source], PAD)
    [results] = beam_search(model, *padded, beam_size=40, n_best=40, max_length=3)
    # Words 3 and 4: all 7 prefixes of up to 2 words end, all 8 of 3 words are cut.
    assert {r.ids for r in results if r.finished} == {
        (), (3,), (4,), (3, 3), (3, 4), (4, 3), (4, 4)
    }  # fmt: skip
    assert len([r for r in results if not r.finished]) == 8


ARCHITECTURES = {
    "transformer": TransformerConfig(width=16, ffn=32, heads=2),
    "bigru": BiGRUConfig(hidden=12, embedding=12),
}


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("beam_size", [1, 4])
def test_our_models_answer_alike_alone_and_together(architecture: str, beam_size: int) -> None:
    seed_everything(11)
    config = ARCHITECTURES[architecture]
    model = build_model(config, vocab_size=40, pad_id=0, bos_id=1, eos_id=2).eval()
    for weights in model.parameters():
        weights.data.mul_(3.0)
    rng = random.Random(4)
    batch = [[rng.randint(3, 39) for _ in range(rng.randint(1, 20))] for _ in range(24)]
    options = {"beam_size": beam_size, "n_best": beam_size, "max_length": 20}
    together = beam_search(model, *pad_sources(batch, PAD), **options)
    assert len({tuple(ids_of(results)) for results in together}) > 12
    for source, results in zip(batch, together, strict=True):
        [alone] = beam_search(model, *pad_sources([source], PAD), **options)
        assert ids_of(alone) == ids_of(results)
    if beam_size == 1:
        greedy = greedy_search(model, *pad_sources(batch, PAD), max_length=20)
        assert [result.ids for result in greedy] == [results[0].ids for results in together]
