"""Records with the reports of a slot checker: the input of every slot and order metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.score.records import EvaluationRecord
    from d2t.slots.types import SlotReport


class Checker(Protocol):
    """What metrics ask of a slot checker; ``d2t.slots.checker.SlotChecker`` is one."""

    @property
    def lexicon_digest(self) -> str:
        """Hex digest of the lexicon, for signatures."""
        ...

    def check(self, text: str, mr: MeaningRepresentation) -> SlotReport:
        """Align ``text`` and compare it with ``mr``."""
        ...


@dataclass(frozen=True)
class CheckedRecord:
    """One record and what the checker says about it."""

    record: EvaluationRecord
    report: SlotReport

    @cached_property
    def realised(self) -> Plan:
        """The order of mention, variant A of rule O1.5."""
        return self.report.alignment.plan()


def checker_for(domain: Domain) -> Checker:
    """The slot checker of a domain."""
    from d2t.slots.checker import SlotChecker

    return SlotChecker.for_domain(domain)


def check_records(records: Iterable[EvaluationRecord], checker: Checker) -> list[CheckedRecord]:
    """Check every record; the same MR and text are checked once."""
    reports: dict[tuple[object, str], SlotReport] = {}
    checked = []
    for record in records:
        key = (record.mr, record.text)
        if key not in reports:
            reports[key] = checker.check(record.text, record.mr)
        checked.append(CheckedRecord(record, reports[key]))
    return checked
