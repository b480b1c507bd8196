"""Greedy and beam search on models whose answers are known."""

from __future__ import annotations

import math

import pytest
import torch
from scripted_models import BOS, EOS, PAD, RandomModel, TableModel

from d2t.errors import BackendError, UsageError
from d2t.search.beam import beam_search
from d2t.search.greedy import greedy_search, pad_sources

SOURCES = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 3], [5, 5], [4, 3], [9, 3, 9, 3]]

# A trap for greedy: 3 looks best at first (0.6), but what follows it is spread thin.
GARDEN_PATH = TableModel(
    {BOS: {3: 0.6, 4: 0.4}, 3: {5: 0.4, 6: 0.3, 7: 0.3}, 4: {EOS: 1.0}}
    | {word: {EOS: 1.0} for word in (5, 6, 7)}
)


def one(n: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    return pad_sources([[3]] * n, PAD)


def test_sources_are_padded_on_the_right_and_masked() -> None:
    ids, mask = pad_sources([[3, 4, 5], [6]], PAD)
    assert ids.tolist() == [[3, 4, 5], [6, PAD, PAD]]
    assert mask.tolist() == [[True] * 3, [True, False, False]]


def test_greedy_takes_the_best_token_and_scores_with_eos() -> None:
    [result] = greedy_search(GARDEN_PATH, *one(), max_length=9)
    assert result.ids == (3, 5)
    assert result.finished
    assert result.score == pytest.approx(math.log(0.6 * 0.4) / 3, rel=1e-5)


def test_beam_two_finds_the_likelier_sentence_that_greedy_misses() -> None:
    [results] = beam_search(GARDEN_PATH, *one(), beam_size=2, n_best=2, max_length=9)
    assert [result.ids for result in results] == [(4,), (3, 5)]
    assert results[0].score == pytest.approx(math.log(0.4) / 2, rel=1e-5)


def test_length_penalty_decides_between_short_and_long() -> None:
    def best(penalty: float) -> tuple[int, ...]:
        found = beam_search(GARDEN_PATH, *one(), beam_size=2, length_penalty=penalty, max_length=9)
        return found[0][0].ids

    assert best(0.0) == (4,)
    assert best(3.0) == (3, 5)


def test_max_length_cuts_and_says_so() -> None:
    endless = TableModel({BOS: {3: 1.0}, 3: {3: 0.9, EOS: 0.1}})
    [result] = greedy_search(endless, *one(), max_length=4)
    assert (result.ids, result.finished) == ((3, 3, 3, 3), False)
    assert result.score == pytest.approx(math.log(0.9) * 3 / 4, rel=1e-5)
    [[beam]] = beam_search(endless, *one(), beam_size=1, max_length=4)
    assert beam == result
    [results] = beam_search(endless, *one(), beam_size=3, n_best=3, max_length=4)
    assert [r.finished for r in results] == sorted((r.finished for r in results), reverse=True)


def test_ties_go_to_the_lower_token_id() -> None:
    fair = TableModel(
        {BOS: dict.fromkeys((3, 4, 5, 6, 7), 0.2)} | {w: {EOS: 1.0} for w in range(3, 8)}
    )
    assert greedy_search(fair, *one(), max_length=5)[0].ids == (3,)
    [results] = beam_search(fair, *one(), beam_size=3, n_best=3, max_length=5)
    assert [result.ids for result in results] == [(3,), (4,), (5,)]


def test_pad_and_bos_are_never_generated_and_banned_tokens_neither() -> None:
    model = TableModel({BOS: {PAD: 0.5, BOS: 0.3, 3: 0.1, 4: 0.1}, 3: {EOS: 1.0}, 4: {EOS: 1.0}})
    banned = torch.zeros(2, 8, dtype=torch.bool)
    banned[1, 3] = True
    results = greedy_search(model, *one(2), max_length=5, banned=banned)
    assert [result.ids for result in results] == [(3,), (4,)]
    assert results[0].score == pytest.approx(math.log(0.1) / 2, rel=1e-5)  # not renormalised
    found = beam_search(model, *one(2), beam_size=2, n_best=2, max_length=5, banned=banned)
    assert [[r.ids for r in results] for results in found] == [[(3,), (4,)], [(4,)]]


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_the_forced_log_probabilities(seed: int) -> None:
    model = RandomModel(seed)
    ids, mask = pad_sources(SOURCES, PAD)
    found = beam_search(model, ids, mask, beam_size=4, n_best=4, max_length=30)
    assert found
    for row, results in enumerate(found):
        for result in results:
            target = [*result.ids, EOS] if result.finished else list(result.ids)
            forced = model(
                ids[row : row + 1], mask[row : row + 1], torch.tensor([[BOS, *target[:-1]]])
            )
            log_probs = forced[0].log_softmax(-1).gather(1, torch.tensor(target).unsqueeze(1))
            assert result.score == pytest.approx(log_probs.mean().item(), rel=1e-4)


def test_finished_rows_leave_the_batch() -> None:
    model = RandomModel(3)
    ids, mask = pad_sources(SOURCES * 8, PAD)
    results = greedy_search(model, ids, mask, max_length=60)
    longest = max(len(result.ids) + 1 for result in results)
    assert len({len(result.ids) for result in results}) > 1
    assert model.steps < longest * len(results)


def test_empty_batch() -> None:
    ids, mask = pad_sources([], PAD)
    assert greedy_search(RandomModel(), ids, mask, max_length=5) == []
    assert beam_search(RandomModel(), ids, mask, beam_size=2, max_length=5) == []


def test_nan_weights_are_reported() -> None:
    model = RandomModel()
    model.out.data[0, 0] = float("nan")
    with pytest.raises(BackendError, match="NaN"):
        greedy_search(model, *one(), max_length=5)


@pytest.mark.parametrize(
    "settings", [{"beam_size": 0}, {"beam_size": 2, "n_best": 3}, {"beam_size": 2, "n_best": 0}]
)
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        beam_search(RandomModel(), *one(), max_length=5, **settings)
    with pytest.raises(UsageError):
        greedy_search(RandomModel(), *one(), max_length=0)


def test_texts_that_stop_too_early_do_not_end_the_search() -> None:
    """Sure of "3 4 5 6", the model gives EOS a crumb at every step; two crumbs fill beam 2."""
    table = {1: 3, 3: 4, 4: 5, 5: 6}
    rows = {previous: {following: 0.999, EOS: 0.001} for previous, following in table.items()}
    [results] = beam_search(TableModel(rows), *one(), beam_size=2, n_best=2, max_length=9)
    assert results[0].ids == (3, 4, 5, 6)
    assert results[0].finished
