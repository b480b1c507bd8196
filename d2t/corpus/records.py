"""The JSON form of an example, used by JSONL corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.columns import ROLES
from d2t.mr.reader import read_fields
from d2t.mr.render import mr_to_json
from d2t.mr.types import Plan, Slot
from d2t.mr.values import check_characters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.mr.types import MeaningRepresentation


def example_from_record(fields: Mapping[str, Any], domain: Domain) -> Example:
    """The example of an object in memory, as :func:`example_of` reads it.

    Raises:
        D2TError: as :func:`example_of`.
    """
    return example_of(read_fields(fields, domain), domain, default_id="0")


def example_of(
    record: Record, domain: Domain, *, default_id: str, need_text: bool = False
) -> Example:
    """Build an example from a record with an MR and references (or a text), plan, breaks, kind.

    ``plan`` is a list of ``slot[value]`` entries (or bare slot names) and, being a realised order,
    may repeat a slot or leave one out; without ``breaks`` its sentences are not known.

    Args:
        record: good or bad.
        domain: resolves slot names and values.
        default_id: the id of a record that has none.
        need_text: refuse a record without a text.

    Raises:
        DataError: a field has the wrong type, or there is no text and one is needed.
        D2TError: the record's own error.
    """
    mr = record.require_mr()
    references = record.references
    if not references and record.text is not None:
        references = (record.text,)
    for text in references:
        try:
            text.encode()  # fails for surrogates alone; corpora are long
        except UnicodeEncodeError:
            check_characters(text, "the text")
    if need_text and not references:
        raise DataError(
            f"no text: expected one of the fields {', '.join(ROLES['references'])}, text",
            code="missing_text",
        )
    fields = record.fields
    plan = None
    written = fields.get("plan") if record.plan is None else record.plan
    if isinstance(written, list):
        plan = realised_plan(written, fields.get("breaks"), mr, domain)
    kind = fields.get("kind") or None
    if kind is not None and not isinstance(kind, str):
        raise DataError("field 'kind' must be a string", code="field")
    return Example(record.id if record.has_id else default_id, mr, references, plan, kind)


def example_to_record(example: Example, domain: Domain) -> dict[str, Any]:
    """The JSON-able form that :func:`example_from_record` reads back."""
    record: dict[str, Any] = {
        "id": example.id,
        "mr": mr_to_json(example.mr, domain),
        "references": list(example.references),
    }
    if example.plan is not None:
        record["plan"] = [str(slot) for slot in example.plan.slots]
        if example.plan.breaks is not None:
            record["breaks"] = list(example.plan.breaks)
    if example.kind is not None:
        record["kind"] = example.kind
    return record


def realised_plan(entries: Any, breaks: Any, mr: MeaningRepresentation, domain: Domain) -> Plan:
    """The order of mention that a record gives as a list of ``slot[value]``, and its sentences.

    Raises:
        DataError: it is not of that form.
        DomainError: it has a slot that the domain does not know.
    """
    if not all(isinstance(entry, str) for entry in entries):
        raise DataError("field 'plan' must be a list of 'slot[value]' strings", code="field")
    slots = tuple(_plan_slot(entry, mr, domain) for entry in entries)
    if breaks is None:
        return Plan(slots)
    if not isinstance(breaks, (list, tuple)) or not all(type(b) is int for b in breaks):
        raise DataError("field 'breaks' must be a list of integers", code="field")
    rising = all(a < b for a, b in zip((0, *breaks), breaks, strict=False))
    if not rising or any(b >= len(entries) for b in breaks):
        raise DataError(
            f"field 'breaks' must rise strictly within 1..{len(entries) - 1}", code="field"
        )
    return Plan(slots, tuple(breaks))


def _plan_slot(entry: str, mr: MeaningRepresentation, domain: Domain) -> Slot:
    raw_name, bracket, rest = entry.partition("[")
    spec = domain.slot(raw_name.strip())
    if bracket:
        return Slot(spec.name, spec.canonical_value(rest.removesuffix("]")))
    values = mr.values(spec.name)
    if len(values) != 1:
        raise DataError(
            f"plan entry {entry!r}: the MR has {len(values)} values of it; write {entry}[value]",
            code="plan",
        )
    return Slot(spec.name, values[0])
