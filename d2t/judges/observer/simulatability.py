"""LAS: whether a rationale helps an observer to predict, beyond giving the answer away.

Leakage-adjusted simulatability (Hase et al. 2020; rule F3.3). Only the formula is
here, on predictions that are right or wrong; ``d2t.judges.observer.items`` makes the
items, and ``d2t.judges.observer.simulator`` the observers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import DataError
from d2t.score.bootstrap import percentile_interval, resampled_totals, sum_by_unit
from d2t.score.metric import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.bootstrap import FloatArray, Resampling


@dataclass(frozen=True, slots=True)
class SimulatedItem:
    """Whether an observer was right about one item.

    Attributes:
        question: what was asked, for scores by question.
        answer: what would have been right.
        unit: items of one unit are resampled together (those of one MR are not independent).
        both: right from input and rationale.
        input: right from the input alone.
        rationale: right from the rationale alone; the item is then *leaking*.
    """

    question: str
    answer: str
    unit: int
    both: bool
    input: bool
    rationale: bool


@dataclass(frozen=True, slots=True)
class Score:
    """A score in 0-100 (differences from -100) with its interval; nan where it is undefined."""

    score: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; None where undefined."""
        if np.isnan(self.score):
            return {"score": None, "interval": None}
        return {
            "score": round(self.score, 4),
            "interval": [round(self.low, 4), round(self.high, 4)],
        }


@dataclass(frozen=True, slots=True)
class Simulatability:
    """What the observers of one judged system scored.

    Attributes:
        n_items, n_units: items, and units that are resampled.
        n_leaking: items whose answer the rationale alone gives away.
        las: mean of the two effects, unweighted; undefined where a group is empty.
        leaking, nonleaking: ``accuracy(both) - accuracy(input)`` in either group.
        unadjusted: the same difference over all items.
        accuracy: by what the observer saw (``both``, ``input``, ``rationale``).
        balanced: the same as the mean over answers of a question, so that a rare answer counts.
        majority: accuracy of always giving each question's commonest answer.
        signature: the settings behind the numbers.
    """

    n_items: int
    n_units: int
    n_leaking: int
    las: Score
    leaking: Score
    nonleaking: Score
    unadjusted: Score
    accuracy: dict[str, Score]
    balanced: dict[str, float]
    majority: float
    signature: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "n_items": self.n_items,
            "n_units": self.n_units,
            "las": self.las.as_dict(),
            "leaking": {"n": self.n_leaking, **self.leaking.as_dict()},
            "nonleaking": {"n": self.n_items - self.n_leaking, **self.nonleaking.as_dict()},
            "unadjusted": self.unadjusted.as_dict(),
            "accuracy": {seen: score.as_dict() for seen, score in self.accuracy.items()},
            "balanced_accuracy": {seen: round(x, 4) for seen, x in self.balanced.items()},
            "majority": round(self.majority, 4),
            "signature": self.signature,
        }


SEEN = ("both", "input", "rationale")
"""What an observer may have seen of an item."""


def simulatability(
    items: Sequence[SimulatedItem], resampling: Resampling, *, signature: str = ""
) -> Simulatability:
    """LAS with its parts.

    With ``k_i = 1`` where the rationale alone gives the answer, and ``d_i`` = right from both minus
    right from the input alone: ``LAS = (mean of d where k = 1 + mean of d where k = 0) / 2``, times
    100. The groups count alike whatever their sizes, so a small one makes LAS noisy: the interval
    and ``n_leaking`` say how much. Resamples in which a group is empty are left out of it.

    Raises:
        DataError: there are no items.
    """
    if not items:
        raise DataError("there is nothing to simulate: no items", code="empty_file")
    rows = np.array([_row(item) for item in items], dtype=np.float64)
    _, units = np.unique([item.unit for item in items], return_inverse=True)
    grouped = sum_by_unit(rows, units.tolist())
    points = _scores(grouped.sum(axis=0, keepdims=True))
    samples = _scores(resampled_totals(grouped, resampling.n_resamples, resampling.seed))
    found = {}
    for name, point in points.items():
        low, high = percentile_interval(samples[name], float(point[0]), resampling.level)
        found[name] = Score(float(point[0]), low, high)
    return Simulatability(
        n_items=len(items),
        n_units=len(grouped),
        n_leaking=sum(item.rationale for item in items),
        las=found["las"],
        leaking=found["leaking"],
        nonleaking=found["nonleaking"],
        unadjusted=found["unadjusted"],
        accuracy={seen: found[seen] for seen in SEEN},
        balanced={seen: _balanced(items, seen) for seen in SEEN},
        majority=_majority(items),
        signature=signature,
    )


def by_question(items: Sequence[SimulatedItem]) -> dict[str, list[SimulatedItem]]:
    """The items of each question, in their order."""
    parts: dict[str, list[SimulatedItem]] = {}
    for item in items:
        parts.setdefault(item.question, []).append(item)
    return parts


def _row(item: SimulatedItem) -> list[float]:
    """Leaking, its d, not leaking, its d, right from both, input, rationale, 1."""
    leaks, gain = float(item.rationale), float(item.both) - float(item.input)
    right = (float(item.both), float(item.input), float(item.rationale))
    return [leaks, leaks * gain, 1 - leaks, (1 - leaks) * gain, *right, 1.0]


def _scores(totals: FloatArray) -> dict[str, FloatArray]:
    """Scores ``(r,)`` of summed rows ``(r, 8)``."""
    leaking = ratio(totals[:, 1], totals[:, 0])
    nonleaking = ratio(totals[:, 3], totals[:, 2])
    accuracy = {seen: ratio(totals[:, 4 + k], totals[:, 7]) for k, seen in enumerate(SEEN)}
    return {
        "las": (leaking + nonleaking) / 2,
        "leaking": leaking,
        "nonleaking": nonleaking,
        "unadjusted": accuracy["both"] - accuracy["input"],
        **accuracy,
    }


def _balanced(items: Sequence[SimulatedItem], seen: str) -> float:
    right: Counter[tuple[str, str]] = Counter()
    all_: Counter[tuple[str, str]] = Counter()
    for item in items:
        all_[item.question, item.answer] += 1
        right[item.question, item.answer] += bool(getattr(item, seen))
    return 100.0 * float(np.mean([right[key] / n for key, n in all_.items()]))


def _majority(items: Sequence[SimulatedItem]) -> float:
    answers: dict[str, Counter[str]] = {}
    for item in items:
        answers.setdefault(item.question, Counter())[item.answer] += 1
    return 100.0 * sum(max(counts.values()) for counts in answers.values()) / len(items)
