"""What a cell or field means: absent, one value, several values, in the ways people write them."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.errors import MRParseError

if TYPE_CHECKING:
    from d2t.mr.domain import SlotSpec

_BLANK_WORDS = frozenset(
    {
        "nan", "-nan", "none", "null", "na", "n/a", "n.a.", "n.a", "<na>", "nat", "nil", r"\n",
        "undefined", "unknown", "not available", "missing", "empty", "tbd", "n/d", "s/d", "k. a.",
        "k.a.", "(null)", "(blank)", "(empty)", "[blank]", "[null]",
        "#n/a n/a", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
    }
)  # fmt: skip
"""What pandas, databases and people write where there is no value (lower case)."""
_BLANK_MARKS = re.compile(
    r"[-–—−_.…?]+"  # dashes, dots, question marks
    r"|\#\W?[A-ZÀ-Þ0-9_/]+[!?]|\#N(?:/?[ADV]|UL)|\#GETTING_DATA|Err:\d+"  # failed formulas
)

_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_LIST = re.compile(rf"\[\s*(?:{_QUOTED}(?:\s*,\s*|\s+|(?=\]))|None,?\s*|null,?\s*)*\]", re.DOTALL)
_ITEM = re.compile(_QUOTED, re.DOTALL)
_OBJECT = re.compile(r"""\s*\{\s*["'].*\}\s*""", re.DOTALL)
_GUESSED_SEPARATORS = re.compile(r"\s*[|;]\s*")


@dataclass
class CellReader:
    """Reads cells of slots, and counts what it took for absent or for a list.

    Attributes:
        blanks: words for no value beside the usual ones, in lower case.
        absent: how often each word was read as absent.
        lists: how often a cell of a slot was cut at a separator: ``(slot, separator)``.
    """

    blanks: frozenset[str] = frozenset()
    absent: Counter[str] = field(default_factory=Counter)
    lists: Counter[tuple[str, str]] = field(default_factory=Counter)

    def values(
        self, value: Any, spec: SlotSpec, *, cell: bool = True, empty: bool = False
    ) -> list[Any]:
        """The values that a cell or JSON field gives to a slot; none if it is absent.

        Args:
            value: text, number, truth value, list or nothing.
            spec: the slot.
            cell: a text may hold several values: as a list that JSON, Python or numpy wrote; or
                between the slot's own ``separator``, or ``|`` and ``;`` in a slot that is neither
                open nor boolean.
            empty: an empty text is a value, as in an act that asks for the slot.
        """
        items: list[Any] = [value]
        if isinstance(value, list | tuple):
            items = list(value)
        elif cell and isinstance(value, str):
            written = list_of(value)
            items = list(self._parts(value, spec) if written is None else written)
        return [item for entry in items for item in self._one(entry, spec, empty)]

    def _one(self, value: Any, spec: SlotSpec, empty: bool) -> list[Any]:
        if empty and value == "":
            return [value]
        if value is None or self.is_blank(value, spec):
            return []
        if isinstance(value, str) and _OBJECT.fullmatch(value):
            raise MRParseError(
                f"the value of slot {spec.name!r} is an object, {value.strip()[:40]!r}; expected "
                "a text, a number or a list of texts",
                code="json_value",
            )
        return [value.strip() if isinstance(value, str) else value]

    def is_blank(self, value: Any, spec: SlotSpec) -> bool:
        """Whether a value says that there is none; a value that the domain lists never does."""
        if isinstance(value, float) and math.isnan(value):
            self.absent["NaN"] += 1
            return True
        if not isinstance(value, str):
            return False
        text = value.strip()
        if not text:
            return True
        if not self.looks_blank(text):
            return False
        if spec.canonical_value(text) in spec.values:
            return False
        self.absent[text] += 1
        return True

    def looks_blank(self, text: str) -> bool:
        """Whether a text is one of the ways to write that there is no value, in any slot."""
        folded = text.casefold()
        return (
            folded in _BLANK_WORDS
            or folded in self.blanks
            or _BLANK_MARKS.fullmatch(text) is not None
        )

    def _parts(self, text: str, spec: SlotSpec) -> list[str]:
        if spec.kind == "boolean" or spec.canonical_value(text) in spec.values:
            return [text]
        if spec.separator:
            parts = text.split(spec.separator)
        elif spec.kind == "open":
            return [text]
        else:
            parts = _GUESSED_SEPARATORS.split(text)
        parts = [part for part in parts if part.strip()]
        if len(parts) < 2:
            return [text]
        self.lists[spec.name, spec.separator or ("|" if "|" in text else ";")] += 1
        return parts


def list_of(text: str) -> list[str] | None:
    """The strings of a list that stands in a text as JSON, Python or numpy write it; else None."""
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return None
    try:
        items = json.loads(stripped)
    except (ValueError, RecursionError):
        items = None
    if isinstance(items, list) and all(item is None or isinstance(item, str) for item in items):
        return [item for item in items if item is not None]
    if not _LIST.fullmatch(stripped):
        return None
    return [_unquoted(item) for item in _ITEM.findall(stripped)]


def _unquoted(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(ast.literal_eval(quoted.replace("\n", "\\n")))
    except (ValueError, SyntaxError):  # such as an escape that is none
        return quoted[1:-1]


def dict_of(text: str) -> dict[str, Any] | None:
    """The dictionary that stands in a text as Python writes it, as pandas does in CSV; else None.

    Only constants are read; nothing is evaluated.
    """
    if not text.startswith("{") or len(text) > 100_000:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else None


def texts_of(value: Any) -> tuple[str, ...] | None:
    """The texts of a field that holds one or several; None if it holds anything else."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ()
    if isinstance(value, str):
        items = list_of(value)
        return (value,) if items is None else tuple(items)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None
