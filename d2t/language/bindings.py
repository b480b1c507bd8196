"""Which value each placeholder of one input stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.language.symbols import MAX_VALUES, placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.types import Slot


class Bindings(dict[str, str]):
    """Placeholder symbol -> value, and which of the symbols belong to open slots.

    Values of open slots are names: they are written letter for letter, and every mention of them
    in a training text is hidden, however it is spelled there.
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, *, open_symbols: frozenset[str] = frozenset()
    ):
        super().__init__(values or {})
        self.open_symbols = open_symbols


def symbol_of(slot: Slot, bindings: Mapping[str, str]) -> str | None:
    """The placeholder that stands for ``slot``, or None when its value is not hidden."""
    for k in range(1, MAX_VALUES + 1):
        symbol = placeholder(slot.name, k)
        if bindings.get(symbol) == slot.value:
            return symbol
    return None


def is_literal(symbol: str, bindings: Mapping[str, str]) -> bool:
    """Whether the value must keep its letters even at the start of a sentence.

    Only ``Bindings`` knows the kinds of its slots; in a plain mapping every value is taken as a
    name.
    """
    return symbol in bindings.open_symbols if isinstance(bindings, Bindings) else True
