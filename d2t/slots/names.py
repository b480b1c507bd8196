"""Values of open slots: names and landmarks that the domain or the MR knows, as they are written.

The words around a name (``near ...``, ``... nearby``) tell whether it is a landmark; they also show
landmarks that neither the domain nor the MR knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton
from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.lexicon import Landmark, Lexicon
    from d2t.slots.lexicon.tokens import Tokens


ARTICLE = "the"
_SKIPPED = frozenset({ARTICLE, "a", "local", "famous", "popular"})
_LINKS = frozenset({"of", "by", "and", "de", "la", "le", "at"})
_MAX_WORDS = 5
_MIN_LETTERS = 3
_REACH = 8
_CLAUSE_ENDS = frozenset(".!?,;:") | {
    "is", "are", "was", "has", "have", "serves", "serving", "offers", "offering", "provides",
    "providing", "sells", "selling", "called", "named",
}  # fmt: skip


class LandmarkContext:
    """Tells from the words around a string whether it is a landmark or a name."""

    def __init__(self, rules: Landmark) -> None:
        self.slot = rules.slot
        self.name_slot = rules.name_slot
        self._places = rules.places
        self._before = BackwardAutomaton(rules.before)
        self._called = BackwardAutomaton(rules.called)
        self._after = Automaton(rules.after)

    def holds(self, words: list[str], start: int, end: int) -> bool:
        """Whether ``words[start:end]`` stands where a landmark stands."""
        at = start
        while at and words[at - 1] in _SKIPPED:
            at -= 1
        if self._before.ends_at(words, at):
            return True
        if at and words[at - 1] in ("and", "or") and self._is_coordinated(words, at - 1):
            return True
        following = words[end : end + _REACH]
        return bool(self._after.matches_at(self._after.classes(following), 0))

    def _is_coordinated(self, words: list[str], conjunction: int) -> bool:
        """``near the river and X``: a cue before the conjunction, no verb or pause between."""
        for at in range(conjunction - 1, max(0, conjunction - _REACH), -1):
            if self._before.ends_at(words, at):
                return True
            if words[at] in _CLAUSE_ENDS:
                return False
        return False

    def unknown(
        self, tokens: Tokens, taken: set[int], named: set[int]
    ) -> list[tuple[int, int, str, str]]:
        """Capitalised strings in a landmark's or a name's place that nobody told us about.

        Args:
            tokens: the text; nothing is found in text without both cases.
            taken: token positions that realise something else.
            named: those of them that belong to names already found.

        Returns:
            Tuples (start, end, slot, value).
        """
        text, words = tokens.text, tokens.words
        if text == text.lower() or text == text.upper():
            return []
        unknown: list[tuple[int, int, str, str]] = []
        for start in range(1, len(words)):
            if start in named or not text[tokens.starts[start]].isupper():
                continue
            slot, first = self._announced(words, start)
            end = self._capitalised_run(tokens, start, taken, named) if slot else start
            if end == start or all(word in self._places for word in words[start:end]):
                continue
            if not text[tokens.starts[first]].isupper():
                first = start
            value = text[tokens.starts[first] : tokens.ends[end - 1]]
            unknown.append((first, end, slot, value))
        return unknown

    def _announced(self, words: list[str], start: int) -> tuple[str, int]:
        """The slot that the words before ``start`` announce, and where the string itself begins."""
        for cues, slot in ((self._before, self.slot), (self._called, self.name_slot)):
            if cues.ends_at(words, start):
                return slot, start
            if words[start - 1] == ARTICLE and cues.ends_at(words, start - 1):
                return slot, start - 1
        return "", start

    def _capitalised_run(self, tokens: Tokens, start: int, taken: set[int], named: set[int]) -> int:
        """Where the run of capitalised words ends; ``start`` itself when it is no unknown name."""
        end = at = start
        while at < len(tokens) and at - start < _MAX_WORDS:
            word = tokens.words[at]
            if at in named:
                return start
            if word in SENTENCE_END or not word[0].isalpha():
                break
            if tokens.text[tokens.starts[at]].isupper():
                end = at + 1
            elif word not in _LINKS or end == start:
                break
            at += 1
        if end - start == 1 and tokens.ends[start] - tokens.starts[start] < _MIN_LETTERS:
            return start
        return start if all(position in taken for position in range(start, end)) else end


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
        mentions: list[Mention] = []
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
            mentions.append(Mention(at, at + length, slot, senses[slot]))
            at += length
        return self._move_landmarks(words, mentions)

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

    def _move_landmarks(self, words: list[str], mentions: list[Mention]) -> list[Mention]:
        """``Cotto is near The Eagle``: of two names, the one in a landmark's place is one."""
        context = self.context
        if context is None:
            return mentions
        names = [mention for mention in mentions if mention.slot == context.name_slot]
        if len(names) < 2:
            return mentions
        placed = {mention for mention in names if context.holds(words, mention.start, mention.end)}
        if len(placed) == len(names):
            return mentions
        return [
            Mention(mention.start, mention.end, context.slot, mention.value)
            if mention in placed
            else mention
            for mention in mentions
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
