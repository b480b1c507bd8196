"""What the checker says: spans of text that realise slots, and the errors against an MR."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from d2t.mr.types import Plan, Slot


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
