"""Slot metrics: is everything said, and nothing else?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from d2t.score.metric import METRICS, RecordMetric, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.bootstrap import FloatArray
    from d2t.score.records import CheckedRecord


@METRICS.register("slot_error_rate")
class SlotErrorRate(RecordMetric):
    """``SER = 100 * (missing + added + wrong + repeated) / slots``, e2e-cleaning's SemERR.

    A wrong value is one error. SER can exceed 100, since added and repeated slots are errors too.
    Columns: missing, added, wrong, repeated, slots.
    """

    key = "slot_error_rate"
    label = "SER"
    higher_is_better = False
    settings: ClassVar[dict[str, str]] = {"rep": "yes", "syn": "no"}
    width = 5

    def row(self, checked: CheckedRecord) -> list[float]:
        """Missing, added, wrong, repeated, slots of the MR."""
        report = checked.report
        errors = (report.missing, report.added, report.wrong, report.repeated)
        return [*(float(len(kind)) for kind in errors), float(report.n_slots)]

    def scores(self, totals: FloatArray) -> FloatArray:
        """Errors per slot in %."""
        return ratio(totals[:, :4].sum(axis=1), totals[:, 4])


@METRICS.register("errors_per_utterance")
class ErrorsPerUtterance(RecordMetric):
    """The paper's "Err" = ``100 * (M + I + A) / utterances`` (rule O6): not per slot.

    As in the paper, a wrong value of a slot counts twice (incorrect and missing), a repeated
    correct mention counts nothing. Departures: scored against the given MR instead of the oracle
    plan (rule W5), and on the realised plan of variant A (rule W7). Columns: missing,
    incorrect, added, utterances.
    """

    key = "errors_per_utterance"
    label = "Err"
    higher_is_better = False
    settings: ClassVar[dict[str, str]] = {"agg": "utterance"}
    width = 4

    def row(self, checked: CheckedRecord) -> list[float]:
        """Missing, incorrect, added, 1."""
        wanted, said = set(checked.record.mr.slots), checked.realised.slots
        names = {slot.name for slot in wanted}
        incorrect = sum(slot.name in names and slot not in wanted for slot in said)
        added = sum(slot.name not in names for slot in said)
        return [float(len(wanted.difference(said))), float(incorrect), float(added), 1.0]

    def scores(self, totals: FloatArray) -> FloatArray:
        """Errors per 100 utterances."""
        return ratio(totals[:, :3].sum(axis=1), totals[:, 3])


@METRICS.register("exact_utterances")
class ExactUtterances(RecordMetric):
    """Share of utterances that say every slot, once, and nothing else.

    Columns: exact utterances, utterances.
    """

    key = "exact_utterances"
    label = "Exact"
    settings: ClassVar[dict[str, str]] = {"rep": "yes", "syn": "no"}
    width = 2

    def row(self, checked: CheckedRecord) -> list[float]:
        """1 if the report is clean, 1."""
        return [float(checked.report.ok), 1.0]

    def scores(self, totals: FloatArray) -> FloatArray:
        """Exact utterances in %."""
        return ratio(totals[:, 0], totals[:, 1])


class _SlotOverlap(RecordMetric):
    """Multiset overlap of the mentions with the MR (rule O6), micro-averaged.

    Columns: mentions that the MR asks for, mentions, slots. A second mention of a slot is a false
        positive.
    """

    settings: ClassVar[dict[str, str]] = {"rep": "yes", "syn": "no", "agg": "micro"}
    width = 3

    def row(self, checked: CheckedRecord) -> list[float]:
        """True positives, mentions, slots."""
        wanted, said = Counter(checked.record.mr.slots), Counter(checked.realised.slots)
        return [float((wanted & said).total()), float(said.total()), float(wanted.total())]


@METRICS.register("slot_precision")
class SlotPrecision(_SlotOverlap):
    """Share of the mentions that the MR asks for; 0 when nothing is mentioned (rule O6)."""

    key = "slot_precision"
    label = "Slot P"

    def scores(self, totals: FloatArray) -> FloatArray:
        """Precision in %."""
        return ratio(totals[:, 0], np.maximum(1, totals[:, 1]))


@METRICS.register("slot_recall")
class SlotRecall(_SlotOverlap):
    """Share of the MR's slots that are mentioned."""

    key = "slot_recall"
    label = "Slot R"

    def scores(self, totals: FloatArray) -> FloatArray:
        """Recall in %."""
        return ratio(totals[:, 0], totals[:, 2])


@METRICS.register("slot_f1")
class SlotF1(_SlotOverlap):
    """Harmonic mean of slot precision and recall: ``2 tp / (mentions + slots)``."""

    key = "slot_f1"
    label = "Slot F1"

    def scores(self, totals: FloatArray) -> FloatArray:
        """F1 in %."""
        return ratio(2 * totals[:, 0], totals[:, 1] + totals[:, 2])


@dataclass(frozen=True, slots=True)
class SlotBreakdown:
    """Errors of one slot name over a corpus."""

    slot: str
    n_slots: int = 0
    missing: int = 0
    added: int = 0
    wrong: int = 0
    repeated: int = 0

    @property
    def n_errors(self) -> int:
        """Missing + added + wrong + repeated."""
        return self.missing + self.added + self.wrong + self.repeated

    @property
    def error_rate(self) -> float | None:
        """SER of this slot alone; None when no MR asks for it."""
        return 100.0 * self.n_errors / self.n_slots if self.n_slots else None


def break_down(checked: Sequence[CheckedRecord], slot_names: Sequence[str]) -> list[SlotBreakdown]:
    """Errors per slot name, in the order of ``slot_names``; slots that never occur are left out."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in slot_names}
    for item in checked:
        report = item.report
        said = {
            "n_slots": [slot.name for slot in item.record.mr.slots],
            "missing": [slot.name for slot in report.missing],
            "added": [span.slot.name for span in report.added],
            "wrong": [wrong.expected.name for wrong in report.wrong],
            "repeated": [span.slot.name for span in report.repeated],
        }
        for column, names in said.items():
            for name in names:
                counts.setdefault(name, Counter())[column] += 1
    return [SlotBreakdown(name, **columns) for name, columns in counts.items() if columns.total()]
