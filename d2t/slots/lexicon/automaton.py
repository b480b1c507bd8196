"""All patterns of a lexicon as one automaton over words, built and made deterministic while used.

Its speed does not depend on the size of the lexicon: a text costs one dictionary look-up per word
that starts nothing, and few more where a phrase begins. A pattern gets its states when a word with
which it can begin is met: building all of them took a tenth of a second of every start. So the
words that each pattern can begin with (``Openings``) are read from the patterns beforehand.
"""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.pattern import (
    BARRIERS,
    NUMBER,
    Choice,
    Gap,
    Mark,
    Node,
    Sequence,
    Word,
    is_number,
    may_skip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class Opening(NamedTuple):
    """How a pattern can begin.

    Attributes:
        words: the words, ``#`` for any number.
        anything: whether it can begin with a gap.
        empty: whether it can match no words at all.
    """

    words: frozenset[str]
    anything: bool
    empty: bool


_MARK = Opening(frozenset(), anything=False, empty=True)
_GAP = Opening(frozenset(), anything=True, empty=True)


class Openings:
    """The openings of nodes; remembers them by identity, so the nodes must stay alive meanwhile."""

    def __init__(self) -> None:
        self._known: dict[int, Opening] = {}

    def __call__(self, node: Node) -> Opening:
        """How ``node`` can begin."""
        if isinstance(node, Word):
            return Opening(frozenset((node.text,)), anything=False, empty=False)
        if isinstance(node, Mark):
            return _MARK
        if isinstance(node, Gap):
            return _GAP
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._of_group(node)
        return known

    def _of_group(self, node: Sequence | Choice) -> Opening:
        words: set[str] = set()
        anything = False
        if isinstance(node, Choice):
            options = [self(option) for option in node.options]
            words.update(*(option.words for option in options))
            anything = any(option.anything for option in options)
            return Opening(frozenset(words), anything, any(option.empty for option in options))
        for part in node.parts:
            opening = self(part)
            words |= opening.words
            anything |= opening.anything
            if not opening.empty:
                return Opening(frozenset(words), anything, empty=False)
        return Opening(frozenset(words), anything, empty=True)


def vocabulary(patterns: Iterable[Node]) -> frozenset[str]:
    """All words of ``patterns``."""
    words: set[str] = set()
    seen: set[int] = set()
    todo: list[Node] = list(patterns)
    while todo:
        node = todo.pop()
        if isinstance(node, Word):
            words.add(node.text)
        elif isinstance(node, (Sequence, Choice)) and id(node) not in seen:
            seen.add(id(node))
            todo += node.parts if isinstance(node, Sequence) else node.options
    return frozenset(words)


OTHER, OTHER_NUMBER = "\0other", "\0number"
_DEAD = -1
_MEMO_LIMIT = 20_000


class Automaton:
    """Finds, for a start position, every (end, pattern index) that matches there."""

    def __init__(self, patterns: Iterable[Node]) -> None:
        self._patterns = tuple(patterns)
        self._starting: defaultdict[str, list[int]] = defaultdict(list)  # pattern indices by word
        self._anywhere: list[int] = []  # those that can begin with a gap
        openings = Openings()
        for index, node in enumerate(self._patterns):
            opening = openings(node)
            for word in opening.words:
                self._starting[word].append(index)
            if opening.anything:
                self._anywhere.append(index)
        self.vocabulary = vocabulary(self._patterns)
        self._starts: dict[int, frozenset[int]] = {}  # the states in which a built pattern begins
        self._n_states = 0
        self._moves: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)  # (word, next)
        self._skips: defaultdict[int, list[int]] = defaultdict(list)  # next states by any one word
        self._free: defaultdict[int, list[int]] = defaultdict(list)  # next states by nothing
        self._accepts: dict[int, list[int]] = {}
        self._classes: dict[str, str] = {}
        self._sets: list[frozenset[int]] = []
        self._table: list[dict[str, int]] = []
        self._final: list[tuple[int, ...]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self._growing = Lock()  # threads may share a checker
        self._start = self._deterministic(frozenset())  # stands for the starts of all patterns

    def classes(self, words: list[str]) -> list[str]:
        """Words as the automaton sees them: those it does not know fall into one class."""
        memo = self._classes
        kinds: list[str] = []
        for word in words:
            kind = memo.get(word)
            if kind is None:
                kind = self._classify(word)
                if len(memo) < _MEMO_LIMIT:
                    memo[word] = kind
            kinds.append(kind)
        return kinds

    def _classify(self, word: str) -> str:
        if word in self.vocabulary or word[0] == "\0" or word in BARRIERS:
            return word
        return OTHER_NUMBER if is_number(word) else OTHER

    def scan(self, words: list[str]) -> list[tuple[int, int, tuple[int, ...]]]:
        """(start, end, pattern indices) of every match in ``words``, by start, shortest first."""
        found: list[tuple[int, int, tuple[int, ...]]] = []
        classes = self.classes(words)
        table, final = self._table, self._final
        opening = table[self._start]
        for start, kind in enumerate(classes):
            if opening.get(kind) == _DEAD:
                continue
            state = self._start
            for at in range(start, len(classes)):
                following = table[state].get(classes[at])
                if following is None:
                    with self._growing:
                        following = self._step(state, classes[at])
                if following == _DEAD:
                    break
                state = following
                if final[state]:
                    found.append((start, at + 1, final[state]))
        return found

    def matches(
        self, words: list[str], start: int, stop: int, step: int = 1
    ) -> list[tuple[int, tuple[int, ...]]]:
        """(number of words, pattern indices) of every match from ``start``, shortest first.

        For few start positions: the words are classified as far as a match goes.

        Args:
            words: as they are.
            start: index of the first word of a match.
            stop: index behind the last word that a match may have.
            step: -1 reads from right to left.
        """
        matches: list[tuple[int, tuple[int, ...]]] = []
        state = self._start
        table, final, memo = self._table, self._final, self._classes
        for at in range(start, stop, step):
            kind = memo.get(words[at]) or self.classes([words[at]])[0]
            following = table[state].get(kind)
            if following is None:
                with self._growing:
                    following = self._step(state, kind)
            if following == _DEAD:
                break
            state = following
            if final[state]:
                matches.append(((at - start) * step + 1, final[state]))
        return matches

    def first_words(self) -> frozenset[str]:
        """The words with which a match can begin (gaps aside)."""
        return frozenset(self._starting)

    def _state(self) -> int:
        self._n_states += 1
        return self._n_states - 1

    def _build(self, node: Node, start: int) -> int:
        """Add the states of ``node`` after ``start``; the state reached at its end."""
        if isinstance(node, Word):
            end = self._state()
            self._moves[start].append((node.text, end))
            return end
        if isinstance(node, Mark):
            return start
        if isinstance(node, Sequence):
            for part in node.parts:
                start = self._build(part, start)
            return start
        end = self._state()
        if isinstance(node, Choice):
            moves, free = self._moves[start], self._free
            for option in node.options:
                if isinstance(option, Word):  # most are; no state of their own, no free move
                    moves.append((option.text, end))
                else:
                    free[self._build(option, start)].append(end)
            return end
        self._free[start].append(end)
        for _ in range(node.limit):
            following = self._state()
            self._skips[start].append(following)
            self._free[following].append(end)
            start = following
        return end

    def _closure(self, states: set[int]) -> frozenset[int]:
        todo = list(states)
        while todo:
            for following in self._free.get(todo.pop(), ()):
                if following not in states:
                    states.add(following)
                    todo.append(following)
        return frozenset(states)

    def _deterministic(self, states: frozenset[int]) -> int:
        if states not in self._numbers:
            self._numbers[states] = len(self._sets)
            self._sets.append(states)
            self._table.append({})
            self._final.append(
                tuple(sorted(index for state in states for index in self._accepts.get(state, ())))
            )
        return self._numbers[states]

    def _beginnings(self, word: str, numeric: bool) -> set[int]:
        """The first states of the patterns that can begin with ``word``, which are built now."""
        indices = [*self._starting.get(word, ()), *self._anywhere]
        if numeric:
            indices += self._starting.get(NUMBER, ())
        states: set[int] = set()
        for index in indices:
            if index not in self._starts:
                start = self._state()
                end = self._build(self._patterns[index], start)
                self._accepts.setdefault(end, []).append(index)
                self._starts[index] = self._closure({start})
            states |= self._starts[index]
        return states

    def _step(self, state: int, word: str) -> int:
        numeric = word == OTHER_NUMBER or is_number(word)
        members = self._beginnings(word, numeric) if state == self._start else self._sets[state]
        reached: set[int] = set()
        for member in members:
            reached.update(
                following
                for literal, following in self._moves.get(member, ())
                if literal == word or (literal == NUMBER and numeric)
            )
            if word in (OTHER, OTHER_NUMBER) or may_skip(word):
                reached.update(self._skips.get(member, ()))
        following = self._deterministic(self._closure(reached)) if reached else _DEAD
        self._table[state][word] = following
        return following


class BackwardAutomaton:
    """Patterns read from right to left: does one of them end at a position?"""

    reach = 8
    """The longest phrase, in words."""

    def __init__(self, patterns: Iterable[Node]) -> None:
        self._automaton = Automaton(_reverse(node) for node in patterns)
        self.last_words = self._automaton.first_words()

    def ends_at(self, words: list[str], end: int) -> bool:
        """Whether a phrase ends before ``words[end]``."""
        return self.begins(words, end) is not None

    def begins(self, words: list[str], end: int) -> int | None:
        """Where the longest phrase begins that ends before ``words[end]``; None without one."""
        if end <= 0 or words[end - 1] not in self.last_words:
            return None
        matches = self._automaton.matches(words, end - 1, max(-1, end - 1 - self.reach), -1)
        return end - matches[-1][0] if matches else None


def _reverse(node: Node) -> Node:
    if isinstance(node, Sequence):
        return Sequence(tuple(_reverse(part) for part in reversed(node.parts)))
    if isinstance(node, Choice):
        return Choice(tuple(_reverse(option) for option in node.options))
    return node
