"""What is evaluated: utterances with their MRs, alone and with the reports of a slot checker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from d2t.errors import D2TError, DataError
from d2t.mr.columns import ROLES
from d2t.mr.reader import ReadOptions, RecordReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.slots.types import SlotReport


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One output to be scored.

    Attributes:
        id: the record's own id, or its position in the file.
        mr: what should have been said.
        text: what was said; empty text is legal and misses every slot.
        plan: the order that was asked for, or None when none was.
        references: texts of people for this MR; empty when there are none.
    """

    id: str
    mr: MeaningRepresentation
    text: str
    plan: Plan | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that could not be scored, and why; it is counted, never dropped in silence."""

    id: str
    line: int
    error: D2TError

    def as_dict(self) -> dict[str, Any]:
        """The error object that stands in the place of a bad line."""
        return {"id": self.id, "line": self.line, "error": self.error.as_dict()}


def read_evaluation_records(
    records: str | Iterable[Record],
    domain: Domain,
    *,
    limit: int | None = None,
    strict: bool = False,
    need_plan: bool = False,
) -> tuple[list[EvaluationRecord], list[BadRecord]]:
    """The outputs that records hold, with their plans and references.

    Args:
        records: a file or ``-``, or records that are read already.
        domain: resolves slot names and values.
        limit: of the records of a file.
        strict: raise at the first bad record.
        need_plan: a record without a plan is a bad one.

    Raises:
        DataError: there is no record.
    """
    if isinstance(records, str):
        records = RecordReader(records, domain, ReadOptions(limit=limit))
    good: list[EvaluationRecord] = []
    bad: list[BadRecord] = []
    for record in records:
        try:
            good.append(evaluation_record(record, domain, need_plan=need_plan))
        except D2TError as error:
            error.line = record.line
            if strict:
                raise
            bad.append(BadRecord(record.id, record.line, error))
    if not good and not bad:
        raise DataError(
            "there are no records; expected JSON Lines or a table with the fields 'mr' and "
            "'text', one record a line",
            code="empty_file",
        )
    return good, bad


def evaluation_record(
    record: Record, domain: Domain, *, need_plan: bool = False
) -> EvaluationRecord:
    """What is to be scored of one record.

    Raises:
        D2TError: the record's own error; it has no text; its plan does not fit its MR.
    """
    from d2t.mr.plans import parse_plan

    if record.fields.get("error") and record.text is None:
        raise DataError("this record is an error object, not an output", code="error_record")
    mr = record.require_mr()
    if record.plan is None and need_plan:
        raise DataError(
            "no field 'plan': order is scored against the order asked for. Write it as "
            '"plan": ["area", "food", "name"] or "area,food,name".',
            code="missing_plan",
        )
    plan = None if record.plan is None else parse_plan(record.plan, mr, domain)
    if record.text is None:
        raise DataError(
            f"no text to score: expected one of the fields {', '.join(ROLES['text'])}",
            code="missing_text",
        )
    references = tuple(text for text in record.references if text.strip())
    return EvaluationRecord(record.id, mr, record.text, plan, references)


def join_references(
    records: Sequence[EvaluationRecord], examples: Iterable[Example]
) -> list[EvaluationRecord]:
    """Give records without references those of the corpus for the same MR (``mr.key()``)."""
    pooled: dict[object, dict[str, None]] = {}
    for example in examples:
        pooled.setdefault(example.mr.key(), {}).update(dict.fromkeys(example.references))
    return [
        record
        if record.references
        else replace(record, references=tuple(pooled.get(record.mr.key(), ())))
        for record in records
    ]


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
