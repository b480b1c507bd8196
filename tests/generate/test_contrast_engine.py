"""The contrastive step, by hand on toy distributions, and the searches that take it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from scripted_contrast import ScriptedContrast, static
from scripted_models import BOS, EOS, PAD, RandomModel, TableModel

from d2t.errors import BackendError, UsageError
from d2t.generate.contrast import ContrastOptions
from d2t.generate.contrast_engine import ContrastiveModel, contrast_scores, doubled_sources
from d2t.search.beam import beam_search
from d2t.search.greedy import greedy_search, pad_sources, step_log_probs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.model.base import DecoderState
    from d2t.search.backend import SearchResult

SOURCES = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 3], [5, 5], [4, 3], [9, 3, 9, 3]]
OTHERS = [[3, 5], [7, 4, 4, 4], [7, 8, 9, 3], [5], [11, 3], [9]]


def scores(
    true: list[list[float]], perturbed: list[list[float]], **settings: Any
) -> list[list[float]]:
    """The contrasted distribution of rows of probabilities; token 2 is EOS."""
    rows = torch.tensor(true), torch.tensor(perturbed)
    blocked = settings.pop("blocked", None)
    active = settings.pop("active", [True] * len(true))
    contrasted = contrast_scores(
        rows[0].log(),
        rows[1].log(),
        eos_id=EOS,
        blocked=torch.zeros(rows[0].shape, dtype=torch.bool) if blocked is None else blocked,
        active=torch.tensor(active),
        **settings,
    )
    return contrasted.softmax(-1).tolist()


class PairModel(TableModel):
    """Follows one table where the source begins with 3, another elsewhere."""

    def __init__(self, true: dict[int, dict[int, float]], other: dict[int, dict[int, float]]):
        super().__init__(true)
        self.both = torch.stack([TableModel(other).logits, self.logits])

    def start(self, source_ids: torch.Tensor, source_mask: torch.Tensor) -> DecoderState:
        return {"true": (source_ids[:, :1] == 3).long()}

    def step(
        self, token_ids: torch.Tensor, state: DecoderState
    ) -> tuple[torch.Tensor, DecoderState]:
        return self.both[state["true"].squeeze(1), token_ids], state


def contrasted(
    model: Any, sources: list[list[int]], others: list[list[int]], options: ContrastOptions
) -> tuple[ContrastiveModel, torch.Tensor, torch.Tensor]:
    contrasts = static(others)
    return (
        ContrastiveModel(model, options, contrasts),
        *doubled_sources(sources, contrasts, PAD),
    )


# --- the step ---------------------------------------------------------------------------------


def test_the_step_by_hand() -> None:
    """beta 0.5: 0.4/sqrt(0.64), 0.5/sqrt(0.25), 0.1/sqrt(0.01) = 0.5, 1, 1 before the sum of 2.5"""
    true, other = [[0.0, 0.0, 0.1, 0.5, 0.4]], [[0.0, 0.0, 0.01, 0.25, 0.64]]
    [found] = scores(true, other, beta=0.5, plausibility=0.0)
    assert found == pytest.approx([0, 0, 0.4, 0.4, 0.2], abs=1e-6)


def test_a_contrast_turns_the_choice() -> None:
    """The likeliest word is likely anyhow; the other is said only because of the true source."""
    true, other = [[0.0, 0.0, 0.0, 0.6, 0.4]], [[0.0, 0.0, 0.0, 0.9, 0.1]]
    [found] = scores(true, other, beta=1.0, plausibility=0.0)
    assert found == pytest.approx([0, 0, 0, 1 / 7, 6 / 7], abs=1e-6)  # 2/3 to 4


def test_the_mask_never_admits_a_token_outside() -> None:
    """The literal rule's failure: 1e-4 against 1e-9 beats 0.9 against 0.9."""
    true, other = [[0.0, 0.0, 0.0, 0.9, 1e-4]], [[0.0, 0.0, 0.0, 0.9, 1e-9]]
    [literal] = scores(true, other, beta=0.5, plausibility=0.0)
    assert literal[4] > literal[3]
    [masked] = scores(true, other, beta=0.5, plausibility=0.1)
    assert masked == [0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.3, 1.0])
def test_what_the_mask_keeps_is_its_definition(alpha: float) -> None:
    torch.manual_seed(3)
    true, other = torch.randn(50, 30).softmax(-1), torch.randn(50, 30).softmax(-1)
    found = torch.tensor(scores(true.tolist(), other.tolist(), beta=0.7, plausibility=alpha))
    outside = true < alpha * true.amax(-1, keepdim=True) * (1 - 1e-5)
    assert not found[outside].any()
    inside = true > alpha * true.amax(-1, keepdim=True) * (1 + 1e-5)
    assert bool((found[inside] > 0).all())
    assert torch.allclose(found.sum(-1), torch.ones(50), atol=1e-5)


def test_blocked_tokens_are_neither_likeliest_nor_kept() -> None:
    blocked = torch.tensor([[False, False, False, True, False, False]])
    true, other = [[0.0, 0.0, 0.0, 0.9, 0.06, 0.04]], [[0.0, 0.0, 0.0, 0.4, 0.4, 0.2]]
    [found] = scores(true, other, beta=0.5, plausibility=0.5, blocked=blocked)
    assert found[3] == 0.0
    assert found[4] > 0 < found[5]  # 0.04 is half of 0.06, though not of 0.9
    assert sum(found) == pytest.approx(1.0)


def test_no_contrast_where_the_text_would_end_or_nothing_is_perturbed() -> None:
    ends, goes = [0.0, 0.0, 0.5, 0.3, 0.2], [0.0, 0.0, 0.3, 0.5, 0.2]
    other = [0.0, 0.0, 0.9, 0.05, 0.05]
    found = scores(
        [ends, goes, goes],
        [other] * 3,
        beta=1.0,
        plausibility=0.0,
        active=[True, False, True],
    )
    assert found[0] == pytest.approx(ends, abs=1e-6)
    assert found[1] == pytest.approx(goes, abs=1e-6)
    assert found[2][3] > 0.6


def test_without_weight_and_mask_the_logits_are_the_models_own() -> None:
    torch.manual_seed(1)
    true, other = torch.randn(9, 20), torch.randn(9, 20)
    blocked, active = torch.rand(9, 20) < 0.2, torch.ones(9, dtype=torch.bool)
    same = contrast_scores(
        true, other, beta=0.0, plausibility=0.0, eos_id=EOS, blocked=blocked, active=active
    )
    assert torch.equal(same, true)


# --- searches ---------------------------------------------------------------------------------

GOES_ON = {BOS: {3: 0.6, 4: 0.4}, 3: {EOS: 0.6, 5: 0.4}, 4: {5: 0.6, EOS: 0.4}, 5: {EOS: 1.0}}
LIKES_3 = {BOS: {3: 0.9, 4: 0.1}, 3: {EOS: 0.9, 5: 0.1}, 4: {5: 0.1, EOS: 0.9}, 5: {EOS: 1.0}}


def test_greedy_search_by_hand() -> None:
    model = PairModel(GOES_ON, LIKES_3)
    run = contrasted(model, [[3]], [[4]], ContrastOptions(beta=1.0, plausibility=0.0))
    [found] = greedy_search(*run, max_length=9)
    assert found.ids == (4, 5)
    # 4: (0.4/0.1)/(0.4/0.1 + 0.6/0.9); 5: (0.6/0.1)/(0.6/0.1 + 0.4/0.9); EOS: the model's own 1
    expected = math.log(4 / (4 + 2 / 3)) + math.log(6 / (6 + 4 / 9))
    assert found.score == pytest.approx(expected / 3, rel=1e-5)


def test_stop_rule_the_contrast_cannot_prolong_a_text() -> None:
    """After 3 the true source ends (0.6), and the contrast alone would say 5 (0.4 against 0.1)."""
    model = PairModel(GOES_ON | {BOS: {3: 1.0}}, LIKES_3 | {BOS: {3: 1.0}})
    run = contrasted(model, [[3]], [[4]], ContrastOptions(beta=1.0, plausibility=0.0))
    [found] = greedy_search(*run, max_length=9)
    assert found.ids == (3,)
    assert found.score == pytest.approx(math.log(0.6) / 2, rel=1e-5)
    [[best, second]] = beam_search(*run, beam_size=2, n_best=2, max_length=9)
    assert best.ids == (3,)
    assert second.ids == (3, 5)  # as the plain beam ranks it: log 0.4
    assert second.score == pytest.approx(math.log(0.4) / 3, rel=1e-5)


def test_stop_rule_the_contrast_can_end_a_text() -> None:
    ends_early = {BOS: {3: 1.0}, 3: {EOS: 0.4, 5: 0.6}, 5: {EOS: 1.0}}
    never_ends = {BOS: {3: 1.0}, 3: {EOS: 0.01, 5: 0.99}, 5: {EOS: 1.0}}
    model = PairModel(ends_early, never_ends)
    run = contrasted(model, [[3]], [[4]], ContrastOptions(beta=0.5, plausibility=0.0))
    [found] = greedy_search(*run, max_length=9)
    assert found.ids == (3,)


@pytest.mark.parametrize("seed", range(4))
def test_beta_zero_finds_what_the_plain_search_finds(seed: int) -> None:
    """But for rounding: a matrix product of twice the rows. Without a mask nothing is doubled."""
    model = RandomModel(seed)
    run = contrasted(model, SOURCES, OTHERS, ContrastOptions(beta=0.0, plausibility=0.0))
    plain = pad_sources(SOURCES, PAD)
    width = run[1].size(-1)
    assert width == plain[0].size(1)
    for beam_size in (1, 3):
        options: dict[str, Any] = {"beam_size": beam_size, "n_best": beam_size, "max_length": 25}
        found, expected = beam_search(*run, **options), beam_search(model, *plain, **options)
        assert [[r.ids for r in row] for row in found] == [[r.ids for r in row] for row in expected]
        scores = [[result.score for row in rows for result in row] for rows in (found, expected)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-6)


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_a_batch_is_its_rows(beam_size: int, alpha: float) -> None:
    options = ContrastOptions(beta=0.5, plausibility=alpha)
    search: dict[str, Any] = {"beam_size": beam_size, "n_best": beam_size, "max_length": 25}
    for seed in range(3):
        model = RandomModel(seed)
        together = beam_search(*contrasted(model, SOURCES, OTHERS, options), **search)
        for source, other, results in zip(SOURCES, OTHERS, together, strict=True):
            [alone] = beam_search(*contrasted(model, [source], [other], options), **search)
            assert [r.ids for r in alone] == [r.ids for r in results]


def test_beam_one_is_greedy_and_scores_are_forced_contrasts() -> None:
    options = ContrastOptions(beta=0.5, plausibility=0.05)
    for seed in range(4):
        run = contrasted(RandomModel(seed), SOURCES, OTHERS, options)
        greedy = greedy_search(*run, max_length=25)
        assert [found[0] for found in beam_search(*run, beam_size=1, max_length=25)] == greedy
        for results in beam_search(*run, beam_size=4, n_best=4, max_length=25):
            assert all(math.isfinite(result.score) and result.score <= 0 for result in results)
        model, ids, mask = run
        target = [*greedy[0].ids, EOS] if greedy[0].finished else list(greedy[0].ids)
        inputs = torch.tensor([[BOS, *target[:-1]]] * len(SOURCES))
        forced = model(ids, mask, inputs)[0].log_softmax(-1)
        chosen = forced.gather(1, torch.tensor(target).unsqueeze(1))
        assert greedy[0].score == pytest.approx(chosen.mean().item(), rel=1e-4)


def test_every_step_is_a_distribution() -> None:
    model, ids, mask = contrasted(RandomModel(2), SOURCES, OTHERS, ContrastOptions(beta=0.5))
    state, token = model.start(ids, mask), torch.full((len(SOURCES),), BOS)
    for _ in range(6):
        log_probs, state = step_log_probs(model, token, state)
        assert torch.allclose(log_probs.exp().sum(-1), torch.ones(len(SOURCES)), atol=1e-5)
        token = log_probs.argmax(-1)


def test_finished_rows_leave_with_both_halves() -> None:
    model = RandomModel(3)
    many = SOURCES * 8, OTHERS * 8
    found = greedy_search(*contrasted(model, *many, ContrastOptions(beta=0.5)), max_length=60)
    longest = max(len(result.ids) + 1 for result in found)
    assert model.steps < 2 * longest * len(found)


def test_nan_weights_are_reported() -> None:
    model = RandomModel()
    model.out.data[0, 0] = float("nan")
    with pytest.raises(BackendError, match="NaN"):
        greedy_search(*contrasted(model, SOURCES, OTHERS, ContrastOptions()), max_length=5)


@pytest.mark.parametrize(
    "settings",
    [
        {"beta": -0.1},
        {"beta": float("nan")},
        {"plausibility": 1.5},
        {"plausibility": -1.0},
        {"perturbation": "wronk"},
    ],
)
def test_impossible_options(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ContrastOptions(**settings)


# --- the contrast that follows the text ---------------------------------------------------------


def defined(
    model: RandomModel, script: ScriptedContrast, source: list[int], ids: Sequence[int]
) -> torch.Tensor:
    """Log-probabilities ``(vocab,)`` of what follows ``ids``, by definition: no cache at all."""
    options = script.options
    said = script.said(ids) if options.dynamic else 0
    rows = []
    for tokens in (source, list(script.ids(said))):
        padded = pad_sources([tokens], PAD)
        rows.append(model(*padded, torch.tensor([[BOS, *ids]]))[:, -1])
    blocked = torch.zeros(1, model.vocab_size, dtype=torch.bool)
    blocked[0, [PAD, BOS]] = True
    found = contrast_scores(
        *rows,
        beta=options.beta,
        plausibility=options.plausibility,
        eos_id=EOS,
        blocked=blocked,
        active=torch.tensor([said != script.everything]),
    )
    return found.masked_fill(blocked, float("-inf")).log_softmax(-1)[0]


def stepwise(model: RandomModel, script: ScriptedContrast, source: list[int]) -> tuple[int, ...]:
    """Greedy search with a contrast that follows the text, by its definition."""
    ids: list[int] = []
    while len(ids) < 12:
        token = int(defined(model, script, source, ids).argmax())
        if token == EOS:
            break
        ids.append(token)
    return tuple(ids)


def followers(seed: int, options: ContrastOptions) -> list[ScriptedContrast]:
    """For each source a contrast that changes with what is said; the words differ by seed."""
    return [
        ScriptedContrast(
            {0: (5, 6), 1: (5, 7, 8), 2: (9, 4), 3: tuple(source)},
            words=(3 + (seed + k) % 9, 3 + (seed + k + 4) % 9),
            options=options,
        )
        for k, source in enumerate(SOURCES)
    ]


@pytest.mark.parametrize("dynamic", [False, True])
def test_scores_of_beams_are_the_contrast_by_definition(dynamic: bool) -> None:
    """Both halves of the caches, and what each beam has said, go with their beam."""
    options = ContrastOptions(beta=0.8, plausibility=0.05, dynamic=dynamic)
    for seed in range(6):
        scripts, model = followers(seed, options), RandomModel(seed)
        run = ContrastiveModel(model, options, scripts), *doubled_sources(SOURCES, scripts, PAD)
        beams: list[list[SearchResult]] = beam_search(*run, beam_size=4, n_best=4, max_length=12)
        for script, source, results in zip(scripts, SOURCES, beams, strict=True):
            assert len(results) > 1
            for found in results:
                target = [*found.ids, EOS] if found.finished else list(found.ids)
                steps = [
                    defined(model, script, source, target[:at])[token].item()
                    for at, token in enumerate(target)
                ]
                assert found.score == pytest.approx(sum(steps) / len(steps), rel=1e-3)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_dynamic_contrast_is_its_definition(beam_size: int) -> None:
    options = ContrastOptions(beta=0.8, plausibility=0.05, dynamic=True)
    followed, moved = [], 0
    for seed in range(12):
        scripts, model = followers(seed, options), RandomModel(seed)
        run = (
            ContrastiveModel(model, options, scripts),
            *doubled_sources(SOURCES, scripts, PAD),
        )
        search: dict[str, Any] = {"beam_size": beam_size, "n_best": beam_size, "max_length": 12}
        found: list[list[SearchResult]] = beam_search(*run, **search)
        if beam_size == 1:
            followed += [results[0].ids for results in found]
            expected = [
                stepwise(model, script, source)
                for script, source in zip(scripts, SOURCES, strict=True)
            ]
            assert [results[0].ids for results in found] == expected
            moved += sum(
                0 < script.said(ids) < 3 for script, ids in zip(scripts, expected, strict=True)
            )
            continue
        for k, results in enumerate(found):
            alone = (
                ContrastiveModel(model, options, [scripts[k]]),
                *doubled_sources([SOURCES[k]], [scripts[k]], PAD),
            )
            [again] = beam_search(*alone, **search)
            assert [r.ids for r in again] == [r.ids for r in results]
    if beam_size == 1:
        assert moved > 5, "no text said one of its slots: nothing was tested"
