"""The JSON form of an example, used by JSONL corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.records import mr_from_fields
from d2t.mr.render import mr_to_json
from d2t.mr.types import Plan, Slot
from d2t.mr.values import check_characters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

TEXT_FIELDS = ("references", "ref", "reference", "text")


def example_from_record(
    fields: Mapping[str, Any],
    domain: Domain,
    *,
    default_id: str = "0",
    mr: MeaningRepresentation | None = None,
    need_text: bool = False,
) -> Example:
    """Build an example from ``{id, mr, references | ref | text, plan, breaks, kind}``.

    ``plan`` is a list of ``slot[value]`` entries (or bare slot names) and, being a realised order,
    may repeat a slot or leave one out; without ``breaks`` its sentences are not known.

    Args:
        fields: the record; its MR in any form of :func:`d2t.mr.records.mr_from_fields`.
        domain: resolves slot names and values.
        default_id: the id of a record that has none.
        mr: the parsed MR, when the caller has it.
        need_text: refuse a record without a text.

    Raises:
        DataError: a field has the wrong type, or there is no text and one is needed.
        MRParseError: there is no MR, or it is malformed.
        DomainError: it has a slot that the domain does not know.
    """
    mr = mr_from_fields(fields, domain) if mr is None else mr
    references = _references(fields)
    for text in references:
        try:
            text.encode()  # fails for surrogates alone; corpora are long
        except UnicodeEncodeError:
            check_characters(text, "the text")
    if need_text and not references:
        raise DataError(
            f"no text: expected one of the fields {', '.join(TEXT_FIELDS)}", code="missing_text"
        )
    plan = None
    if isinstance(fields.get("plan"), (list, tuple)):
        plan = _plan(fields["plan"], fields.get("breaks"), mr, domain)
    own_id = fields.get("id")
    kind = fields.get("kind") or None
    if kind is not None and not isinstance(kind, str):
        raise DataError("field 'kind' must be a string", code="field")
    example_id = default_id if own_id in (None, "") else str(own_id)
    return Example(example_id, mr, references, plan, kind)


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


def _references(fields: Mapping[str, Any]) -> tuple[str, ...]:
    for key in TEXT_FIELDS:
        value = fields.get(key)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        if value is not None:
            raise DataError(f"field {key!r} must be a string or a list of strings", code="field")
    return ()


def _plan(entries: Any, breaks: Any, mr: MeaningRepresentation, domain: Domain) -> Plan:
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
