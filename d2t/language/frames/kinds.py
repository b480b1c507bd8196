"""The kind of a value, as far as its grammar goes: a range, a bound, a cuisine, a name of a place.

What is a quantity is told by the grammar of quantities (``d2t.mr.quantity``), the rest by lists of
words (``kinds.toml``), which a domain may extend. The kinds of a value come with the narrowest
first; a frame for any of them is right.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.mr.quantity import ABOUT, ABOVE, BELOW, PERCENT, STAR, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BEGINS_WITH_PREPOSITION = re.compile(
    r"(?:from|up to|between|starting (?:at|from))\s", re.IGNORECASE
)
_WORD = re.compile(r"[^\s]+")


@dataclass(frozen=True)
class WordKind:
    """A kind that is told by words.

    Attributes:
        words: values, or what a value ends with at the border of a word; case counts where
            ``capital`` is set.
        spellings: ``words`` as they were listed.
        exact: those of ``words`` that count only as whole values.
        endings: letters that the last word may end with.
        first: words that a value may begin with.
        capital: the value must begin with a capital.
        lower: any value of small letters without figures is of this kind.
        small: the value must begin with a small letter.
        whole: ``words`` count only as whole values.
    """

    words: frozenset[str] = frozenset()
    spellings: tuple[str, ...] = ()
    exact: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    first: frozenset[str] = frozenset()
    capital: bool = False
    lower: bool = False
    small: bool = False
    whole: bool = False

    def fits(self, value: str) -> bool:
        """Whether ``value`` is of this kind."""
        words = value.split()
        if len(words) > 1 and words[0] == "the" and "the" not in self.first:
            words = words[1:]  # "the old town" is an old town
        if not words or (self.capital and not _is_capital(words[0])):
            return False
        if self.small and not words[0][0].islower():
            return False
        if not (self.words or self.endings or self.first):
            return self.capital or (
                self.lower
                and value.islower()
                and value[0].isalpha()
                and not any(c.isdigit() for c in value)
            )
        if words[0].casefold() in self.first and len(words) > 1:
            return True
        if self.endings and words[-1].casefold().endswith(self.endings):
            return True
        fold = str if self.capital else str.casefold
        tails = [" ".join(words[at:]) for at in range(1 if self.whole else len(words))]
        return any(
            fold(tail) in self.words and (at == 0 or fold(tail) not in self.exact)
            for at, tail in enumerate(tails)
        )


def read_kinds(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, WordKind]:
    """Kinds from their tables (``kinds.toml``)."""
    kinds = {}
    for name, table in tables.items():
        fold = str if table.get("capital") else str.casefold
        kinds[name] = WordKind(
            words=frozenset(map(fold, table.get("words", ()))),
            spellings=tuple(table.get("words", ())),
            exact=frozenset(map(fold, table.get("exact", ()))),
            endings=tuple(table.get("endings", ())),
            first=frozenset(table.get("first", ())),
            capital=bool(table.get("capital")),
            lower=bool(table.get("lower")),
            small=bool(table.get("small")),
            whole=bool(table.get("whole")),
        )
    return kinds


@lru_cache(maxsize=1)
def english_kinds() -> dict[str, WordKind]:
    """The kinds that ship with d2t."""
    text = Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8")
    return read_kinds(tomllib.loads(text))


def quantity_kinds(value: str) -> Iterator[str]:
    """The kinds of a value that is a quantity, the narrowest first."""
    quantity = parse_quantity(value)
    if quantity is None:
        return
    if quantity.signs:
        yield "signs"
        return
    if _BEGINS_WITH_PREPOSITION.match(value):
        yield "from"
    if STAR in quantity.units:
        yield "stars"
    if PERCENT in quantity.units:
        yield "percent"
    if quantity.scale is not None:
        yield "score"
    if quantity.comparator == BELOW:
        yield "below"
    if quantity.comparator == ABOVE:
        yield "above"
    if quantity.comparator == ABOUT:
        yield "about"
    if quantity.low != quantity.high:
        yield "range"
    elif quantity.units:
        yield "amount"
    yield "quantity"


def kind_of(value: str, wanted: Sequence[str], kinds: Mapping[str, WordKind]) -> str | None:
    """The first kind of ``value`` among ``wanted`` (the kinds that a slot has frames for)."""
    quantity = list(quantity_kinds(value))
    for kind in quantity:
        if kind in wanted:
            return kind
    for name in wanted:
        if name in kinds and not (quantity and kinds[name].lower) and kinds[name].fits(value):
            return name
    return "any" if "any" in wanted else None


def _is_capital(word: str) -> bool:
    return next((c.isupper() for c in word if c.isalpha()), word[:1].isdigit())
