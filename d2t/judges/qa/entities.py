"""Copied values: one symbol stands for a name in an MR, in its text and in its questions.

A small model cannot spell a name it has never seen. It reads ``<ent:3>`` instead, in both contexts
of a record. Unlike placeholders of a generator, the symbol does not say which slot the name fills:
that is for the model to find out, and it is what a confused name and landmark would get wrong.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

MAX_ENTITIES = 12
"""Symbols of one record; further names stay words."""
SYMBOLS = tuple(f"<ent:{k}>" for k in range(1, MAX_ENTITIES + 1))
COPIED_KINDS = ("open", "numeric")
"""Slots whose values are copied; of the other kinds only values that the domain does not list."""
_ARTICLE = "the "
_SYMBOL = re.compile(r"<ent:\d+>")


def fold_characters(text: str) -> str:
    """Lower case without accents, character for character, so that offsets stay."""
    return text.lower() if text.isascii() else "".join(map(_fold_character, text))


@lru_cache(maxsize=4096)  # accents are few
def _fold_character(char: str) -> str:
    return unicodedata.normalize("NFKD", char)[0].lower()[0]


def defused(text: str) -> str:
    """Text that holds no symbol, whatever its writer put there."""
    return text.replace("<", "‹")


@dataclass(frozen=True)
class Entities:
    """Symbols of one record.

    Attributes:
        values: by symbol, as they are written.
    """

    values: dict[str, str]
    _symbols: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the symbols by the folded values."""
        folded = {fold_value(value): symbol for symbol, value in self.values.items()}
        object.__setattr__(self, "_symbols", folded)

    def hide(self, text: str) -> str:
        """``text`` with every known value as its symbol."""
        return _replaced(defused(text), self._symbols)

    def show(self, template: str) -> str:
        """A template with the values in place."""
        return _SYMBOL.sub(lambda match: self.values.get(match[0], match[0]), template)

    def symbol(self, value: str) -> str | None:
        """The symbol of a value, or None when it has none."""
        return self._symbols.get(fold_value(value))


def fold_value(value: str) -> str:
    """The form that all spellings of a value share, without an article in front."""
    folded = " ".join(fold_characters(defused(value)).split())
    return folded.removeprefix(_ARTICLE)


def find_entities(
    slots: Iterable[Slot],
    texts: Sequence[str],
    domain: Domain,
    *,
    also: Iterable[str] = (),
    rng: Random | None = None,
) -> Entities:
    """The values to be copied of an MR and of texts.

    Args:
        slots: of the MR: its open and numeric values, and those that the domain does not list.
        texts: known open values of the domain are looked for in them.
        domain: of the MR.
        also: values of the MR that are to be copied although they are listed.
        rng: draws the symbols; None takes them in order, the MR's first.
    """
    found: dict[str, str] = {}
    for slot in slots:
        spec = domain.slot(slot.name)
        if slot.value and (spec.kind in COPIED_KINDS or spec.is_unseen(slot.value)):
            found.setdefault(fold_value(slot.value), slot.value)
    for value in also:
        found.setdefault(fold_value(value), value)
    known = _known(domain)
    if known:
        pattern = _pattern(tuple(known))
        for text in texts:
            for match in pattern.finditer(fold_characters(defused(text))):
                folded = fold_value(match[0])
                found.setdefault(folded, known[folded])
    found.pop("", None)
    symbols = list(SYMBOLS)
    if rng is not None:
        rng.shuffle(symbols)
    return Entities(dict(zip(symbols, found.values(), strict=False)))


@lru_cache(maxsize=32)
def _known(domain: Domain) -> dict[str, str]:
    """Listed values of copied slots, by their folded form."""
    values = (v for spec in domain.slots if spec.kind in COPIED_KINDS for v in spec.values)
    return {fold_value(value): value for value in values if fold_value(value)}


def _replaced(text: str, symbols: dict[str, str]) -> str:
    if not symbols:
        return text
    pieces, at = [], 0
    for match in _pattern(tuple(sorted(symbols))).finditer(fold_characters(text)):
        pieces += [text[at : match.start()], symbols[fold_value(match[0])]]
        at = match.end()
    return "".join([*pieces, text[at:]])


@lru_cache(maxsize=65536)
def _pattern(folded: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the values as whole words, the longest first, with or without its article."""
    longest_first = sorted(folded, key=lambda value: (-len(value), value))
    bodies = (r"\s+".join(map(re.escape, value.split())) for value in longest_first)
    return re.compile(rf"(?<!\w)(?:{_ARTICLE.strip()}\s+)?(?:{'|'.join(bodies)})(?!\w)")
