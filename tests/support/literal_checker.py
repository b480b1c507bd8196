"""A checker for texts written as what they say: ``name[Aromi] is food[Thai]. area[riverside]``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d2t.mr.domain import domain_from_dict
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.score.records import CheckedRecord, EvaluationRecord
from d2t.slots.checker import judge
from d2t.slots.types import Alignment, Span

if TYPE_CHECKING:
    from d2t.slots.types import SlotReport

TOY = domain_from_dict({"name": "toy", "slots": {name: {"kind": "open"} for name in "abcdef"}})
_SAID = re.compile(r"(\w+)\[([^\]]*)\]")


class LiteralChecker:
    """Reads spans off the text, so that a test says exactly what the checker finds."""

    lexicon_digest = "0123456789abcdef"

    def __init__(self) -> None:
        self.n_calls = 0

    def check(self, text: str, mr: MeaningRepresentation) -> SlotReport:
        self.n_calls += 1
        spans = tuple(Span(m.start(), m.end(), Slot(m[1], m[2])) for m in _SAID.finditer(text))
        return judge(Alignment(text, spans), mr)


def slots(text: str) -> tuple[Slot, ...]:
    """``"a b[2]"`` -> a[1], b[2]."""
    return tuple(
        Slot(*item.rstrip("]").split("[")) if "[" in item else Slot(item, "1")
        for item in text.split()
    )


def mr(text: str) -> MeaningRepresentation:
    return MeaningRepresentation(slots(text))


def plan(text: str) -> Plan:
    return Plan(slots(text), ())


def say(text: str) -> str:
    """A text that mentions exactly these slots."""
    return " then ".join(map(str, slots(text)))


def record(
    wanted: str, said: str, asked: str | None = None, *refs: str, id: str = "0"
) -> EvaluationRecord:
    return EvaluationRecord(id, mr(wanted), say(said), None if asked is None else plan(asked), refs)


def judged(wanted: str, said: str, asked: str | None = None, *refs: str) -> CheckedRecord:
    item = record(wanted, said, asked, *refs)
    return CheckedRecord(item, LiteralChecker().check(item.text, item.mr))
