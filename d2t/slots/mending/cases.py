"""Cases of a lexicon: texts with their right reading, and whether the checker reads them so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError, did_you_mean
from d2t.mr.parse import parse_mr
from d2t.slots.mending.wordings import parse_target

if TYPE_CHECKING:
    from d2t.mr.reader import Record
    from d2t.mr.types import MeaningRepresentation, Slot
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import SlotReport

_LISTS = ("missing", "added", "wrong", "repeated", "says")


@dataclass(frozen=True)
class Case:
    """A text and what is right about it.

    Attributes:
        id: of the record.
        line: in the file.
        text: the utterance.
        mr: what it was made from; it helps the checker as it does in ``d2t check``.
        gold: what the text says; None: not given.
        expect: parts of the report: ``ok``, and lists of slots by kind of error.
    """

    id: str
    line: int
    text: str
    mr: MeaningRepresentation | None
    gold: frozenset[Slot] | None
    expect: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a case went; ``faults`` says in words what is not as it should be."""

    case: Case
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the text is read as it should be."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        case = self.case
        return {"id": case.id, "line": case.line, "text": case.text, "faults": list(self.faults)}


def case_from_record(record: Record, checker: SlotChecker) -> Case:
    """``{"text", "mr"?, "gold"}`` or ``{"text", "mr", "expect": {...}}`` as a case.

    ``gold`` is an MR: what the text says. ``expect`` names what the report must hold:
    ``{"ok": true}``, ``{"missing": ["food[Thai]"], "wrong": ["priceRange[high]"]}``; a slot without
    value stands for any value, and a kind of error that is not named is not looked at.

    Raises:
        D2TError: the record has neither, or one of them cannot be read.
    """
    if record.error is not None:
        raise record.error
    gold, expect = record.fields.get("gold"), record.fields.get("expect")
    if gold is None and expect is None:
        raise DataError(
            "the case has no right reading; add `gold` (what the text says, as an MR) or `expect` "
            '(such as {"missing": ["food"]})',
            line=record.line,
        )
    if expect is not None and record.mr is None:
        raise DataError("`expect` is about a report; add the `mr` of the text", line=record.line)
    said: frozenset[Slot] | None = None
    if gold is not None:
        said = frozenset(parse_mr(gold, checker.domain).slots) if gold else frozenset()
    return Case(
        id=record.id,
        line=record.line,
        text=record.require_text(),
        mr=record.mr,
        gold=said,
        expect=_expectations(expect, record.line),
    )


def _expectations(expect: Any, line: int) -> Mapping[str, Any]:
    if expect is None:
        return {}
    if not isinstance(expect, Mapping):
        raise DataError('`expect` must be an object, such as {"missing": ["food"]}', line=line)
    for key, value in expect.items():
        if key != "ok" and key not in _LISTS:
            near = did_you_mean(key, ("ok", *_LISTS))
            raise DataError(f"`expect` has an unknown key {key!r}{near}", line=line)
        fitting = isinstance(value, bool) if key == "ok" else isinstance(value, list)
        if not fitting:
            kind = "true or false" if key == "ok" else "a list of slots"
            raise DataError(f"`expect`: {key} must be {kind}", line=line)
    return expect


def run_case(case: Case, checker: SlotChecker, *, merge_synonyms: bool = False) -> Outcome:
    """Read the text and compare."""
    faults: list[str] = []
    if case.gold is not None:
        merge = checker.merged if merge_synonyms else _same
        alignment = checker.align(case.text, case.mr, strict_numbers=True)
        read = {merge(span.slot): span for span in alignment.spans}
        wanted = {merge(slot): slot for slot in case.gold}
        faults += [f"not read: {slot}" for key, slot in wanted.items() if key not in read]
        faults += [
            f"read, but not said: {span.slot} ({case.text[span.start : span.end]!r})"
            for key, span in read.items()
            if key not in wanted
        ]
    if case.expect and case.mr is not None:
        report = checker.check(
            case.text, case.mr, merge_synonyms=merge_synonyms, strict_numbers=True
        )
        faults += _differences(case.expect, report, checker)
    return Outcome(case, tuple(faults))


def _same(slot: Slot) -> Slot:
    return slot


def _differences(expect: Mapping[str, Any], report: SlotReport, checker: SlotChecker) -> list[str]:
    """What the report does not hold as expected."""
    found = {
        "missing": list(report.missing),
        "added": [span.slot for span in report.added],
        "wrong": [wrong.span.slot for wrong in report.wrong],
        "repeated": [span.slot for span in report.repeated],
        "says": [span.slot for span in report.spans],
    }
    faults: list[str] = []
    for key, wanted in expect.items():
        if key == "ok":
            if report.ok != wanted:
                verdict = "; ".join(report.errors()) or "ok"
                faults.append(f"expected ok = {str(wanted).lower()}, the report says: {verdict}")
            continue
        left = list(found[key])
        for one in wanted:
            name, value = parse_target(str(one), checker.domain, new=True, need_value=False)
            match = next((s for s in left if s.name == name and value in (None, s.value)), None)
            if match is None:
                shown = name if value is None else f"{name}[{value}]"
                faults.append(f"expected {key} {shown}")
            else:
                left.remove(match)
        faults += [f"{key} {slot}, which is not expected" for slot in left]
    return faults
