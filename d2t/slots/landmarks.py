"""What stands around landmarks (``near ...``, ``... nearby``), and those nobody told us about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton
from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from d2t.slots.lexicon.lexicon import Landmark
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
        found: list[tuple[int, int, str, str]] = []
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
            found.append((first, end, slot, value))
        return found

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
