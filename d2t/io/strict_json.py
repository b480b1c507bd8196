"""JSON as data: no key twice, no NaN; what Python's reader lets pass silently is an error here."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def loads(text: str) -> Any:
    """Decode one JSON value.

    Raises:
        json.JSONDecodeError: not JSON; knows line and column.
        ValueError: an object has a key twice, a number is not one (NaN), too large or too long, or
            the nesting is too deep; the message says which.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_no_twins, parse_constant=_no_constant, parse_float=_finite
        )
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
