"""The sentences on which two systems differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.plan.plan_agreement import bigram_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.judged import Judged
    from d2t.score.metric import Scorer


@dataclass(frozen=True, slots=True)
class Side:
    """What one system did with one record."""

    text: str
    errors: tuple[str, ...]
    order: float | None
    chrf: float | None

    def verdict(self) -> str:
        """One line: slot errors, order, chrF."""
        parts = ["; ".join(self.errors) or "no slot errors"]
        if self.order is not None:
            parts.append(
                "order kept" if self.order == 1 else f"order bigram F1 {100 * self.order:.0f}"
            )
        if self.chrf is not None:
            parts.append(f"chrF {self.chrf:.1f}")
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "text": self.text,
            "errors": list(self.errors),
            "bigram_f1": None if self.order is None else round(100 * self.order, 4),
            "chrf": None if self.chrf is None else round(self.chrf, 4),
        }


@dataclass(frozen=True, slots=True)
class DifferingPair:
    """One record on which the two systems differ."""

    id: str
    mr: str
    a: Side
    b: Side

    def distance(self) -> tuple[float, float, float]:
        """Slot errors first, then order, then chrF."""
        return (
            abs(len(self.a.errors) - len(self.b.errors)),
            abs((self.a.order or 0.0) - (self.b.order or 0.0)),
            abs((self.a.chrf or 0.0) - (self.b.chrf or 0.0)),
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"id": self.id, "mr": self.mr, "a": self.a.as_dict(), "b": self.b.as_dict()}


def most_different(
    a: Sequence[Judged], b: Sequence[Judged], n: int, scorer: Scorer
) -> list[DifferingPair]:
    """The ``n`` pairs of different texts that lie furthest apart (``DifferingPair.distance``).

    Args:
        a: records of the first system.
        b: the same records of the second.
        n: how many pairs.
        scorer: of the sentences; chrF, which is defined for single sentences.
    """
    different = [
        i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x.record.text != y.record.text
    ]
    chrf_a, chrf_b = ([*_sentence_scores(scorer, [side[i] for i in different])] for side in (a, b))
    pairs = [
        DifferingPair(
            id=a[i].record.id,
            mr=", ".join(map(str, a[i].record.mr.slots)),
            a=_side(a[i], score_a),
            b=_side(b[i], score_b),
        )
        for i, score_a, score_b in zip(different, chrf_a, chrf_b, strict=True)
    ]
    return sorted(pairs, key=DifferingPair.distance, reverse=True)[:n]


def _sentence_scores(scorer: Scorer, judged: Sequence[Judged]) -> list[float | None]:
    if not judged:
        return []
    scores = scorer.scores(scorer.statistics(judged))
    return [
        None if not scorer.applies(item) else float(x)
        for item, x in zip(judged, scores, strict=True)
    ]


def _side(judged: Judged, score: float | None) -> Side:
    report, plan = judged.report, judged.record.plan
    errors = [
        *(f"missing {slot}" for slot in report.missing),
        *(f"added {span.slot}" for span in report.added),
        *(f"wrong {wrong.span.slot} for {wrong.expected}" for wrong in report.wrong),
        *(f"repeated {span.slot}" for span in report.repeated),
    ]
    order = None if plan is None else bigram_f1(plan, judged.realised)
    return Side(judged.record.text, tuple(errors), order, score)
