"""What is evaluated: utterances with their MRs, alone and with the reports of a slot checker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from d2t.errors import D2TError, DataError
from d2t.mr.records import TEXT_KEYS, mr_from_fields, plan_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.slots.types import SlotReport


REFERENCE_FIELDS = ("references", "refs", "reference", "ref")


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
    source: str,
    domain: Domain,
    *,
    limit: int | None = None,
    strict: bool = False,
    need_plan: bool = False,
) -> tuple[list[EvaluationRecord], list[BadRecord]]:
    """Read outputs from JSONL or CSV with fields ``id, mr, text, plan, references``.

    Args:
        source: a path, or ``-`` for standard input.
        domain: resolves slot names and values.
        limit: read this many records only.
        strict: raise at the first bad line.
        need_plan: a record without a plan is a bad one.

    Raises:
        DataError: the file cannot be read, or holds no record.
    """
    from d2t.io.records import read_records
    from d2t.io.text_source import display_name

    good: list[EvaluationRecord] = []
    bad: list[BadRecord] = []
    for raw in read_records(source, limit=limit, known_columns=domain.slot_names):
        try:
            if raw.error is not None:
                raise raw.error
            good.append(record_from_fields(raw.id, raw.fields or {}, domain, need_plan=need_plan))
        except D2TError as error:
            error.line = raw.line
            if strict:
                raise
            bad.append(BadRecord(raw.id, raw.line, error))
    if not good and not bad:
        raise DataError(
            f"{display_name(source)}: no records. Expected JSONL or CSV with the fields 'mr' and "
            "'text', one record a line.",
            code="empty_file",
        )
    return good, bad


def record_from_fields(
    record_id: str, fields: Mapping[str, Any], domain: Domain, *, need_plan: bool = False
) -> EvaluationRecord:
    """Build one record from the fields of a JSON object or CSV row.

    Raises:
        DataError: a field is missing or of the wrong type; MRParseError or DomainError: bad MR or
            plan.
    """
    from d2t.mr.plans import parse_plan

    if fields.get("error") and not any(name in fields for name in TEXT_KEYS):
        raise DataError("this record is an error object, not an output", code="error_record")
    mr = mr_from_fields(fields, domain)
    source = plan_source(fields)
    if source is None and need_plan:
        raise DataError(
            "no field 'plan': order is scored against the order asked for. Write it as "
            '"plan": ["area", "food", "name"] or "area,food,name".',
            code="missing_plan",
        )
    plan = None if source is None else parse_plan(source, mr, domain)
    return EvaluationRecord(record_id, mr, _text(fields), plan, _references(fields))


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


def _text(fields: Mapping[str, Any]) -> str:
    name = next((name for name in TEXT_KEYS if name in fields), None)
    if name is None:
        raise DataError(
            f"no text to score: expected one of the fields {', '.join(TEXT_KEYS)}",
            code="missing_text",
        )
    text = fields[name]
    if not isinstance(text, str):
        raise DataError(
            f"field {name!r} must be a string, was {type(text).__name__}; "
            'write "" for an empty output',
            code="bad_text",
        )
    return text


def _references(fields: Mapping[str, Any]) -> tuple[str, ...]:
    name = next((name for name in REFERENCE_FIELDS if fields.get(name)), None)
    if name is None:
        return ()
    value = fields[name]
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"field {name!r} must be a string or a list of strings: the references of this record",
            code="bad_references",
        )
    return tuple(text for text in texts if text.strip())


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
