"""The JSON form of an example, used by JSONL corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.parse import parse_mr
from d2t.mr.render import mr_to_json
from d2t.mr.types import Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

_TEXT_FIELDS = ("references", "ref", "reference", "text")


def example_from_record(
    fields: Mapping[str, Any], domain: Domain, *, default_id: str | None = None
) -> Example:
    """Build an example from ``{"id", "mr", "references" | "ref" | "text", "plan", "breaks"}``.

    ``mr`` is written in any form of :func:`d2t.mr.parse.parse_mr`; ``plan`` is a list of
    ``slot[value]`` entries (or bare slot names) and, being a realised order, may repeat a slot or
    leave one out.

    Raises:
        DataError: there is no ``mr``, or a field has the wrong type.
        MRParseError: the MR is malformed.
        DomainError: it has a slot that the domain does not know.
    """
    if "mr" not in fields:
        raise DataError(
            f"no field 'mr'; expected an object with 'mr' and one of {', '.join(_TEXT_FIELDS)}",
            code="no_mr",
        )
    mr = parse_mr(fields["mr"], domain)
    plan = None
    if fields.get("plan") is not None:
        plan = _plan(fields["plan"], fields.get("breaks") or (), mr, domain)
    own_id = str(fields["id"]) if "id" in fields else default_id or "0"
    return Example(own_id, mr, _references(fields), plan)


def example_to_record(example: Example, domain: Domain) -> dict[str, Any]:
    """The JSON-able form that :func:`example_from_record` reads back."""
    record: dict[str, Any] = {
        "id": example.id,
        "mr": mr_to_json(example.mr, domain),
        "references": list(example.references),
    }
    if example.plan is not None:
        record["plan"] = [str(slot) for slot in example.plan.slots]
        record["breaks"] = list(example.plan.breaks)
    return record


def _references(fields: Mapping[str, Any]) -> tuple[str, ...]:
    for key in _TEXT_FIELDS:
        value = fields.get(key)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        if value is not None:
            raise DataError(f"field {key!r} must be a string or a list of strings", code="field")
    return ()


def _plan(entries: Any, breaks: Any, mr: MeaningRepresentation, domain: Domain) -> Plan:
    if not isinstance(entries, (list, tuple)) or not all(isinstance(e, str) for e in entries):
        raise DataError("field 'plan' must be a list of 'slot[value]' strings", code="field")
    if not isinstance(breaks, (list, tuple)) or not all(type(b) is int for b in breaks):
        raise DataError("field 'breaks' must be a list of integers", code="field")
    rising = all(a < b for a, b in zip((0, *breaks), breaks, strict=False))
    if not rising or any(b >= len(entries) for b in breaks):
        raise DataError(
            f"field 'breaks' must rise strictly within 1..{len(entries) - 1}", code="field"
        )
    return Plan(tuple(_plan_slot(entry, mr, domain) for entry in entries), tuple(breaks))


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
