"""What the structure of English makes of the phrases in a text, in every domain.

The data is ``english.toml`` beside this module: asides (other places, the past, what is not so),
words that deny what stands before or after them, and questions with their answers.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton
from d2t.slots.lexicon.pattern import Node, PatternCache, parse_pattern
from d2t.slots.lexicon.tokens import SENTENCE_END, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answer(Enum):
    """What a question makes of the phrases in it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # the text says that it cannot be answered
    OPEN = "open"  # it wants yes or no, and gets neither
    RHETORICAL = "rhetorical"  # it wants no answer: "Looking for a pub?"


@dataclass(frozen=True, slots=True)
class Question:
    """Words ``start:end`` ask, and are answered."""

    start: int
    end: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Structure:
    """What was found in one text, as positions of words."""

    asides: tuple[tuple[int, int], ...] = ()
    questions: tuple[Question, ...] = ()

    def in_aside(self, start: int, end: int) -> bool:
        """Whether a phrase is said of something else."""
        return any(first <= start and end <= last for first, last in self.asides)

    def question_at(self, start: int) -> Question | None:
        """The question in which a phrase stands."""
        return next((one for one in self.questions if one.start <= start < one.end), None)


@dataclass(frozen=True, slots=True)
class _Aside:
    """``until``: the words that end it; ``reach``: words at most; none: the pattern is all."""

    until: frozenset[str]
    reach: int


class _Forward:
    """The longest match of any pattern at a position."""

    def __init__(self, patterns: list[Node]) -> None:
        self._automaton = Automaton(patterns)
        self.first_words = self._automaton.first_words()

    def longest(self, words: list[str], at: int) -> tuple[int, tuple[int, ...]] | None:
        """End and pattern numbers of the longest match at ``at``."""
        if at >= len(words) or words[at] not in self.first_words:
            return None
        matches = self._automaton.matches(words, at, min(len(words), at + _REACH))
        return (at + matches[-1][0], matches[-1][1]) if matches else None

    def all(self, words: list[str], at: int) -> list[tuple[int, tuple[int, ...]]]:
        """Ends and pattern numbers of all matches at ``at``."""
        if words[at] not in self.first_words:
            return []
        matches = self._automaton.matches(words, at, min(len(words), at + _REACH))
        return [(at + end, numbers) for end, numbers in matches]


_REACH = 30  # the longest pattern, in words


class English:
    """The compiled ``english.toml``."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._words = Tokenizer().words
        self._macros: Mapping[str, str] = raw.get("macros", {})
        self._cache = PatternCache()
        sources: list[Node] = []
        self._asides: list[_Aside] = []
        for table in raw.get("aside", ()):
            rule = _Aside(frozenset(table.get("until", ())), table.get("reach", 0))
            for node in self._patterns(table["say"]):
                sources.append(node)
                self._asides.append(rule)
        self._opening = _Forward(sources)
        self._naming = frozenset(raw["naming"])
        self.definite = frozenset(raw["definite"])
        negation = raw["negation"]
        self.before = tuple(self._patterns(negation["before"]))
        self.parentheses = BackwardAutomaton(self._patterns(negation["parentheses"]))
        self._after = _Forward(self._patterns(negation["after"]))
        self.articles = frozenset(negation["articles"])
        self.row = frozenset(negation["row"])
        question = raw["question"]
        self._polar = frozenset(question["polar"])
        self._wh = frozenset(question["open"])
        self._clause_ends = frozenset(question["before"])
        self._reader = _Forward(self._patterns(question["reader"]))
        self._labels = _Forward(self._patterns(question["labels"]))
        self._answers = tuple(
            (answer, _Forward(self._patterns(question[answer.value])))
            for answer in (Answer.NO, Answer.UNKNOWN, Answer.YES)
        )

    def _patterns(self, sources: list[str]) -> list[Node]:
        return [parse_pattern(one, self._words, self._macros, self._cache) for one in sources]

    def read(self, words: list[str]) -> Structure:
        """Asides and questions in normalised words."""
        asides = tuple(self._find_asides(words))
        questions = tuple(self._find_questions(words)) if "?" in words else ()
        return Structure(asides, questions)

    def denied_after(self, words: list[str], end: int) -> int | None:
        """Where the words end that deny the phrase that ends before ``words[end]``, if any."""
        found = self._after.longest(words, end)
        return None if found is None else found[0]

    def _find_asides(self, words: list[str]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for at, word in enumerate(words):
            if word not in self._opening.first_words:
                continue
            for end, numbers in self._opening.all(words, at):
                for rule in {self._asides[number] for number in numbers}:
                    first, last = at, end
                    if rule.reach:
                        first = end
                        while last < len(words) and words[last] not in rule.until:
                            last += 1
                    if self._naming.isdisjoint(words[end : last + 1]):
                        found.append((first, min(last, end + rule.reach) if rule.reach else last))
        return found

    def _find_questions(self, words: list[str]) -> list[Question]:
        found: list[Question] = []
        for at, word in enumerate(words):
            if word != "?":
                continue
            start = at
            while start and words[start - 1] not in SENTENCE_END:
                start -= 1
            start = self._after_labels(words, start)
            first = next(
                (
                    place
                    for place in range(at - 1, start - 1, -1)
                    if words[place] in self._polar
                    and (place == start or words[place - 1] in self._clause_ends)
                ),
                None,
            )
            if first is None and start < at and words[start] in self._wh:
                continue  # it takes for granted what it says: "Why is it so cheap?"
            polar = first is not None and self._reader.longest(words, first) is None
            start = start if first is None else first
            answer = self._answer(words, at + 1)
            if answer is None:
                answer = Answer.OPEN if polar else Answer.RHETORICAL
            found.append(Question(start, at, answer))
        return found

    def _after_labels(self, words: list[str], at: int) -> int:
        while (label := self._labels.longest(words, at)) is not None:
            at = label[0]
        return at

    def _answer(self, words: list[str], at: int) -> Answer | None:
        while at < len(words) and words[at] in SENTENCE_END:
            at += 1
        padded = [*words, "."]
        at = self._after_labels(padded, at)
        for answer, patterns in self._answers:
            if patterns.longest(padded, at) is not None:
                return answer
        return None


@lru_cache(maxsize=1)
def english() -> English:
    """The rules of ``english.toml``."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return English(tomllib.loads(text))
