"""The MR inside a record of an input stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from d2t.errors import MRParseError
from d2t.io.csv_rows import CsvRow
from d2t.mr.parse import DIALOGUE_ACT, mr_from_row, parse_mr

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

TEXT_KEYS = ("text", "hypothesis", "output", "utterance", "prediction")
"""Keys under which a record may hold the utterance to be judged; the first one present counts."""

RESERVED_KEYS = frozenset(
    {
        *TEXT_KEYS, "id", "mr", "ref", "refs", "reference", "references", "target", "plan",
        "status", "stage", "score", "report", "spans", "order_kept", "breaks_kept",
        "error", "orig_mr", "fixed",
    }
)  # fmt: skip
"""Keys and columns of a record that are never slots, unless the domain has a slot of that name."""


def mr_from_fields(fields: Mapping[str, Any], domain: Domain) -> MeaningRepresentation:
    """The meaning representation of a record: its ``mr``, else the record itself.

    ``mr`` is a text in any written form or a JSON object. A record without it is its own MR: keys
    (or CSV columns) are slots, ``RESERVED_KEYS`` and null or empty values aside.

    Raises:
        MRParseError: the MR is malformed, or there is none (code ``empty_mr``).
        DomainError: an unknown slot or dialogue act.
    """
    source = fields.get("mr")
    if source is None or source == "":
        return _from_columns(fields, domain)
    if not isinstance(source, str | Mapping):
        raise MRParseError(
            f"'mr' must be a text or an object, found {type(source).__name__}; "
            'write "mr": "name[Aromi]" or "mr": {"name": "Aromi"}',
            code="bad_record",
        )
    mr = parse_mr(source, domain)
    beside = fields.get(DIALOGUE_ACT)
    return _with_act(mr, beside, domain) if beside else mr


def _with_act(mr: MeaningRepresentation, beside: Any, domain: Domain) -> MeaningRepresentation:
    """An act beside an MR holds where the MR itself names none; the two may not differ."""
    if not isinstance(beside, str):
        raise MRParseError(f"'dialogue_act' must be a string, found {beside!r}", code="bad_record")
    act = domain.dialogue_act(beside)
    if mr.dialogue_act not in (act, domain.default_dialogue_act):
        raise MRParseError(
            f"the record says dialogue act {act!r}, its MR {mr.dialogue_act!r}; give one of them",
            code="bad_record",
        )
    return replace(mr, dialogue_act=act)


def _from_columns(fields: Mapping[str, Any], domain: Domain) -> MeaningRepresentation:
    slots = {
        key: value
        for key, value in fields.items()
        if key not in RESERVED_KEYS or (key != "mr" and domain.has_slot(key))
    }
    if isinstance(fields, CsvRow):
        return mr_from_row(slots, domain)
    return parse_mr(slots, domain)


def plan_source(fields: Mapping[str, Any]) -> str | list[str] | None:
    """A record's plan as ``parse_plan`` reads it; absent, null and empty ask for no order.

    Raises:
        MRParseError: code ``bad_plan``: the field is neither a string nor a list of strings.
    """
    value = fields.get("plan")
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
