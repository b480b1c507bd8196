"""How good are a planner's plans?  Compared with the orders that people chose, before any text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.corpus.correct import align_examples, split_references
from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.plan.base import bigram_f1, kendall_tau
from d2t.plan.untrained import order_of
from d2t.score.bootstrap import percentile_interval, resampled_totals
from d2t.score.metric import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import FloatArray, Resampling
    from d2t.score.tasks import PlanMaker
    from d2t.slots.checker import SlotChecker

KEYS = ("kendall_tau", "exact_plan", "bigram_f1", "exact_sentence_plan")
LABELS = ("Kendall tau", "Exact plan", "Bigram F1", "Exact with sentences")


@dataclass(frozen=True, slots=True)
class ReferencePlans:
    """One MR and the plan of each of its references: first mentions, slots of the MR only."""

    mr: MeaningRepresentation
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class PlanScore:
    """One score of one planner, in 0-100 (tau from -100), with its interval."""

    key: str
    label: str
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PlannerScores:
    """What one planner scored; ``exact_sentence_plan`` only where all plans have sentences."""

    planner: str
    scores: tuple[PlanScore, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "planner": self.planner,
            "scores": {
                s.key: {"score": round(s.score, 4), "interval": [round(s.low, 4), round(s.high, 4)]}
                for s in self.scores
            },
        }


def reference_plans(examples: Iterable[Example], checker: SlotChecker) -> list[ReferencePlans]:
    """The plans of a split by distinct MR, in order of first occurrence.

    MRs are taken as they are given, since a planner is asked about those; a reference that says
    less than its MR has a shorter plan.

    Raises:
        DataError: the split has no references.
    """
    groups: dict[object, tuple[MeaningRepresentation, list[Plan]]] = {}
    for example in align_examples(split_references(examples), checker):
        if example.plan is not None and example.plan.slots:
            said = MeaningRepresentation(tuple(dict.fromkeys(example.plan.slots)))
            group = groups.setdefault(example.mr.key(), (example.mr, []))
            group[1].append(order_of(example.plan, said))
    if not groups:
        raise DataError("the corpus split has no references to take plans from", code="empty_file")
    return [ReferencePlans(mr, tuple(plans)) for mr, plans in groups.values()]


def score_planner(
    name: str, planner: PlanMaker, references: Sequence[ReferencePlans], resampling: Resampling
) -> PlannerScores:
    """Compare the planner's plan of each MR with the plan of each of its references.

    Every reference counts once, and MRs are resampled. References disagree, so even the best
    planner is far from 100: ``oracle`` plans show how far.
    """
    made = [planner.plan(item.mr) for item in references]
    n = 4 if all(plan.breaks is not None for plan in made) else 3
    rows = np.array(
        [_row(plan, item.plans)[: 2 * n] for plan, item in zip(made, references, strict=True)]
    )
    totals = rows.sum(axis=0, keepdims=True)
    samples = resampled_totals(rows, resampling.n_resamples, resampling.seed)
    scores = []
    for k in range(n):
        point = float(_score(totals, k)[0])
        low, high = percentile_interval(_score(samples, k), point, resampling.level)
        scores.append(PlanScore(KEYS[k], LABELS[k], point, low, high))
    return PlannerScores(name, tuple(scores))


def signature(domain: Domain, checker: SlotChecker, resampling: Resampling) -> str:
    """The settings behind the numbers."""
    from d2t._version import __version__

    return (
        f"plans|dom:{domain.name}@{domain.digest[:4]}|lex:{checker.lexicon_digest[:4]}"
        f"|refs:each|mentions:first|bs:{resampling.n_resamples}|seed:{resampling.seed}"
        f"|v:{__version__}"
    )


def _score(totals: FloatArray, k: int) -> FloatArray:
    return ratio(totals[:, 2 * k], totals[:, 2 * k + 1])


def _row(plan: Plan, references: Sequence[Plan]) -> list[float]:
    """Sums over the references of one MR, each followed by how many it is defined for."""
    taus = [tau for r in references if (tau := kendall_tau(plan, r)) is not None]
    n = float(len(references))
    return [
        sum(taus), float(len(taus)),
        float(sum(plan.slots == r.slots for r in references)), n,
        sum(bigram_f1(plan, r) for r in references), n,
        float(sum((plan.slots, plan.breaks) == (r.slots, r.breaks) for r in references)), n,
    ]  # fmt: skip
