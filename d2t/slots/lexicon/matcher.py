"""Phrases of the lexicon in a text: candidates, negation, and the choice among overlapping ones.

The span of a phrase is what stands between the marks of its pattern, without context and gaps.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton, vocabulary
from d2t.slots.lexicon.english import Answer, english
from d2t.slots.lexicon.lexicon import RANKS_OF_LAYER
from d2t.slots.lexicon.pattern import (
    OPEN,
    Choice,
    Gap,
    Mark,
    Node,
    Sequence,
    fits,
    has_marks,
    is_number,
    may_skip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.slots.lexicon.english import Structure
    from d2t.slots.lexicon.lexicon import Entry, Lexicon


@dataclass(frozen=True, slots=True)
class Location:
    """Token positions of one match: the span, and its weight.

    Words matched literally inside the span count; context, gaps and ``light`` words do not.
    """

    start: int
    end: int
    weight: int


_UNKNOWN = Location(-1, -1, -1)


def locate(
    node: Node, words: list[str], start: int, end: int, light: frozenset[str]
) -> Location | None:
    """The heaviest way in which ``node`` matches all of ``words[start:end]``, if any.

    Ways that stand at the same place of pattern and text with the same span and weight are one, so
    that the time is not that of all ways, of which a pattern may have any number.
    """
    best: Location | None = None
    places: dict[tuple[int, int, int], _Place] = {}  # interned, so that they compare by identity

    def before(one: Node, rest: _Place | None, left: int | None = None) -> _Place:
        """The place in the pattern before ``one``, which ``rest`` follows."""
        if left is None:
            left = one.limit if isinstance(one, Gap) else 0
        key = (id(one), id(rest), left)
        if key not in places:
            places[key] = _Place(one, rest, left)
        return places[key]

    # Place; position; where the span begins and ends (-1: at the end); its weight so far, counted
    # from its beginning, and the weight where it ended.
    todo: list[tuple[_Place | None, int, int, int, int, int]] = [
        (before(node, None), start, start, -1, 0, 0)
    ]
    done: set[tuple[int, int, int, int, int, int]] = set()
    while todo:  # depth first and in the order of the pattern: the first of equal ways is taken
        place, at, opened, closed, weight, closed_weight = todo.pop()
        key = (id(place), at, opened, closed, weight, closed_weight)
        if key in done:
            continue
        done.add(key)
        if place is None:
            if at == end:
                last, total = (closed, closed_weight) if closed >= 0 else (end, weight)
                if best is None or total > best.weight:
                    best = Location(opened, last, total)
            continue
        one, rest, left = place.node, place.rest, place.left
        if isinstance(one, Sequence):
            for part in reversed(one.parts):
                rest = before(part, rest)
            todo.append((rest, at, opened, closed, weight, closed_weight))
        elif isinstance(one, Choice):
            for option in reversed(one.options):
                todo.append((before(option, rest), at, opened, closed, weight, closed_weight))
        elif isinstance(one, Mark):
            if one.text == OPEN:
                todo.append((rest, at, at, closed, 0, 0))
            else:
                todo.append((rest, at, opened, at, weight, weight))
        elif isinstance(one, Gap):
            if left and at < end and may_skip(words[at]):
                further = before(one, rest, left - 1)
                todo.append((further, at + 1, opened, closed, weight, closed_weight))
            todo.append((rest, at, opened, closed, weight, closed_weight))
        elif at < end and fits(one, words[at]):
            heavier = weight + (words[at] not in light)
            todo.append((rest, at + 1, opened, closed, heavier, closed_weight))
    return best


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A place in a pattern: before ``node``, which ``rest`` follows; ``left`` words of a gap."""

    node: Node
    rest: _Place | None
    left: int


_FIRM = 1000
_AFTER = 5  # words after a negation in which something may take it back
_MEMO_LIMIT = 20_000
_SCALE = re.compile(r"\d")  # in what a template adds to the figures of the text: "# out of 5"
# Words that may stand between a name and what is said of it; a span does not begin with them.
_LINKS = frozenset({"is", "are", "was", "were", "has", "have", "at", "of", "as", ",", ":"})


class Phrase(NamedTuple):
    """Words ``start:end`` realise one of ``values`` of ``slot`` (no slot: they realise nothing).

    ``weight``: see ``Location``; the heavier of two overlapping phrases is chosen.
    """

    start: int
    end: int
    weight: int
    slot: str
    values: tuple[str, ...]
    rank: int
    weak: bool = False
    sole: bool = False
    negation: int = -1  # the negating word before it, where others may share it
    removes: bool = False  # it takes back what lower layers read in its words
    source: int = -1  # the number of its pattern, for PhraseMatcher.wording
    denied: bool = False  # something in the text denies it
    row: bool = False  # it is denied as the first of a row that may go on


@dataclass(frozen=True, slots=True)
class _Denials:
    """What denies the phrases of one text, by where they begin and by where they end."""

    before: dict[int, int | None] = field(default_factory=dict)
    after: dict[int, int | None] = field(default_factory=dict)


class PhraseMatcher:
    """Finds lexicon phrases in a list of normalised words."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._patterns: list[tuple[Node, Entry]] = [
            (node, entry) for entry in lexicon.entries for node in entry.patterns
        ]
        self._usual_words: dict[str, dict[str, float]] = {}
        self._marked: dict[int, bool] = {}  # of the patterns that have matched
        self._located: dict[tuple[int, tuple[str, ...]], Location | None] = {}
        self._automaton = Automaton(node for node, _ in self._patterns)
        self._negation = lexicon.negation
        self._english = english()
        self._negating = BackwardAutomaton((*lexicon.negation.phrases, *self._english.before))
        self._light = lexicon.light
        self._fits = lexicon.fits
        self._denying = (
            self._negation.words | self._negating.last_words | self._english.parentheses.last_words
        )

    @property
    def vocabulary(self) -> frozenset[str]:
        """Every word that some phrase holds."""
        return frozenset(self._automaton.vocabulary)

    def usual_words(self, slot: str) -> dict[str, float]:
        """The words of the phrases of ``slot``, and the share of its phrases that have each."""
        if slot not in self._usual_words:
            nodes = [node for node, entry in self._patterns if entry.slot == slot]
            counts = Counter(word for node in nodes for word in vocabulary([node]))
            self._usual_words[slot] = {word: n / len(nodes) for word, n in counts.items()}
        return self._usual_words[slot]

    @property
    def scaled(self) -> frozenset[str]:
        """The slots whose figures are of a scale that texts need not tell: "a rating of 4"."""
        entries = (entry for _, entry in self._patterns)
        return frozenset(entry.slot for entry in entries if entry.numeric and _scaled(entry.values))

    def find(self, words: list[str], extra: Iterable[Phrase] = ()) -> list[Phrase]:
        """The chosen phrases of ``read``."""
        return self.read(words, extra)[0]

    def read(
        self,
        words: list[str],
        extra: Iterable[Phrase] = (),
        lines: frozenset[int] = frozenset(),
    ) -> tuple[list[Phrase], frozenset[int]]:
        """The chosen phrases in text order: heavier first, then shorter, earlier, in file order.

        Weak and sole phrases of several slots may share their words ("a trattoria"): ``settle``
        decides which of them count.

        Also the positions of words that realise nothing: those of another place, of ``[[ignore]]``,
        and of questions that are answered elsewhere.

        Args:
            words: normalised words; names already found are masked by words that begin with NUL.
            extra: further candidates, for example values of the MR found verbatim.
            lines: the positions of words that begin a line.
        """
        structure = self._english.read(words, lines)
        known = list(self._candidates(words, structure))
        extra = [phrase for phrase in extra if not structure.in_aside(phrase.start, phrase.end)]
        if removed := [phrase for phrase in known if phrase.removes]:
            known = [phrase for phrase in known if not phrase.removes]
            known, extra = (_left(phrases, removed) for phrases in (known, extra))
        candidates = [p for p in extra if not any(_longer(k, p) for k in known)] + known
        candidates.sort(key=lambda p: (-p.weight, p.end - p.start, p.start, p.rank))
        taken: set[int] = set()
        chosen: list[Phrase] = []
        vague: dict[tuple[int, int], list[str]] = {}  # the slots of weak and sole phrases
        for phrase in candidates:
            words_of = (phrase.start, phrase.end)
            if taken.isdisjoint(range(*words_of)):
                taken.update(range(*words_of))
                if phrase.slot and (phrase.weak or phrase.sole):
                    vague[words_of] = [phrase.slot]
            elif (
                words_of in vague
                and (phrase.weak or phrase.sole)
                and phrase.slot not in vague[words_of]
            ):
                vague[words_of].append(phrase.slot)
            else:
                continue
            chosen.append(phrase)
        chosen.sort(key=lambda p: p.start)
        chosen = self._in_rows(words, chosen)
        if self._fits:
            chosen = [self._fitting(words, phrase) for phrase in chosen]
        silent = [(p.start, p.end) for p in chosen if not p.slot] + list(structure.asides)
        if structure.questions:
            before, chosen = chosen, self._answered(chosen, structure)
            left = {phrase.start for phrase in chosen if phrase.values}
            silent += [(p.start, p.end) for p in before if p.values and p.start not in left]
        spoken = [phrase for phrase in chosen if phrase.slot and phrase.values]
        if self._negation.shared:
            spoken = _with_negations(spoken, taken)
        return spoken, frozenset(at for start, end in silent for at in range(start, end))

    def _fitting(self, words: list[str], phrase: Phrase) -> Phrase:
        """The phrase; weak where it describes a noun that is not of its slot ("French windows")."""
        fit = self._fits.get(phrase.slot)
        end = phrase.end
        if fit is None or end >= len(words) or phrase.weak or phrase.denied or phrase.source < 0:
            return phrase
        if words[end - 1] not in fit.words and not (fit.figures and is_number(words[end - 1])):
            return phrase
        if not self._english.may_be_noun(words[end]):
            return phrase
        for at in range(end, self._english.noun_phrase(words, end)):
            if words[at] in fit.nouns:
                return phrase
        return phrase._replace(weak=True)

    def _answered(self, chosen: list[Phrase], structure: Structure) -> list[Phrase]:
        """The phrases as the answers to the questions leave them."""
        asked = [(phrase, structure.question_at(phrase.start)) for phrase in chosen]
        stated = [phrase for phrase, question in asked if question is None and not phrase.weak]
        left: list[Phrase] = []
        for phrase, question in asked:
            if question is not None and phrase.slot:
                answer = question.answer
                if answer is Answer.OPEN:
                    phrase = phrase._replace(weak=True)
                elif answer is Answer.NO:
                    phrase = self._denied(phrase)
                same = [one for one in stated if one.slot == phrase.slot]
                if answer is not Answer.NO:  # what is asked and then stated is said once
                    same = [one for one in same if set(one.values) & set(phrase.values)]
                if answer is Answer.UNKNOWN or same:
                    continue
            left.append(phrase)
        return left

    def _denied(self, phrase: Phrase) -> Phrase:
        """The phrase with the values of its entry that a denial leaves; it may say nothing then."""
        if phrase.source < 0:
            return phrase._replace(values=())
        entry = self._patterns[phrase.source][1]
        return phrase._replace(values=entry.values if phrase.denied else entry.negated, denied=True)

    def _in_rows(self, words: list[str], chosen: list[Phrase]) -> list[Phrase]:
        """Adjectives after one negated article: "not a cheap, friendly pub" denies both."""
        rows: list[Phrase] = []
        for phrase in chosen:
            last = rows[-1] if rows else None
            if (
                last is not None
                and last.row
                and not phrase.denied
                and phrase.source >= 0
                and last.end < phrase.start
                and self._english.row.issuperset(words[last.end : phrase.start])
                and self._patterns[phrase.source][1].negated
            ):
                phrase = self._denied(phrase)._replace(row=True)
            rows.append(phrase)
        return rows

    def _candidates(self, words: list[str], structure: Structure) -> Iterable[Phrase]:
        heavy = [0, *accumulate(word not in self._light for word in words)]
        denials = _Denials()
        for start, end, indices in self._automaton.scan(words):
            aside = structure.in_aside(start, end)
            for index in indices:
                entry = self._patterns[index][1]
                if aside and entry.slot and not entry.removes:
                    continue  # where the context of a pattern is the aside, the lexicon decides
                first, last, weight = start, end, heavy[end] - heavy[start]
                if self._is_marked(index):
                    location = self._location(index, words[start:end])
                    if location is None or location.start >= location.end:
                        continue
                    first, last = start + location.start, start + location.end
                    weight = location.weight
                yield self._phrase(words, first, last, weight, index, denials)

    def _is_marked(self, index: int) -> bool:
        marked = self._marked.get(index)
        if marked is None:
            marked = self._marked[index] = has_marks(self._patterns[index][0])
        return marked

    def _location(self, index: int, words: list[str]) -> Location | None:
        """Where the span of a pattern stands in the words that it matches."""
        key = index, tuple(words)
        known = self._located.get(key, _UNKNOWN)
        if known is not _UNKNOWN:
            return known
        if len(self._located) >= _MEMO_LIMIT:
            self._located.clear()
        location = locate(self._patterns[index][0], words, 0, len(words), self._light)
        self._located[key] = location
        return location

    def _phrase(
        self, words: list[str], start: int, end: int, weight: int, index: int, denials: _Denials
    ) -> Phrase:
        entry = self._patterns[index][1]
        if entry.removes:
            return Phrase(start, end, 0, entry.slot, entry.values, entry.rank, removes=True)
        deniable = self._negation.slots is None or entry.slot in self._negation.slots
        negation = None
        if entry.slot and deniable:
            negation = self._negation_of(words, start, end, entry, denials)
        values, shared = entry.values, -1
        row = False
        if negation is not None:
            row = words[negation + 1] in self._english.articles if negation < start else False
            values = entry.negated
            weight += 1
            if negation >= end:
                end = negation
            elif self._negation.shared:
                shared = negation
            else:
                start = negation
        if entry.firm:
            weight += _FIRM
        start = _after_names(words, start, end)
        if entry.numeric:
            numbers = [word for word in words[start:end] if is_number(word)]
            values = _filled(values, numbers)
        return Phrase(
            start, end, weight, entry.slot, values, entry.rank, entry.weak, entry.sole, shared,
            source=index, denied=negation is not None, row=row,
        )  # fmt: skip

    def wording(self, phrase: Phrase) -> tuple[Entry, str] | None:
        """The entry that a phrase comes from and the pattern as it is written; None: no entry."""
        if phrase.source < 0:
            return None
        node, entry = self._patterns[phrase.source]
        at = next(at for at, pattern in enumerate(entry.patterns) if pattern is node)
        return entry, entry.sources[at]

    def _negation_of(
        self, words: list[str], start: int, end: int, entry: Entry, denials: _Denials
    ) -> int | None:
        """Where a denial of the phrase begins, or ends if it follows; None where none is.

        A phrase that holds a negation is denied by another one beside it: "not unfriendly".
        """
        words_of_negation = self._negation.words
        wide = entry.slot in self._negation.wide
        if not words_of_negation.isdisjoint(words[start:end]):
            if wide and entry.negated and self._english.undone(words, end):
                return end
            doubled = start > 0 and entry.negated and words[start] in words_of_negation
            return start - 1 if doubled and words[start - 1] in words_of_negation else None
        if start not in denials.before:
            denials.before[start] = self.negation_before(words, start)
        if wide and denials.before[start] is None:
            return self._wide_negation(words, start, end)
        if (before := denials.before[start]) is not None or not entry.negated:
            return before
        if end not in denials.after:
            denials.after[end] = self._english.denied_after(words, end)
        return denials.after[end]

    def _wide_negation(self, words: list[str], start: int, end: int) -> int | None:
        """Where a denial begins that stands anywhere in the clause before the phrase, or ends."""
        english, at = self._english, start
        while (at := at - 1) >= 0 and words[at] not in english.barriers:
            if words[at] in self._negation.words or words[at] in english.negatives:
                if words[at + 1] in self._negation.exempt or english.cancelled(words, at, end):
                    return None
                return at
        if (after := english.denied_after(words, end)) is not None:
            return after
        at = end + 1 if not english.auxiliaries.isdisjoint(words[end : end + 1]) else end
        if self._negation.words.isdisjoint(words[at : at + 1]):
            return None
        if not self._negation.exempt.isdisjoint(words[at + 1 : at + 2]):
            return None
        return None if english.cancelled(words, at, min(len(words), at + _AFTER)) else at + 1

    def negation_before(self, words: list[str], start: int) -> int | None:
        """Position of the word that negates what begins at ``start``, if any."""
        negation = self._negation
        at, last = start, max(-1, start - 1 - negation.reach)
        while (at := at - 1) > last:
            word = words[at]
            if word not in self._denying:
                if word not in negation.transparent:
                    return None
                continue
            if (skipped := self._english.parentheses.begins(words, at + 1)) is not None:
                at = skipped
                continue
            if word in negation.words:
                following = words[at + 1] if at + 1 < len(words) else ""
                return None if following in negation.exempt else at
            if (first := self._negating.begins(words, at + 1)) is not None:
                before = words[first - 1] if first else ""
                denied = before in negation.words or before in self._english.negatives
                return None if denied else first
            if word not in negation.transparent:  # a barrier only passes where it is listed
                return None
        return None


def _left(phrases: Iterable[Phrase], removed: list[Phrase]) -> list[Phrase]:
    """The phrases without those that higher layers take back."""
    return [phrase for phrase in phrases if not any(_takes_back(one, phrase) for one in removed)]


def _takes_back(removal: Phrase, phrase: Phrase) -> bool:
    """Whether a removal of a higher layer covers the words, the slot and one of the values."""
    return (
        removal.slot == phrase.slot
        and removal.start <= phrase.start
        and phrase.end <= removal.end
        and phrase.rank > removal.rank + RANKS_OF_LAYER // 2
        and not (removal.values and set(removal.values).isdisjoint(phrase.values))
    )


def _with_negations(phrases: list[Phrase], taken: set[int]) -> list[Phrase]:
    """Phrases in text order, the first after a negation with what stands before it from there."""
    extended: list[Phrase] = []
    for phrase in phrases:
        before = range(phrase.negation, phrase.start) if phrase.negation >= 0 else range(0)
        if before and taken.isdisjoint(before):
            taken.update(before)
            phrase = phrase._replace(start=phrase.negation)
        extended.append(phrase)
    return extended


def _longer(known: Phrase, verbatim: Phrase) -> bool:
    """Whether ``known`` says more than ``verbatim`` that it covers (``less than £15``, ``£15``)."""
    if known.slot != verbatim.slot or known.weak or not known.values:
        return False
    if known.start > verbatim.start or known.end < verbatim.end:
        return False
    more, less = known.values[0].casefold(), verbatim.values[0].casefold()
    return more != less and less in more


def verbatim(words: list[str], value: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where the words of ``value`` stand in ``words``."""
    size = len(value)
    first = value[0]
    return [
        (at, at + size)
        for at, word in enumerate(words)
        if word == first and tuple(words[at : at + size]) == value
    ]


def _after_names(words: list[str], start: int, end: int) -> int:
    """Where the part after the last name begins (``prices at Cotto are low`` -> ``low``)."""
    for at in range(end - 1, start - 1, -1):
        if words[at][0] == "\0":
            after = at + 1
            while after + 1 < end and words[after] in _LINKS:
                after += 1
            return after if after < end else start
    return start


def _filled(templates: tuple[str, ...], numbers: list[str]) -> tuple[str, ...]:
    """The values that figures stand for; last, the bare figure of a scale that nobody told.

    "A rating of 4" is ``4 out of 5``, unless the MR has a rating of ``4``.
    """
    values = tuple(_fill(template, numbers) for template in templates)
    if len(numbers) == 1 and _scaled(templates):
        return (*values, numbers[0])
    return values


def _scaled(templates: tuple[str, ...]) -> bool:
    return any(_SCALE.search(template) for template in templates)


def _fill(template: str, numbers: list[str]) -> str:
    """``template`` with each ``#`` replaced by the next number (the last one when they run out)."""
    parts = template.split("#")
    text = parts[0]
    for index, part in enumerate(parts[1:]):
        text += (numbers[min(index, len(numbers) - 1)] if numbers else "") + part
    return text
