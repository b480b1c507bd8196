"""Cutting text at symbols, before any subword tokenizer sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GLUE = "<glue>"
"""Written where a symbol touches text without a space; a space is understood otherwise."""


class SymbolCutter:
    """Finds the symbols of an inventory in text, longest first."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self._inventory = frozenset(symbols)
        self._symbols = _any_of(self._inventory)
        self._reserved = _any_of({*self._inventory, GLUE})

    def cut(self, text: str) -> Iterator[tuple[str, bool]]:
        """Non-empty parts of ``text`` in order, each with whether it is a symbol."""
        for part in self._symbols.split(text):
            if part:
                yield part, part in self._inventory

    def defused(self, text: str) -> Iterator[str]:
        """``text`` in fragments none of which holds a whole symbol: values are only text."""
        for part in self._reserved.split(text):
            if self._reserved.fullmatch(part):
                yield part[0]
                yield part[1:]
            elif part:
                yield part


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Matches one of ``words``, the longest that fits; nothing when there are none."""
    longest_first = sorted(words, key=lambda s: (-len(s), s))
    return re.compile("(" + ("|".join(map(re.escape, longest_first)) or r"(?!)") + ")")


def clean(text: str) -> str:
    """Runs of spaces become one; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    text = text.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")
    return re.sub(" +", " ", text)
