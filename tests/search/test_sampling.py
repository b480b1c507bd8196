"""Sampling against hand-computed distributions, against greedy search, and row by row."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_models import BOS, PAD, RandomModel, TableModel

from d2t.errors import UsageError
from d2t.generate.candidates import Candidate, distinct_candidates
from d2t.model.build import build_model
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.search.backend import SampleKey, SamplingOptions, SearchResult, request_key
from d2t.search.greedy import greedy_search, pad_sources
from d2t.search.sampling import nucleus, sample_search
from d2t.seeding import seed_everything

ONE = pad_sources([[3]], PAD)


class NoisyModel(RandomModel):
    """The random decoder with noise on its hidden state."""

    noise_shape = (8,)

    def perturb(self, state: dict[str, torch.Tensor], noise: torch.Tensor) -> Any:
        return {**state, "hidden": state["hidden"] + noise}


def keyed(sources: list[list[int]], n: int, seed: int = 0) -> list[tuple[int, SampleKey]]:
    """``n`` rows a source; a source's key depends on what it says."""
    names = [request_key(seed, str(source)) for source in sources]
    return [(i, SampleKey(names[i], k)) for i in range(len(sources)) for k in range(n)]


def close(left: list[SearchResult], right: list[SearchResult]) -> bool:
    same = [(r.ids, r.finished) for r in left] == [(r.ids, r.finished) for r in right]
    return same and all(abs(a.score - b.score) < 1e-3 for a, b in zip(left, right, strict=True))


def test_the_nucleus_by_hand() -> None:
    shares = torch.tensor([[0.15, 0.5, 0.05, 0.3], [0.25, 0.25, 0.25, 0.25]])

    def kept(top_p: float) -> list[list[bool]]:
        return nucleus(shares, top_p).tolist()

    assert kept(0.4) == [[False, True, False, False], [True, True, False, False]]
    assert kept(0.7) == [[False, True, False, True], [True, True, True, False]]
    assert kept(0.9) == [[True, True, False, True], [True, True, True, True]]
    assert kept(1.0) == [[True] * 4, [True] * 4]


def test_a_nucleus_wider_than_usual() -> None:
    flat = torch.full((2, 100), 0.01, dtype=torch.float64)
    flat[1, 50] += 1.0
    assert nucleus(flat, 0.5049).sum(dim=-1).tolist() == [51, 1]
    assert nucleus(flat, 0.5049)[0, :51].all()


TABLE = {BOS: {3: 0.5, 4: 0.3, 5: 0.15, 6: 0.05}}


def shares(options: SamplingOptions, n: int = 4000) -> dict[int, float]:
    """How often each first token of ``TABLE`` is drawn."""
    rows = [(0, SampleKey(request_key(options.seed, "a"), k)) for k in range(n)]
    found = sample_search(TableModel(TABLE), *ONE, rows, options, max_length=3)
    return {token: count / n for (token,), count in Counter(r.ids for r in found).items()}


def test_ancestral_sampling_draws_what_the_model_says() -> None:
    drawn = shares(SamplingOptions("ancestral"))
    assert drawn == pytest.approx({3: 0.5, 4: 0.3, 5: 0.15, 6: 0.05}, abs=0.025)


def test_temperature_is_a_power_of_the_probabilities() -> None:
    weights = {3: 0.5**2, 4: 0.3**2, 5: 0.15**2, 6: 0.05**2}
    expected = {token: weight / sum(weights.values()) for token, weight in weights.items()}
    drawn = shares(SamplingOptions("ancestral", temperature=0.5))
    assert drawn == pytest.approx(expected, abs=0.025)


def test_top_p_draws_from_the_nucleus_only() -> None:
    drawn = shares(SamplingOptions("ancestral", top_p=0.7))
    assert drawn == pytest.approx({3: 0.625, 4: 0.375}, abs=0.025)


def test_top_k_draws_from_the_likeliest_tokens_only() -> None:
    drawn = shares(SamplingOptions("ancestral", top_k=2))
    assert drawn == pytest.approx({3: 0.625, 4: 0.375}, abs=0.025)
    both = shares(SamplingOptions("ancestral", top_k=3, top_p=0.7))
    assert both == pytest.approx({3: 0.625, 4: 0.375}, abs=0.025)
    assert shares(SamplingOptions("ancestral", top_k=100)) == shares(SamplingOptions("ancestral"))
    with pytest.raises(UsageError, match="top_k"):
        SamplingOptions("ancestral", top_k=-1)


def test_scores_are_the_models_own_at_temperature_one() -> None:
    options = SamplingOptions("ancestral", temperature=3.0, top_p=0.9)
    rows = [(0, SampleKey(1, k)) for k in range(50)]
    results = sample_search(TableModel(TABLE), *ONE, rows, options, max_length=3)
    assert len(results) == len(rows)
    for result in results:
        probability = torch.tensor(TABLE[BOS][result.ids[0]])
        assert result.score == pytest.approx(probability.log().item() / 2)  # EOS is certain


def test_banned_tokens_are_never_drawn() -> None:
    banned = torch.zeros(1, 8, dtype=torch.bool)
    banned[0, 3] = True
    rows = [(0, SampleKey(1, k)) for k in range(300)]
    found = sample_search(
        TableModel(TABLE), *ONE, rows, SamplingOptions("ancestral"), max_length=3, banned=banned
    )
    assert {result.ids for result in found} == {(4,), (5,), (6,)}


sources = st.lists(st.lists(st.integers(3, 11), min_size=1, max_size=6), min_size=1, max_size=5)
methods = st.sampled_from(
    [
        SamplingOptions("noise", std=1.0),
        SamplingOptions("ancestral"),
        SamplingOptions("ancestral", top_p=0.8, temperature=1.5),
    ]
)


@settings(max_examples=20)
@given(st.integers(0, 1000), sources, methods)
def test_a_batch_is_its_rows(seed: int, batch: list[list[int]], options: SamplingOptions) -> None:
    model = NoisyModel(seed)
    rows = keyed(batch, 3)
    together = sample_search(model, *pad_sources(batch, PAD), rows, options, max_length=25)
    for row, result in zip(rows, together, strict=True):
        alone = pad_sources([batch[row[0]]], PAD)
        assert close([result], sample_search(model, *alone, [(0, row[1])], options, max_length=25))


@settings(max_examples=20)
@given(st.integers(0, 1000), sources)
def test_no_noise_and_no_temperature_are_greedy(seed: int, batch: list[list[int]]) -> None:
    model, padded = NoisyModel(seed), pad_sources(batch, PAD)
    greedy = greedy_search(model, *padded, max_length=25)
    for options in (
        SamplingOptions("noise", std=0.0),
        SamplingOptions("ancestral", temperature=1e-6),
        SamplingOptions("ancestral", top_p=1e-9),
    ):
        found = sample_search(model, *padded, keyed(batch, 1), options, max_length=25)
        assert close(found, greedy)


ARCHITECTURES = {
    "transformer": TransformerConfig(width=16, ffn=32, heads=2),
    "bigru": BiGRUConfig(hidden=12, embedding=12),
}


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_our_models_sample_alike_alone_and_together(architecture: str) -> None:
    seed_everything(11)
    config = ARCHITECTURES[architecture]
    model = build_model(config, vocab_size=40, pad_id=0, bos_id=1, eos_id=2).eval()
    for weights in model.parameters():
        weights.data.mul_(3.0)
    rng = random.Random(4)
    batch = [[rng.randint(3, 39) for _ in range(rng.randint(1, 12))] for _ in range(6)]
    padded = pad_sources(batch, 0)
    greedy = greedy_search(model, *padded, max_length=20)
    rows = keyed(batch, 5)
    still = sample_search(model, *padded, rows, SamplingOptions(std=0.0), max_length=20)
    assert all(close([still[i]], [greedy[row[0]]]) for i, row in enumerate(rows))
    for options in (SamplingOptions("noise", std=2.0), SamplingOptions("ancestral")):
        together = sample_search(model, *padded, rows, options, max_length=20)
        assert len({(row[0], r.ids) for row, r in zip(rows, together, strict=True)}) > 12
        alone = [
            sample_search(model, *pad_sources([batch[i]], 0), [(0, key)], options, max_length=20)[0]
            for i, key in rows[::4]
        ]
        assert close(alone, together[::4])
        other = sample_search(model, *padded, keyed(batch, 5, seed=1), options, max_length=20)
        assert [r.ids for r in other] != [r.ids for r in together]


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "beam"},
        {"n_samples": 0},
        {"keep": 0},
        {"std": -1.0},
        {"std": float("nan")},
        {"temperature": 0.0},
        {"top_p": 0.0},
        {"top_p": 1.1},
    ],
    ids=str,
)
def test_options_that_cannot_be_run(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SamplingOptions(**wrong)


def test_no_rows_no_samples() -> None:
    assert sample_search(NoisyModel(), *ONE, [], SamplingOptions(), max_length=5) == []
    with pytest.raises(UsageError, match="max_length"):
        sample_search(NoisyModel(), *ONE, keyed([[3]], 1), SamplingOptions(), max_length=0)


def test_candidates_are_distinct_and_best_first() -> None:
    words = {1: "a", 2: "A", 3: "<val:name>", 4: "Aromi", 5: "cut"}

    def decode(ids: Any) -> str:
        return " ".join(words[i] for i in ids)

    results = [
        SearchResult((1,), -2.0),
        SearchResult((3,), -1.0),
        SearchResult((1,), -2.0),
        SearchResult((4,), -0.5),  # another template of the same text
        SearchResult((5,), -0.1, finished=False),
        SearchResult((2,), -2.0),
    ]
    found = distinct_candidates(results, decode, {"<val:name>": "Aromi"}, keep=9)
    assert found == [
        Candidate("Aromi", "Aromi", -0.5),
        Candidate("a", "a", -2.0),
        Candidate("A", "A", -2.0),
        Candidate("cut", "cut", -0.1, finished=False),
    ]
    assert distinct_candidates(results, decode, {"<val:name>": "Aromi"}, keep=2) == found[:2]
    assert distinct_candidates([], decode, {}, keep=2) == []
