"""Generation requests from input records: an MR in any spelling and, if given, a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.decode.types import GenerationRequest
from d2t.errors import D2TError, MRParseError
from d2t.mr.plans import parse_plan
from d2t.mr.records import mr_from_fields

if TYPE_CHECKING:
    from d2t.io.records import InputRecord
    from d2t.mr.domain import Domain


def request_from_record(
    record: InputRecord, domain: Domain, *, plan: str | None = None
) -> GenerationRequest:
    """The request that one input record makes.

    Args:
        record: a JSONL object, CSV row or MR line. Fields that are neither the MR nor ``plan`` are
            ignored.
        domain: names the slots.
        plan: the order for every record; a record's own non-empty ``plan`` field goes before it.

    Raises:
        D2TError: the record's own error, or what is wrong with its MR or plan; ``line`` is that of
            the input, ``column`` that in the MR or plan text.
    """
    if record.error is not None:
        raise record.error
    fields = record.fields or {}
    try:
        mr = mr_from_fields(fields, domain)
        wanted = _plan_source(fields.get("plan"))
        if wanted is None:
            wanted = plan
        parsed = None if wanted is None else parse_plan(wanted, mr, domain)
    except D2TError as error:
        error.line = record.line
        raise
    return GenerationRequest(record.id, mr, parsed)


def _plan_source(value: Any) -> str | list[str] | None:
    """A record's plan field: absent, null and empty mean that it asks for no order."""
    if value is None or value in ("", []):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return value
    raise MRParseError(
        f"field 'plan' must be a string such as \"area > food > name\" or a list of slot names, "
        f"was {type(value).__name__}",
        code="bad_plan",
    )
