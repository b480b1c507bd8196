"""JSON as data: no key twice, no NaN; what Python's reader lets pass silently is an error here."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def loads(text: str, *, nan: bool = False) -> Any:
    """Decode one JSON value.

    Args:
        text: nothing but the value.
        nan: read ``NaN``, which Python and pandas write for a missing number, as a float that is
            not a number, instead of refusing it.

    Raises:
        json.JSONDecodeError: not JSON; knows line and column.
        ValueError: an object has a key twice, a number is not one (NaN), too large or too long, or
            the nesting is too deep; the message says which.
    """
    try:
        return (_WITH_NAN if nan else _STRICT).decode(text)
    except RecursionError:
        raise ValueError("the nesting is too deep") from None


def decode_at(text: str, at: int, *, nan: bool = False) -> tuple[Any, int]:
    """Decode the value that begins at a position; returns it with the position of its end.

    Raises:
        json.JSONDecodeError, ValueError: as ``loads``.
    """
    try:
        return (_WITH_NAN if nan else _STRICT).raw_decode(text, at)
    except RecursionError:
        raise ValueError("the nesting is too deep") from None


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twin[:40]!r} is given twice; put several values in a list")
    return table


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value; use a number, a string or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:40]} is too large; write it as a string")
    return number


def _nan_only(name: str) -> float:
    return math.nan if name == "NaN" else _no_constant(name)


_STRICT = json.JSONDecoder(
    object_pairs_hook=_no_twins, parse_constant=_no_constant, parse_float=_finite
)
_WITH_NAN = json.JSONDecoder(
    object_pairs_hook=_no_twins, parse_constant=_nan_only, parse_float=_finite
)
