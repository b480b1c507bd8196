"""What the checker says about a text: spans that realise slots, and the errors against an MR.

Offsets are characters of the text as it was given, here and in JSON.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.mr.types import Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``text[start:end]`` realises ``slot``; offsets are characters of the text as it was given."""

    start: int
    end: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class Alignment:
    """Non-overlapping spans in text order, and the offsets at which sentences start.

    Attributes:
        text: the utterance, unchanged.
        spans: what the text says, whether or not an MR asked for it.
        sentence_starts: character offsets, ascending, the first always 0.
        faint: what words might say that no span counts, since they are vague and something else
            says the slot, or the MR asks for nothing of the kind: "an average pub with a rating of
            5 out of 5". No error of a text that people wrote; a text that is proved has none.
    """

    text: str
    spans: tuple[Span, ...]
    sentence_starts: tuple[int, ...] = (0,)
    faint: tuple[Span, ...] = ()

    def plan(self) -> Plan:
        """The realised order, variant A of rule O1.5.

        Adjacent equal mentions are one, also when words that realise nothing stand between; a slot
        mentioned again after another slot occurs again. ``breaks`` come from the sentence in which
        each mention begins.
        """
        slots: list[Slot] = []
        breaks: list[int] = []
        sentence = 0
        for span in self.spans:
            here = self.sentence_of(span.start)
            if slots and slots[-1] == span.slot:
                continue
            if slots and here != sentence:
                breaks.append(len(slots))
            sentence = here
            slots.append(span.slot)
        return Plan(tuple(slots), tuple(breaks))

    def sentence_of(self, offset: int) -> int:
        """0-based index of the sentence that holds the character at ``offset``."""
        return bisect_right(self.sentence_starts, offset) - 1


@dataclass(frozen=True, slots=True)
class WrongValue:
    """The text says ``span.slot`` where the MR has ``expected`` for the same slot name."""

    expected: Slot
    span: Span


@dataclass(frozen=True, slots=True)
class SlotReport:
    """Errors of one utterance against one MR, each with the spans that convinced the checker.

    A wrong value is one error (not one wrong plus one missing). ``repeated`` holds the second and
    later mentions of a slot and value in the realised plan.

    ``SER = 100 * (missing + added + wrong + repeated) / n_slots`` (e2e-cleaning's SemERR).
    ``str(report)`` is the text, what it says, and the verdict, for a person.

    Attributes:
        alignment: what the text says.
        n_slots: slots of the MR.
        missing: slots of the MR that the text does not say.
        added: spans that say a slot the MR does not have.
        wrong: spans that say another value than the MR's.
        repeated: spans that say a slot and value again.
    """

    alignment: Alignment
    n_slots: int
    missing: tuple[Slot, ...] = ()
    added: tuple[Span, ...] = ()
    wrong: tuple[WrongValue, ...] = ()
    repeated: tuple[Span, ...] = ()

    @property
    def n_errors(self) -> int:
        """Missing + added + wrong + repeated."""
        return len(self.missing) + len(self.added) + len(self.wrong) + len(self.repeated)

    @property
    def ok(self) -> bool:
        """True when the text says every slot of the MR, once, and nothing else."""
        return self.n_errors == 0

    @property
    def ser(self) -> float:
        """Slot error rate of this utterance in %; errors against an MR without slots count 100."""
        if self.n_slots == 0:
            return 100.0 if self.n_errors else 0.0
        return 100.0 * self.n_errors / self.n_slots

    def errors(self) -> list[str]:
        """Each error in words, such as ``wrong area[riverside] for area[city centre]``."""
        return [
            *(f"missing {slot}" for slot in self.missing),
            *(f"added {span.slot}" for span in self.added),
            *(f"wrong {wrong.span.slot} for {wrong.expected}" for wrong in self.wrong),
            *(f"repeated {span.slot}" for span in self.repeated),
        ]

    def as_dict(self) -> dict[str, Any]:
        """``{spans, plan, breaks, missing, added, wrong, repeated}``, JSON-able.

        ``spans`` holds what the text says, whether or not the MR asked for it; ``plan`` is the
        realised order.
        """
        plan = self.alignment.plan()
        return {
            "spans": spans_as_list(self.alignment),
            "plan": plan.labels(),
            "breaks": list(plan.breaks or ()),
            "missing": slots_as_list(self.missing),
            "added": [_span(span) for span in self.added],
            "wrong": [
                {
                    "slot": wrong.span.slot.name,
                    "expected": wrong.expected.value,
                    **_place(wrong.span),
                }
                for wrong in self.wrong
            ],
            "repeated": [_span(span) for span in self.repeated],
        }

    def __str__(self) -> str:
        text = self.alignment.text
        said = [f"{span.slot} ({text[span.start : span.end]!r})" for span in self.alignment.spans]
        verdict = "ok" if self.ok else f"SER {self.ser:.1f}%: {'; '.join(self.errors())}"
        return f"{text}\n  says: {', '.join(said) or 'no slot'}\n  {verdict}"


def spans_as_list(alignment: Alignment) -> list[dict[str, Any]]:
    """``[{slot, value, start, end}]`` in text order."""
    return [_span(span) for span in alignment.spans]


def report_as_dict(id: str, report: SlotReport) -> dict[str, Any]:
    """The line that a text gets from ``d2t check``: its id, then ``SlotReport.as_dict``."""
    return {"id": id, **report.as_dict()}


def slots_as_list(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    """``[{slot, value}]`` in the order given."""
    return [{"slot": slot.name, "value": slot.value} for slot in slots]


def _place(span: Span) -> dict[str, Any]:
    return {"value": span.slot.value, "start": span.start, "end": span.end}


def _span(span: Span) -> dict[str, Any]:
    return {"slot": span.slot.name, **_place(span)}
