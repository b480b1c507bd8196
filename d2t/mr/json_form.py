"""Slot values in JSON objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from d2t.errors import MRParseError
from d2t.io import strict_json
from d2t.mr.types import Slot
from d2t.mr.values import check_characters, check_length, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.domain import SlotSpec

_EXACT = 2**53
_LEGAL = "a string, a number, true or false, a list of strings, or null"


def decode_json(text: str) -> Mapping[str, Any]:
    """A JSON object from text.

    Raises:
        MRParseError: not JSON, not an object, or a key twice; with line and column where known.
    """
    try:
        value = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise MRParseError(
            f"not valid JSON: {error.msg} at column {error.colno}; "
            'expected an object such as {"name": "Aromi", "eatType": "pub"}',
            line=error.lineno,
            column=error.colno,
            code="json_syntax",
        ) from None
    except (ValueError, RecursionError) as error:
        raise MRParseError(
            f"not usable JSON: {error}", line=1, column=1, code="json_syntax"
        ) from None
    if not isinstance(value, dict):
        raise MRParseError(
            f"expected a JSON object, found {shorten(text)}", line=1, column=1, code="json_syntax"
        )
    return value


def slots_from_json(value: Any, spec: SlotSpec) -> list[Slot]:
    """The slots that one key of a JSON object gives; null gives none.

    A string of a list slot is split at commas; a value that holds a comma goes into a list.

    Raises:
        MRParseError: code ``json_value``: a nested object, or a boolean for a slot that is none.
    """
    if value is None:
        return []
    if isinstance(value, str) and spec.kind == "list" and "," in value:
        items: list[Any] = [item.strip() for item in value.split(",")]
        if not all(items):
            raise MRParseError(
                f"an empty item in the list of slot {spec.name!r}; remove the extra comma",
                code="empty_value",
            )
    else:
        items = list(value) if isinstance(value, list | tuple) else [value]
    return [_slot(_as_text(item, spec), spec) for item in items]


def _slot(text: str, spec: SlotSpec) -> Slot:
    check_characters(text, f"the value of slot {spec.name!r}")
    check_length(text, spec.name)
    return Slot(spec.name, spec.canonical_value(text.strip()))


def _as_text(value: Any, spec: SlotSpec) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        if spec.kind == "boolean":
            return "yes" if value else "no"
        raise MRParseError(
            f"slot {spec.name!r} is {spec.kind}, not boolean, but its value is "
            f"{str(value).lower()}; write the value as a string",
            code="json_value",
        )
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))  # pandas writes whole numbers so where the column has a blank
    if isinstance(value, int | float):
        return str(value)
    shown = shorten(json.dumps(value, ensure_ascii=False, default=str))
    raise MRParseError(
        f"the value of slot {spec.name!r} is {shown}; expected {_LEGAL}", code="json_value"
    )
