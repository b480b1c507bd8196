"""Order metrics: are the slots said in the order that was asked for?

All compare the plan asked for with the realised plan (``alignment.plan()``, variant A of rule O1.5,
repeats kept) as sequences of whole slots, value included. Records without a plan are not scored.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from d2t.errors import DataError
from d2t.plan.base import bigram_f1, kendall_tau
from d2t.score.metric import METRICS, RecordMetric, ratio

if TYPE_CHECKING:
    from d2t.mr.types import Plan
    from d2t.score.bootstrap import FloatArray
    from d2t.score.records import CheckedRecord


class OrderMetric(RecordMetric):
    """Base of the order metrics; subclasses compare two plans.

    Columns: sum of the agreements (0-1), records for which agreement is defined.
    """

    settings: ClassVar[dict[str, str]] = {"plan": "A", "agg": "macro"}
    width = 2

    @abstractmethod
    def compare(self, requested: Plan, realised: Plan) -> float | None:
        """Agreement of two plans; None when it is not defined for them."""

    def applies(self, checked: CheckedRecord) -> bool:
        """Only records that asked for an order."""
        return checked.record.plan is not None

    def row(self, checked: CheckedRecord) -> list[float]:
        """The record's agreement and 1, or two zeros where it is not defined."""
        if checked.record.plan is None:
            raise DataError(
                f"{self.label}: record {checked.record.id!r} has no plan", code="missing_plan"
            )
        value = self.compare(checked.record.plan, checked.realised)
        return [0.0, 0.0] if value is None else [value, 1.0]

    def scores(self, totals: FloatArray) -> FloatArray:
        """Mean over records (macro average), in %."""
        return ratio(totals[:, 0], totals[:, 1])


@METRICS.register("order_accuracy")
class OrderAccuracy(OrderMetric):
    """Share of outputs whose realised plan equals the requested plan exactly.

    A missing, added, wrong or repeated slot makes the plan unequal.
    """

    key = "order_accuracy"
    label = "Order"

    def compare(self, requested: Plan, realised: Plan) -> float:
        """1 when the sequences are equal, else 0."""
        return float(requested.slots == realised.slots)


@METRICS.register("sentence_plan")
class SentencePlanAccuracy(OrderMetric):
    """Share of outputs that say the requested slots in order and in the requested sentences.

    None of the source systems plans sentences; this metric is ours. A mention belongs to the
    sentence in which it begins; a sentence that realises no slot is not seen. Records whose plan
    does not plan sentences are not scored.
    """

    key = "sentence_plan"
    label = "Sentence plan"

    def applies(self, checked: CheckedRecord) -> bool:
        """Only records that asked for sentences."""
        plan = checked.record.plan
        return plan is not None and plan.breaks is not None

    def compare(self, requested: Plan, realised: Plan) -> float | None:
        """1 when slots and breaks are equal, else 0; None without planned sentences."""
        return None if requested.breaks is None else float(requested == realised)


@METRICS.register("kendall_tau")
class KendallTau(OrderMetric):
    """Kendall's tau of first mentions, times 100, so from -100 (reversed) to 100 (same order).

    The public code's tau is invalid with repeated slot-fillers (rule W19). Here: each plan
    is reduced to first mentions; only slots in both count; ``tau = (concordant - discordant) /
    pairs``, which has no ties. Fewer than two common slots: not defined, not counted. It says
    nothing about missing slots; SER does.
    """

    key = "kendall_tau"
    label = "Kendall tau"

    def compare(self, requested: Plan, realised: Plan) -> float | None:
        """From -1 to 1, or None with fewer than two common slots."""
        return kendall_tau(requested, realised)


@METRICS.register("bigram_f1")
class BigramF1(OrderMetric):
    """F1 of the bigrams of the two plans, "@" at both ends, as multisets, macro-averaged (rule O6).

    The paper uses variant B of the realised plan; we use variant A everywhere (rule O1.5).
    """

    key = "bigram_f1"
    label = "Bigram F1"

    def compare(self, requested: Plan, realised: Plan) -> float:
        """From 0 to 1, see ``bigram_f1``."""
        return bigram_f1(requested, realised)
