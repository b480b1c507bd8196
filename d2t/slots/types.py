"""What the checker says about a text: spans that realise slots, errors, and their sums.

Offsets are characters of the text as it was given, here and in JSON.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from d2t.mr.types import Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``text[start:end]`` realises ``slot``; offsets are characters of the text as it was given."""

    start: int
    end: int
    slot: Slot

    def as_dict(self) -> dict[str, Any]:
        """``{slot, value, start, end}``."""
        return {"slot": self.slot.name, **self.place()}

    def place(self) -> dict[str, Any]:
        """``{value, start, end}``."""
        return {"value": self.slot.value, "start": self.start, "end": self.end}


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
        again: spans that say in the same words what the span before them says. The plan takes both
            as one mention; a report counts them as repeated.
        vague: words that say again, vaguely, what the MR holds ("noodles" in a Chinese restaurant).
    """

    text: str
    spans: tuple[Span, ...]
    sentence_starts: tuple[int, ...] = (0,)
    faint: tuple[Span, ...] = ()
    again: tuple[Span, ...] = ()
    vague: tuple[Span, ...] = ()

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

    def as_list(self) -> list[dict[str, Any]]:
        """``[{slot, value, start, end}]`` in text order: the spans in JSON form."""
        return [span.as_dict() for span in self.spans]

    def sentence_of(self, offset: int) -> int:
        """0-based index of the sentence that holds the character at ``offset``."""
        return bisect_right(self.sentence_starts, offset) - 1


@dataclass(frozen=True, slots=True)
class WrongValue:
    """The text says ``span.slot`` where the MR has ``expected`` for the same slot name."""

    expected: Slot
    span: Span


Repeats = Literal["error", "warn", "ignore"]
"""Whether a slot that is said again spoils a verdict, is only shown, or is not shown to people."""


@dataclass(frozen=True, slots=True)
class Claim:
    """``text`` stands at ``start:end``, belongs to no slot, and says more than a neutral frame."""

    start: int
    end: int
    text: str

    def as_dict(self) -> dict[str, Any]:
        """``{text, start, end}``."""
        return {"text": self.text, "start": self.start, "end": self.end}


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
        repeats: whether ``repeated`` counts in ``ok``. It always counts in ``ser``.
        unsupported: claims of words outside of all spans. They are no slot errors: SER and ``ok``
            leave them out, ``proved`` does not.
    """

    alignment: Alignment
    n_slots: int
    missing: tuple[Slot, ...] = ()
    added: tuple[Span, ...] = ()
    wrong: tuple[WrongValue, ...] = ()
    repeated: tuple[Span, ...] = ()
    repeats: Repeats = "error"
    unsupported: tuple[Claim, ...] = ()

    @property
    def n_errors(self) -> int:
        """Missing + added + wrong + repeated."""
        return len(self.missing) + len(self.added) + len(self.wrong) + len(self.repeated)

    @property
    def ok(self) -> bool:
        """True when the text says every slot of the MR, and nothing else.

        It also says each once, unless ``repeats`` is ``warn`` or ``ignore``.
        """
        counted = self.repeated if self.repeats == "error" else ()
        return not (self.missing or self.added or self.wrong or counted)

    @property
    def proved(self) -> bool:
        """True when the text says every slot once and nothing else, with any of its words."""
        return self.n_errors == 0 and not self.unsupported

    @property
    def ser(self) -> float:
        """Slot error rate of this text in %; errors where no slot is expected count as 100."""
        if self.n_slots == 0:
            return 100.0 if self.n_errors else 0.0
        return 100.0 * self.n_errors / self.n_slots

    @property
    def spans(self) -> tuple[Span, ...]:
        """What the text says, in text order, whether or not the MR asks for it."""
        return self.alignment.spans

    def errors(self) -> list[str]:
        """Every error in words, such as ``missing food[Thai]``."""
        words = [f"missing {slot}" for slot in self.missing]
        words += [f"added {span.slot}" for span in self.added]
        words += [f"wrong {wrong.span.slot} for {wrong.expected}" for wrong in self.wrong]
        shown = () if self.repeats == "ignore" else self.repeated
        return words + [f"repeated {span.slot}" for span in shown]

    def __str__(self) -> str:
        """The text, what it says, and the verdict: ``ok``, or the errors in words with the SER."""
        text = self.alignment.text
        said = [f"{span.slot} ({text[span.start : span.end]!r})" for span in self.alignment.spans]
        errors = "; ".join(self.errors())
        warning = f" ({errors})" if errors else ""
        verdict = f"ok{warning}" if self.ok else f"SER {self.ser:.1f}%: {errors}"
        if self.unsupported:
            verdict += f"\n  unsupported: {self.claims_in_words()}"
        return f"{text}\n  says: {', '.join(said) or 'no slot'}\n  {verdict}"

    def claims_in_words(self) -> str:
        """The words of all claims: ``'free wifi', 'great'``."""
        return ", ".join(repr(claim.text) for claim in self.unsupported)

    def as_dict(self) -> dict[str, Any]:
        """``{spans, plan, breaks, missing, added, wrong, repeated, unsupported}``.

        Offsets are characters.

        ``spans`` holds what the text says, whether or not the MR asks for it; ``plan`` is the
        realised order. ``d2t check`` writes this object for every text.
        """
        plan = self.alignment.plan()
        return {
            "spans": self.alignment.as_list(),
            "plan": plan.labels(),
            "breaks": list(plan.breaks or ()),
            "missing": slots_as_list(self.missing),
            "added": [span.as_dict() for span in self.added],
            "wrong": [
                {
                    "slot": wrong.span.slot.name,
                    "expected": wrong.expected.value,
                    **wrong.span.place(),
                }
                for wrong in self.wrong
            ],
            "repeated": [span.as_dict() for span in self.repeated],
            "unsupported": [claim.as_dict() for claim in self.unsupported],
        }


def slots_as_list(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    """``[{slot, value}]`` in the order given."""
    return [{"slot": slot.name, "value": slot.value} for slot in slots]


@dataclass
class Tally:
    """Running sums of slot errors.

    ``ser`` = 100 * (missing + added + wrong + repeated) / slots; ``exact`` = share of utterances
    whose report is ``ok``, in %. ``gated_ser`` leaves out ``repeated`` unless ``repeats`` is
    ``error``.
    """

    utterances: int = 0
    exact_utterances: int = 0
    slots: int = 0
    missing: int = 0
    added: int = 0
    wrong: int = 0
    repeated: int = 0
    bad_lines: int = 0
    repeats: Repeats = "error"
    unsupported: int = 0

    def add(self, report: SlotReport) -> None:
        """Count one report."""
        self.utterances += 1
        self.exact_utterances += report.ok
        self.slots += report.n_slots
        self.missing += len(report.missing)
        self.added += len(report.added)
        self.wrong += len(report.wrong)
        self.repeated += len(report.repeated)
        self.unsupported += len(report.unsupported)

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Count what ``d2t generate`` wrote of a text: its ``mr`` and ``report``."""
        report, values = record["report"], record["mr"].items()
        errors = {kind: len(report[kind]) for kind in ("missing", "added", "wrong", "repeated")}
        self.utterances += 1
        self.exact_utterances += not any(errors.values())
        self.slots += sum(
            len(value) if isinstance(value, list) else 1
            for name, value in values
            if name != "dialogue_act"
        )
        self.missing += errors["missing"]
        self.added += errors["added"]
        self.wrong += errors["wrong"]
        self.repeated += errors["repeated"]
        self.unsupported += len(report.get("unsupported", ()))

    @property
    def n_errors(self) -> int:
        """Missing + added + wrong + repeated."""
        return self.missing + self.added + self.wrong + self.repeated

    @property
    def ser(self) -> float:
        """Slot error rate in %; errors without any slot expected count as 100."""
        if self.slots == 0:
            return 100.0 if self.n_errors else 0.0
        return 100.0 * self.n_errors / self.slots

    @property
    def gated_ser(self) -> float:
        """The slot error rate that a gate compares, in %."""
        if self.repeats == "error":
            return self.ser
        return replace(self, repeated=0, repeats="error").ser

    @property
    def exact(self) -> float:
        """Utterances without error in %; 0 when there are none."""
        return 100.0 * self.exact_utterances / self.utterances if self.utterances else 0.0

    def as_dict(self, signature: str) -> dict[str, Any]:
        """The summary as a JSON-able object; rates of no utterance are None."""
        some = bool(self.utterances)
        return {
            "utterances": self.utterances,
            "slots": self.slots,
            "ser": round(self.ser, 4) if some else None,
            "exact": round(self.exact, 4) if some else None,
            "missing": self.missing,
            "added": self.added,
            "wrong": self.wrong,
            "repeated": self.repeated,
            "unsupported": self.unsupported,
            "bad_lines": self.bad_lines,
            "signature": signature,
        }

    def line(self, signature: str) -> str:
        """The summary as one line for a person."""
        ser, exact = "-", "-"
        if self.utterances:
            ser, exact = f"{self.ser:.2f} %", f"{self.exact:.1f} %"
        return (
            f"{self.utterances} utterances, {self.slots} slots: SER {ser} "
            f"(missing {self.missing}, added {self.added}, wrong {self.wrong}, "
            f"repeated {self.repeated}), exact {exact}, unsupported {self.unsupported}"
            + (f"; {self.bad_lines} bad line{'s' * (self.bad_lines > 1)}" if self.bad_lines else "")
            + f"  {signature}"
        )
