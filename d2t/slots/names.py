"""Open slots: names and landmarks, known from the domain, from the MR, or from their context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.slots.automaton import Automaton
from d2t.slots.tokens import SENTENCE_END

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon import Landmark, Lexicon
    from d2t.slots.tokens import Tokens

_ARTICLE = "the"
_LINKS = frozenset({"of", "by", "and", "de", "la", "le", "at"})
_MAX_UNKNOWN = 5
_MIN_UNKNOWN = 3
_CLAUSE_ENDS = frozenset(".!?,;:") | {
    "is", "are", "was", "has", "have", "serves", "serving", "offers", "offering", "provides",
    "providing", "sells", "selling", "called", "named",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens ``start:end`` are ``value`` of open slot ``slot``."""

    start: int
    end: int
    slot: str
    value: str


class NameFinder:
    """Finds verbatim values; longest first; decides between name and landmark by context."""

    def __init__(self, domain: Domain, lexicon: Lexicon) -> None:
        self._words = lexicon.tokenizer.words
        self._landmark = lexicon.landmark
        self._table: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        for spec in domain.slots:
            if spec.kind == "open":
                for value in spec.values:
                    self._add(self._table, spec.name, value, value)
                    self._add(self._table, spec.name, value, _other_number(value))
        for slot, aliases in lexicon.aliases.items():
            for value, others in aliases.items():
                for other in others:
                    self._add(self._table, slot, value, other)
        for rows in self._table.values():
            rows.sort(key=lambda row: (-len(row[0]), row))
        landmark = self._landmark
        self._cues = _Backwards(landmark.before if landmark else ())
        self._after = Automaton(landmark.after if landmark else ())
        self._called = _Backwards(landmark.called if landmark else ())

    def _add(
        self,
        table: dict[str, list[tuple[tuple[str, ...], str, str]]],
        slot: str,
        value: str,
        written: str,
    ) -> None:
        words = self._words(written)
        for form in (words, words[1:] if words[:1] == (_ARTICLE,) else ()):
            if form and (form, slot, value) not in table.setdefault(form[0], []):
                table[form[0]].append((form, slot, value))

    def extra(
        self, slots: Iterable[tuple[str, str]]
    ) -> dict[str, list[tuple[tuple[str, ...], str, str]]]:
        """A look-up table of further (slot, value) pairs, to be matched verbatim."""
        table: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        for slot, value in slots:
            self._add(table, slot, value, value)
        return table

    def find(
        self,
        tokens: Tokens,
        extra: Mapping[str, list[tuple[tuple[str, ...], str, str]]],
        mr: MeaningRepresentation | None,
    ) -> list[Mention]:
        """All mentions, in text order, none overlapping."""
        words = tokens.words
        found: list[Mention] = []
        at = 0
        while at < len(words):
            rows = self._table.get(words[at], ())
            more = extra.get(words[at], ()) if extra else ()
            fitting = [
                row for row in (*rows, *more) if tuple(words[at : at + len(row[0])]) == row[0]
            ]
            if not fitting:
                at += 1
                continue
            length = max(len(row[0]) for row in fitting)
            senses = {row[1]: row[2] for row in reversed(fitting) if len(row[0]) == length}
            if mr is not None:
                senses |= {
                    row[1]: row[2]
                    for row in fitting
                    if len(row[0]) == length and row[2] in mr.values(row[1])
                }
            slot = self._sense(words, at, at + length, senses)
            found.append(Mention(at, at + length, slot, senses[slot]))
            at += length
        return self._swap_landmarks(words, found, mr)

    def _sense(self, words: list[str], start: int, end: int, senses: dict[str, str]) -> str:
        """Which slot a string means that may fill several."""
        landmark = self._landmark
        if len(senses) == 1 or landmark is None or landmark.slot not in senses:
            return next(iter(senses))
        if self.is_landmark(words, start, end):
            return landmark.slot
        return next((slot for slot in senses if slot != landmark.slot), landmark.slot)

    def is_landmark(self, words: list[str], start: int, end: int) -> bool:
        """Whether ``words[start:end]`` stands where a landmark stands (``near ...``, ``... nearby``)."""
        at = start
        while at and words[at - 1] in (_ARTICLE, "a", "local", "famous", "popular"):
            at -= 1
        if self._cues.ends_at(words, at):
            return True
        if at and words[at - 1] in ("and", "or") and self._is_coordinated(words, at - 1):
            return True
        return bool(self._after.matches_at(self._after.classes(words), end))

    def _is_coordinated(self, words: list[str], conjunction: int) -> bool:
        """``near the river and X``: a cue shortly before the conjunction, no verb or pause between."""
        for at in range(conjunction - 1, max(0, conjunction - 8), -1):
            if self._cues.ends_at(words, at):
                return True
            if words[at] in _CLAUSE_ENDS:
                return False
        return False

    def _swap_landmarks(
        self, words: list[str], found: list[Mention], mr: MeaningRepresentation | None
    ) -> list[Mention]:
        """``Cotto is near The Eagle``: a known name in a landmark's place, beside another mention of a name."""
        landmark = self._landmark
        if landmark is None:
            return found
        names = [m for m in found if m.slot == landmark.name_slot]
        if len(names) < 2:
            return found
        placed = {m: self.is_landmark(words, m.start, m.end) for m in names}
        if all(placed.values()):
            return found
        return [
            Mention(m.start, m.end, landmark.slot, m.value) if placed.get(m, False) else m
            for m in found
        ]

    def unknown(self, tokens: Tokens, taken: set[int], named: set[int]) -> list[Mention]:
        """Capitalised strings in a landmark's or a name's place that nobody told us about.

        Args:
            tokens: the text; its letters must be cased for anything to be found.
            taken: token positions that realise something else.
            named: those of them that belong to names already found.
        """
        landmark = self._landmark
        if landmark is None or not _is_cased(tokens.text):
            return []
        found: list[Mention] = []
        text, words = tokens.text, tokens.words
        for start in range(1, len(words)):
            if start in named or not text[tokens.starts[start]].isupper():
                continue
            slot, before = self._cued(words, start, landmark)
            end = self._capitalised_run(tokens, start, taken, named) if slot else start
            if end > start and not self._is_place(words[start:end], landmark):
                if before < start and text[tokens.starts[before]].isupper():
                    start = before
                value = text[tokens.starts[start] : tokens.ends[end - 1]]
                found.append(Mention(start, end, slot, value))
        return found

    def _cued(self, words: list[str], start: int, landmark: Landmark) -> tuple[str, int]:
        """The open slot that the words before ``start`` announce, and where they end."""
        for cues, slot in ((self._cues, landmark.slot), (self._called, landmark.name_slot)):
            if cues.ends_at(words, start):
                return slot, start
            if words[start - 1] == _ARTICLE and cues.ends_at(words, start - 1):
                return slot, start - 1
        return "", start

    def _capitalised_run(self, tokens: Tokens, start: int, taken: set[int], named: set[int]) -> int:
        """End of the run of capitalised words at ``start``; ``start`` itself when it is no unknown name."""
        end = at = start
        while at < len(tokens) and at - start < _MAX_UNKNOWN:
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
        if end - start == 1 and tokens.ends[start] - tokens.starts[start] < _MIN_UNKNOWN:
            return start
        return start if all(position in taken for position in range(start, end)) else end

    def _is_place(self, words: list[str], landmark: Landmark) -> bool:
        return all(word in landmark.places for word in words)


class _Backwards:
    """Patterns read from right to left: does one of them end at a position?"""

    def __init__(self, patterns: Iterable[object]) -> None:
        self._automaton = Automaton(_reverse(node) for node in patterns)
        self._last_words = self._automaton.first_words()

    def ends_at(self, words: list[str], end: int) -> bool:
        if end <= 0 or words[end - 1] not in self._last_words:
            return False
        reversed_words = words[max(0, end - 8) : end][::-1]
        classes = self._automaton.classes(reversed_words)
        return bool(self._automaton.matches_at(classes, 0))


def _reverse(node: object) -> object:
    from d2t.slots.pattern import Choice, Sequence

    if isinstance(node, Sequence):
        return Sequence(tuple(_reverse(part) for part in reversed(node.parts)))
    if isinstance(node, Choice):
        return Choice(tuple(_reverse(option) for option in node.options))
    return node


def _other_number(value: str) -> str:
    """The slips of a final s: ``The Eagles``, ``The Wrestler``."""
    return value[:-1] if value.endswith("s") else value + "s"


def _is_cased(text: str) -> bool:
    return text != text.lower() and text != text.upper()

