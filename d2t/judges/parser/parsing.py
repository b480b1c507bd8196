"""How well a parser reads: precision, recall and F1 of what it found against what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Fact = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class F1:
    """Counts of one slot, or of all; the scores are percentages, 100 where there is nothing."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return 100.0 * self.right / self.found if self.found else 100.0

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        return 100.0 * self.right / self.wanted if self.wanted else 100.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.found + self.wanted
        return 200.0 * self.right / total if total else 100.0


@dataclass(frozen=True, slots=True)
class ParseScores:
    """Scores of many texts.

    Attributes:
        n: texts.
        exact: percentage of texts whose slots are all right.
        micro: over all slots and values.
        by_slot: per slot name, a value counted as one.
    """

    n: int
    exact: float
    micro: F1
    by_slot: Mapping[str, F1]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "n": self.n,
            "exact": round(self.exact, 4),
            "f1": round(self.micro.f1, 4),
            "precision": round(self.micro.precision, 4),
            "recall": round(self.micro.recall, 4),
            "slots": {name: round(score.f1, 4) for name, score in self.by_slot.items()},
        }


def score_parses(pairs: Iterable[tuple[frozenset[Fact], frozenset[Fact]]]) -> ParseScores:
    """Compare (found, wanted) sets of slots and values, text by text."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    n = exact = 0
    for got, want in pairs:
        n += 1
        exact += got == want
        right.update(name for name, _ in got & want)
        found.update(name for name, _ in got)
        wanted.update(name for name, _ in want)
    return ParseScores(
        n=n,
        exact=100.0 * exact / n if n else 100.0,
        micro=F1(right.total(), found.total(), wanted.total()),
        by_slot={
            name: F1(right[name], found[name], wanted[name]) for name in sorted(found | wanted)
        },
    )
