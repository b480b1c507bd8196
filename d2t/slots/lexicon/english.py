"""What the structure of English makes of the phrases in a text, in every domain.

The data is ``english.toml`` beside this module: asides (other places, the past, what is not so),
words that deny what stands before or after them, and questions with their answers.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton, vocabulary
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
    """Words ``start:end`` ask, and are answered; those ``apart`` state: "is X, a pub, cheap?"."""

    start: int
    end: int
    answer: Answer
    apart: tuple[int, int] = (0, 0)


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
        return next(
            (
                one
                for one in self.questions
                if one.start <= start < one.end and not one.apart[0] <= start < one.apart[1]
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class _Aside:
    """What follows a pattern and is said of something else.

    Attributes:
        until: the words that end it.
        reach: words at most; 0: the pattern itself is the aside.
        phrase: the aside is the noun phrase that follows.
        unless: the pattern does not count before these words, nor before a name.
        settled: it only counts after a clause that has said what the place is.
        whole: the words of the pattern are in the aside too.
        back: the words of which one must stand before the pattern; the aside begins there.
    """

    until: frozenset[str]
    reach: int
    phrase: bool
    unless: frozenset[str]
    settled: bool
    whole: bool
    back: frozenset[str]


class _Forward:
    """The longest match of any pattern at a position."""

    def __init__(self, patterns: list[Node], *, gap: bool = False) -> None:
        self._automaton = Automaton(patterns)
        self.gap = gap  # whether a pattern begins with a gap
        self.first_words = self._automaton.first_words()

    def longest(self, words: list[str], at: int) -> tuple[int, tuple[int, ...]] | None:
        """End and pattern numbers of the longest match at ``at``."""
        if at >= len(words) or (words[at] not in self.first_words and not self.gap):
            return None
        matches = self._automaton.matches(words, at, min(len(words), at + _REACH))
        return (at + matches[-1][0], matches[-1][1]) if matches else None


_REACH = 30  # the longest pattern, in words
_NOUN_PHRASE = 6  # the longest noun phrase, in words
_PARENTHESIS = 9  # the longest words between two commas
_BACK = 9  # words in which the beginning of an aside is looked for
NAME = "\0place"
"""What stands for every name."""


class English:
    """The compiled ``english.toml``."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._words = Tokenizer().words
        self._macros: Mapping[str, str] = raw.get("macros", {})
        self._cache = PatternCache()
        sources: list[Node] = []
        self._asides: list[_Aside] = []
        for table in raw.get("aside", ()):
            rule = _Aside(
                until=frozenset(
                    NAME if word == "@place" else word for word in table.get("until", ())
                ),
                reach=table.get("reach", 0),
                phrase=table.get("phrase", False),
                unless=frozenset(table.get("unless", ())),
                settled=table.get("settled", False),
                whole=table.get("whole", False),
                back=frozenset(table.get("back", ())),
            )
            for node in self._patterns(table["say"]):
                sources.append(node)
                self._asides.append(rule)
        self._opening = Automaton(sources)
        self._naming = frozenset(raw["naming"])
        negation, noun_phrase = raw["negation"], raw["noun_phrase"]
        self._closed = frozenset(noun_phrase["closed"].split())
        self._verbs = tuple(noun_phrase["verb_endings"])
        self._heads = BackwardAutomaton(self._patterns(["{building}"]))
        self._undone = _Forward(self._patterns(negation["undone"]), gap=True)
        self._cancels = _Forward(self._patterns(negation["cancels"]))
        self.definite = frozenset(raw["definite"])
        self.before = tuple(self._patterns(negation["before"]))
        self.parentheses = BackwardAutomaton(self._patterns(negation["parentheses"]))
        self._after = _Forward(self._patterns(negation["after"]))
        self.articles = frozenset(negation["articles"])
        self.barriers = frozenset(negation["barriers"])
        self.negatives = frozenset(negation["negatives"])
        self.auxiliaries = frozenset(negation["auxiliaries"])
        self._is = vocabulary(self._patterns(["{be}"]))
        self.row = frozenset(negation["row"])
        question = raw["question"]
        self._polar = frozenset(question["polar"])
        self._wh = frozenset(question["open"])
        self._doubt = _Forward(self._patterns(question["doubt"]))
        self._clause_ends = frozenset(question["before"])
        self._reader = _Forward(self._patterns(question["reader"]))
        self._labels = _Forward(self._patterns(question["labels"]))
        self._both = tuple(
            (answer, _Forward(self._patterns(question["both"][answer.value])))
            for answer in (Answer.NO, Answer.YES)
        )
        self._answers = tuple(
            (answer, _Forward(self._patterns(question[answer.value])))
            for answer in (Answer.NO, Answer.UNKNOWN, Answer.YES)
        )

    def _patterns(self, sources: list[str]) -> list[Node]:
        return [parse_pattern(one, self._words, self._macros, self._cache) for one in sources]

    def read(self, words: list[str], lines: frozenset[int] = frozenset()) -> Structure:
        """Asides and questions in normalised words.

        Args:
            words: names in them are masked by words that begin with NUL.
            lines: the positions of words that begin a line.
        """
        words = [word if word[0] != "\0" else NAME for word in words]
        asides = tuple(self._find_asides(words, lines))
        questions = tuple(self._find_questions(words, lines)) if "?" in words else ()
        return Structure(asides, questions)

    def denied_after(self, words: list[str], end: int) -> int | None:
        """Where the words end that deny the phrase that ends before ``words[end]``, if any."""
        found = self._after.longest(words, end)
        if found is None and words[end : end + 1] == [","]:  # "children, I am afraid, are refused"
            stop = min(len(words), end + _PARENTHESIS)
            closing = next((at for at in range(end + 2, stop) if words[at] == ","), None)
            found = None if closing is None else self._after.longest(words, closing + 1)
        return None if found is None else found[0]

    def _find_asides(self, words: list[str], lines: frozenset[int]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for start, end, numbers in self._opening.scan(words):
            for rule in {self._asides[number] for number in numbers}:
                if (aside := self._aside(words, start, end, rule, lines)) is not None:
                    found.append(aside)
        return found

    def _aside(
        self, words: list[str], at: int, end: int, rule: _Aside, lines: frozenset[int]
    ) -> tuple[int, int] | None:
        if rule.back:
            begins = self._back(words, at, rule.back)
            if begins is None:
                return None
            at = begins
        if rule.unless and (
            words[end : end + 1] == [NAME]
            or not rule.unless.isdisjoint(words[end : end + 1])
            or not self._is.isdisjoint(words[max(0, at - 1) : at])
        ):
            return None
        if rule.settled and not self._settled(words, at):
            return None
        first, last = at, end
        if rule.phrase:
            first, last = end, self.noun_phrase(words, end)
            following = words[last : last + 1]
            if rule.whole:
                return first, last
            if last > first and not self._heads.ends_at(words, last) and following != [NAME]:
                last -= 1  # "near the riverside" tells where; in "near the Indian embassy", no food
            return (first, last) if self._naming.isdisjoint(following) else None
        if rule.reach:
            first = at if rule.whole or rule.back else end
            last += words[end : end + 1] == [NAME]  # "unlike Avalon"; names end what follows
            while last < len(words) and words[last] not in rule.until and last not in lines:
                last += 1
        if not self._naming.isdisjoint(words[end : last + 1]):
            return None
        return first, min(last, end + rule.reach) if rule.reach else last

    def _back(self, words: list[str], at: int, wanted: frozenset[str]) -> int | None:
        """Where the nearest of the words stands before ``at`` in its clause."""
        for place in range(at - 1, max(-1, at - 1 - _BACK), -1):
            if words[place] in wanted:
                return place
            if not words[place][0].isalnum():
                return None
        return None

    def _settled(self, words: list[str], at: int) -> bool:
        """Whether the sentence has said before ``at`` what the place is: "Zizzi is a pub"."""
        while at and words[at - 1] not in SENTENCE_END:
            at -= 1
            if words[at] in self.articles and at and words[at - 1] in self._is:
                return True
        return False

    def noun_phrase(self, words: list[str], at: int) -> int:
        """Where the noun phrase ends whose words begin at ``at``, after its article."""
        end = at
        while end < min(len(words), at + _NOUN_PHRASE) and not self.closes(words[end]):
            whole = self._heads.ends_at(words, end) and end > at
            if whole and not self._heads.ends_at(words, end + 1):
                break  # a building, and a word that goes on with the sentence
            end += 1
        return end

    def closes(self, word: str) -> bool:
        """Whether a word is none of a noun phrase: punctuation, a name, or of a closed class."""
        return not word[0].isalnum() or word in self._closed

    def may_be_noun(self, word: str) -> bool:
        """Whether a word may be the noun that an adjective before it describes."""
        return word[0].isalpha() and word not in self._closed and not word.endswith(self._verbs)

    def undone(self, words: list[str], end: int) -> bool:
        """Whether what follows turns a denial that ends there around: "no child is turned away"."""
        return self._undone.longest(words, end) is not None

    def cancelled(self, words: list[str], at: int, end: int) -> bool:
        """Whether something between a negation and what it denies takes it back: "not mind"."""
        return any(self._cancels.longest(words, place) is not None for place in range(at, end))

    def _find_questions(self, words: list[str], lines: frozenset[int]) -> list[Question]:
        found: list[Question] = []
        for at, word in enumerate(words):
            if word != "?":
                continue
            start = at
            while start and words[start - 1] not in SENTENCE_END and start not in lines:
                start -= 1
            start = self._after_labels(words, start)
            openings = [
                place
                for place in range(start, at)
                if place == start or words[place - 1] in self._clause_ends
            ]
            doubt = next((p for p in openings if self._doubt.longest(words, p) is not None), None)
            first = (
                doubt
                if doubt is not None
                else next(
                    (
                        place
                        for place in range(at - 1, start - 1, -1)
                        if words[place] in self._polar
                        and (place == start or words[place - 1] in self._clause_ends)
                    ),
                    None,
                )
            )
            if first is None and start < at and words[start] in self._wh and doubt is None:
                continue  # it takes for granted what it says: "Why is it so cheap?"
            polar = first is not None and self._reader.longest(words, first) is None
            start = start if first is None else first
            answer = self._answer(words, at + 1, lines)
            if answer is None and doubt is not None:
                answer = Answer.NO
            if answer is None:
                answer = Answer.OPEN if polar else Answer.RHETORICAL
            found.append(Question(start, at, answer, self._apposition(words, start, at)))
        return self._of_all(words, found)

    def _apposition(self, words: list[str], start: int, end: int) -> tuple[int, int]:
        """The first words between commas that stand beside a name and begin with an article."""
        for at in range(start + 1, end - 1):
            if words[at - 1] == NAME and words[at] == "," and words[at + 1] in self.articles:
                closing = next((place for place in range(at + 1, end) if words[place] == ","), at)
                return at, closing
        return 0, 0

    def _of_all(self, words: list[str], questions: list[Question]) -> list[Question]:
        """The questions, several in a row with the answer to all of them: "Neither."."""
        answered: list[Question] = []
        of_all: Answer | None = None
        following = -1
        for one in reversed(questions):
            if one.end + 1 != following or one.answer not in (Answer.OPEN, Answer.RHETORICAL):
                of_all = self._to_all(words, one.end + 1)
            answer = of_all if of_all is not None else one.answer
            answered.append(replace(one, answer=answer))
            following = one.start
        return answered[::-1]

    def _to_all(self, words: list[str], at: int) -> Answer | None:
        padded = [*words, "."]
        found = (answer for answer, forward in self._both if forward.longest(padded, at))
        return next(found, None)

    def _after_labels(self, words: list[str], at: int) -> int:
        while (label := self._labels.longest(words, at)) is not None:
            at = label[0]
        return at

    def _answer(self, words: list[str], at: int, lines: frozenset[int]) -> Answer | None:
        while at < len(words) and words[at] in SENTENCE_END:
            at += 1
        stop = min((line for line in lines if line > at), default=len(words))
        padded = [*words[:stop], ".", *words[stop:], "."]  # a line ends a sentence
        at = self._after_labels(padded, at)
        for answer, patterns in self._answers:
            if patterns.longest(padded, at) is not None:
                return answer
        return None


@lru_cache(maxsize=1)
def english() -> English:
    """The rules of ``english.toml``."""
    return English(english_data())


@lru_cache(maxsize=1)
def english_data() -> dict[str, Any]:
    """The content of ``english.toml``."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
