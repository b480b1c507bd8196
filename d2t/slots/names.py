"""Open slots: names and landmarks that the domain or the MR knows, found as they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.landmarks import ARTICLE, LandmarkContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.lexicon import Lexicon
    from d2t.slots.lexicon.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens ``start:end`` are ``value`` of open slot ``slot``."""

    start: int
    end: int
    slot: str
    value: str


class Row(NamedTuple):
    """One way to write one value."""

    words: tuple[str, ...]
    slot: str
    value: str


class NameTable:
    """Values of open slots by their first word."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._words = lexicon.tokenizer.words
        self._rows: dict[str, list[Row]] = {}

    def add(self, slot: str, value: str, written: str) -> None:
        """Understand ``written``, with or without a leading article, as ``value`` of ``slot``."""
        words = self._words(written)
        for form in (words, words[1:] if words[:1] == (ARTICLE,) else ()):
            row = Row(form, slot, value)
            if form and row not in self._rows.setdefault(form[0], []):
                self._rows[form[0]].append(row)

    def fitting(self, words: list[str], at: int) -> list[Row]:
        """The rows written at position ``at``."""
        rows = self._rows.get(words[at])
        if rows is None:
            return []
        return [row for row in rows if tuple(words[at : at + len(row.words)]) == row.words]


class NameFinder:
    """Finds values of open slots; longest first; context tells landmarks from names."""

    def __init__(
        self, domain: Domain, lexicon: Lexicon, ordinary: frozenset[str] = frozenset()
    ) -> None:
        """Prepare for the values of ``domain``.

        Args:
            domain: lists known values.
            lexicon: how they are written otherwise.
            ordinary: words that texts of the domain have beside names.
        """
        self._lexicon = lexicon
        self._ordinary = ordinary
        self._known = NameTable(lexicon)
        self.context = None if lexicon.landmark is None else LandmarkContext(lexicon.landmark)
        for spec in domain.slots:
            for value in spec.values if spec.kind == "open" else ():
                self._known.add(spec.name, value, value)
                self._known.add(spec.name, value, _other_number(value))
        for slot, aliases in lexicon.aliases.items():
            for value, others in aliases.items():
                for other in others:
                    self._known.add(slot, value, other)

    def table(self, slots: Iterable[tuple[str, str]]) -> NameTable:
        """A look-up table of further (slot, value) pairs, to be matched verbatim."""
        table = NameTable(self._lexicon)
        for slot, value in slots:
            table.add(slot, value, value)
        return table

    def find(
        self, tokens: Tokens, fresh: NameTable | None, mr: MeaningRepresentation | None
    ) -> list[Mention]:
        """All mentions in text order, none overlapping.

        Args:
            tokens: the text.
            fresh: values of the MR that the domain does not list.
            mr: decides between values that are written alike.
        """
        words = tokens.words
        found: list[Mention] = []
        at = 0
        while at < len(words):
            rows = self._known.fitting(words, at)
            if fresh is not None:
                unlisted = fresh.fitting(words, at)
                rows = [*rows, *(row for row in unlisted if not self._is_word(row, tokens, at))]
            if self._lexicon.common and rows:
                rows = [row for row in rows if self._is_name(row, tokens, at, mr)]
            if not rows:
                at += 1
                continue
            length = max(len(row.words) for row in rows)
            senses = _senses([row for row in rows if len(row.words) == length], mr)
            slot = self._sense(words, at, at + length, senses)
            found.append(Mention(at, at + length, slot, senses[slot]))
            at += length
        return self._move_landmarks(words, found)

    def _is_name(self, row: Row, tokens: Tokens, at: int, mr: MeaningRepresentation | None) -> bool:
        """Whether a value that is an ordinary word too (``the room``) is a name here.

        It has a capital; in a text without capitals it is one where the MR holds it.
        """
        if (row.slot, row.value) not in self._lexicon.common:
            return True
        if tokens.text == tokens.text.lower():
            return mr is not None and row.value in mr.values(row.slot)
        last = at + len(row.words) - 1
        return tokens.text[tokens.starts[last]].isupper()

    def _is_word(self, row: Row, tokens: Tokens, at: int) -> bool:
        """Whether a name nobody has listed (``A``, ``Pub``, ``Riverside``) is no name here.

        Its words are ordinary ones, and have lost its capitals in a text that has capitals: "Pub is
        a pub", "a place".
        """
        said = tokens.text[tokens.starts[at] : tokens.ends[at + len(row.words) - 1]]
        return (
            self._ordinary.issuperset(row.words)
            and said == said.lower()
            and row.value != row.value.lower()
            and tokens.text != tokens.text.lower()
        )

    def _sense(self, words: list[str], start: int, end: int, senses: Mapping[str, str]) -> str:
        """Which slot a string means that may fill several."""
        context = self.context
        if len(senses) == 1 or context is None or context.slot not in senses:
            return next(iter(senses))
        if context.holds(words, start, end):
            return context.slot
        return next(slot for slot in senses if slot != context.slot)

    def _move_landmarks(self, words: list[str], found: list[Mention]) -> list[Mention]:
        """``Cotto is near The Eagle``: of two names, the one in a landmark's place is one."""
        context = self.context
        if context is None:
            return found
        names = [mention for mention in found if mention.slot == context.name_slot]
        if len(names) < 2:
            return found
        placed = {mention for mention in names if context.holds(words, mention.start, mention.end)}
        if len(placed) == len(names):
            return found
        return [
            Mention(mention.start, mention.end, context.slot, mention.value)
            if mention in placed
            else mention
            for mention in found
        ]


def _senses(rows: list[Row], mr: MeaningRepresentation | None) -> dict[str, str]:
    """Value by slot; values of the MR come before others."""
    senses: dict[str, str] = {}
    for row in rows:
        if row.slot not in senses or (mr is not None and row.value in mr.values(row.slot)):
            senses[row.slot] = row.value
    return senses


def _other_number(value: str) -> str:
    """The slips of a final s: ``The Eagles``, ``The Wrestler``."""
    return value[:-1] if value.endswith("s") else value + "s"
