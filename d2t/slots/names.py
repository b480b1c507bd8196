"""Values of open slots: names and landmarks that the domain or the MR knows, as they are written.

The words around a name (``near ...``, ``... nearby``) tell whether it is a landmark; they also show
landmarks that neither the domain nor the MR knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.automaton import Automaton, BackwardAutomaton
from d2t.slots.lexicon.tokens import SENTENCE_END
from d2t.slots.surroundings import (
    ENGLISH,
    begins_sentence,
    capitals_tell,
    has_capital,
    labelled_line,
    longer_name,
    ordinal_ends,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.lexicon import Landmark, Lexicon
    from d2t.slots.lexicon.tokens import Tokens

    Negation = Callable[[list[str], int], int | None]

ARTICLE = "the"
_SKIPPED = frozenset({ARTICLE, "a", "local", "famous", "popular"})
_LINKS = frozenset({"of", "by", "and", "de", "la", "le", "at"})
_MAX_WORDS = 5
_MIN_LETTERS = 3
_REACH = 8
_LINKING = frozenset({"is"})
_EXCLUDING = frozenset({"without", "unlike"})
_CLAUSE_ENDS = frozenset(".!?,;:") | {
    "is", "are", "was", "has", "have", "serves", "serving", "offers", "offering", "provides",
    "providing", "sells", "selling", "called", "named",
}  # fmt: skip


def _before_article(words: list[str], start: int) -> int:
    return start - 1 if start and words[start - 1] == ARTICLE else start


def _is_capital(tokens: Tokens, at: int) -> bool:
    return tokens.text[tokens.starts[at]].isupper()


class LandmarkContext:
    """Tells from the words around a string whether it is a landmark or a name."""

    def __init__(self, rules: Landmark) -> None:
        self.slot = rules.slot
        self.name_slot = rules.name_slot
        self._places = rules.places
        self._before = BackwardAutomaton(rules.before)
        self._called = BackwardAutomaton(rules.called)
        self._goal = BackwardAutomaton(rules.goal)
        self._agent = BackwardAutomaton(rules.agent)
        self._after = Automaton(rules.after)

    def holds(self, words: list[str], start: int, end: int) -> bool:
        """Whether ``words[start:end]`` stands where a landmark stands."""
        at = start
        while at and words[at - 1] in _SKIPPED:
            at -= 1
        if self._goal.ends_at(words, at) or self._agent.ends_at(words, at):
            return False
        if self._before.ends_at(words, at):
            return True
        if at and words[at - 1] in ("and", "or") and self._is_coordinated(words, at - 1):
            return True
        return self._is_followed(words, end)

    def announced(self, words: list[str], start: int) -> bool:
        """Whether a cue of landmarks or names stands before ``start``."""
        at = _before_article(words, start)
        return self._before.ends_at(words, at) or self._called.ends_at(words, at)

    def denied(self, words: list[str], start: int, end: int, negation: Negation) -> bool:
        """``not near X``, ``nowhere near X``, ``X is not nearby``: no landmark."""
        at = start
        while at and words[at - 1] in _SKIPPED:
            at -= 1
        cue = self._before.begins(words, at)
        if cue is not None:
            outer, inner = negation(words, cue), negation(words, at)
            # "not too far from X" has two negations, "not close to X" one that both find
            return outer != inner if outer is None or inner is None else outer == inner
        if words[end : end + 2] in (["is", "not"], ["are", "not"], ["was", "not"]):
            if self._is_followed(words, end + 2):
                return True
            return any(self._before.ends_at(words, end + 2 + size) for size in (1, 2))
        return False

    def _is_followed(self, words: list[str], end: int) -> bool:
        """Whether a cue of landmarks stands at ``end``."""
        return bool(self._after.matches(words, end, min(len(words), end + _REACH)))

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
            if start in named:
                continue
            if not text[tokens.starts[start]].isupper() and not ordinal_ends(tokens, start):
                continue
            slot, first = self._announced(words, start)
            end = self._capitalised_run(tokens, start, taken, named) if slot else start
            followed = not slot and not begins_sentence(tokens, start)
            if followed:
                end, slot = self._followed(tokens, start, taken, named), self.slot
            if end == start or all(word in self._places for word in words[start:end]):
                continue
            if not text[tokens.starts[first]].isupper():
                first = start
            value = text[tokens.starts[first] : tokens.ends[end - 1]]
            if followed:  # "on the Royal Theatre's doorstep"
                value = value.removesuffix("'s").removesuffix("’s")
            unknown.append((first, end, slot, value))
        return unknown

    def _announced(self, words: list[str], start: int) -> tuple[str, int]:
        """The slot that the words before ``start`` announce, and where the string itself begins."""
        if self._agent.ends_at(words, start):
            return "", start
        cued = (
            (self._goal, self.name_slot),
            (self._before, self.slot),
            (self._called, self.name_slot),
        )
        for cues, slot in cued:
            if cues.ends_at(words, start):
                return slot, start
            if words[start - 1] == ARTICLE and cues.ends_at(words, start - 1):
                return slot, start - 1
        return "", start

    def _followed(self, tokens: Tokens, start: int, taken: set[int], named: set[int]) -> int:
        """Where an unknown name ends that words for landmarks follow ("on X's doorstep")."""
        if _is_capital(tokens, start - 1) and start - 1 not in named:
            return start
        end = self._capitalised_run(tokens, start, taken, named)
        following = tokens.words[end : end + 1]
        if end == start or not following or following[0] in self._places - _LINKING:
            return start
        last = min(len(tokens), end + _REACH)
        return end if self._after.matches(tokens.words, end, last) else start

    def _capitalised_run(self, tokens: Tokens, start: int, taken: set[int], named: set[int]) -> int:
        """Where the run of capitalised words ends; ``start`` itself when it is no unknown name."""
        at = ordinal_ends(tokens, start) or start
        end = start
        while at < len(tokens) and at - start < _MAX_WORDS:
            word = tokens.words[at]
            if at in named:
                return start
            if word.isdigit() and at == end > start and self._ends_a_name(tokens, at):
                end = at + 1
                break
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

    @staticmethod
    def _ends_a_name(tokens: Tokens, at: int) -> bool:
        """Whether a figure is the last word of a name ("Pier 14"): a pause or a verb follows."""
        if tokens.ends[at] - tokens.starts[at] != len(tokens.words[at]):
            return False  # in letters
        following = tokens.words[at + 1 : at + 2]
        return not following or following[0] in _CLAUSE_ENDS or following[0] in ENGLISH


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens ``start:end`` are ``value`` of open slot ``slot``; no slot: the text denies it."""

    start: int
    end: int
    slot: str
    value: str


class Row(NamedTuple):
    """One way to write one value."""

    words: tuple[str, ...]
    slot: str
    value: str
    slip: bool = False
    """Not as the value is written: without its article, say."""


class NameTable:
    """Values of open slots by their first word."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._words = lexicon.tokenizer.words
        self._rows: dict[tuple[str, ...], list[Row]] = {}
        self._lengths: dict[str, list[int]] = {}  # of the rows, in words, by their first word

    def add(self, slot: str, value: str, written: str) -> None:
        """Understand ``written``, with or without a leading article, as ``value`` of ``slot``."""
        words = self._words(written)
        self._add(Row(words, slot, value, slip=written != value))
        if words[:1] == (ARTICLE,):
            self._add(Row(words[1:], slot, value, slip=True))
        if bare := _without_marks(words):
            self._add(Row(bare, slot, value, slip=True))

    def _add(self, row: Row) -> None:
        if not row.words:
            return
        rows = self._rows.setdefault(row.words, [])
        if all((row.slot, row.value) != (other.slot, other.value) for other in rows):
            rows.append(row)
        lengths = self._lengths.setdefault(row.words[0], [])
        if len(row.words) not in lengths:
            lengths.append(len(row.words))

    def begin(self, word: str) -> bool:
        """Whether a row begins with ``word``."""
        return word in self._lengths

    def fitting(self, words: list[str], at: int) -> list[Row]:
        """The rows written at position ``at``."""
        rows: list[Row] = []
        for length in self._lengths.get(words[at], ()):
            rows += self._rows.get(tuple(words[at : at + length]), ())
        return rows


class NameFinder:
    """Finds values of open slots; longest first; context tells landmarks from names."""

    def __init__(
        self,
        domain: Domain,
        lexicon: Lexicon,
        ordinary: frozenset[str] = frozenset(),
        beside: frozenset[str] = frozenset(),
        negation: Negation = lambda words, start: None,
    ) -> None:
        """Prepare for the values of ``domain``.

        Args:
            domain: lists known values.
            lexicon: how they are written otherwise.
            ordinary: words that texts of the domain have beside names.
            beside: those of them that may stand beside a name with a capital ("Aromi Restaurant").
            negation: where the word stands that negates what begins at a position, if any.
        """
        self._lexicon = lexicon
        self._ordinary = ordinary
        self._negation = negation
        self._plain = lexicon.negation.words | _EXCLUDING
        self._known = NameTable(lexicon)
        self.context = None if lexicon.landmark is None else LandmarkContext(lexicon.landmark)
        places = frozenset() if lexicon.landmark is None else lexicon.landmark.places
        self._beside = beside | places | lexicon.light | _CLAUSE_ENDS
        self._closed = frozenset(spec.name for spec in domain.slots if spec.kind != "open")
        for spec in domain.slots:
            for value in spec.values if spec.kind == "open" else ():
                self._known.add(spec.name, value, value)
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
        cased = capitals_tell(tokens)
        end = 0
        for at in self._beginnings(words, fresh):
            if at < end:
                continue
            rows = self._known.fitting(words, at)
            if rows:
                rows = [row for row in rows if self._is_name(row, tokens, at, mr, cased)]
            if fresh is not None:
                unlisted = fresh.fitting(words, at)
                rows += (row for row in unlisted if not self._is_word(row, tokens, at))
            if not rows:
                continue
            length = max(len(row.words) for row in rows)
            senses = _senses([row for row in rows if len(row.words) == length], mr)
            end = at + length
            slot = self._sense(words, at, end, senses)
            mentions.append(Mention(at, end, slot, senses[slot]))
        if not mentions:
            return mentions
        mentions = self._move_landmarks(words, self._names_alone(tokens, mentions, cased))
        mentions = [self._denied(tokens, mention, mr) for mention in mentions]
        return self._lengthened(tokens, mentions, mr) if cased else mentions

    def _beginnings(self, words: list[str], fresh: NameTable | None) -> list[int]:
        """The positions at which a name might begin."""
        known = self._known.begin
        if fresh is None:
            return [at for at, word in enumerate(words) if known(word)]
        return [at for at, word in enumerate(words) if known(word) or fresh.begin(word)]

    def _is_name(
        self, row: Row, tokens: Tokens, at: int, mr: MeaningRepresentation | None, cased: bool
    ) -> bool:
        """Whether a listed value is a name here (``the room``, ``run-of-the-mill``, ``ranch``).

        The MR holds it, or it has a capital that is not only that of a sentence. In a text without
        capitals and with an MR that does not hold it, words such as "near" announce it.
        """
        end = at + len(row.words)
        is_common = (row.slot, row.value) in self._lexicon.common
        held = mr is not None and any(slot.value == row.value for slot in mr.slots)
        if tokens.text == tokens.text.lower():
            if is_common or mr is None:
                return held or not is_common
            return held or (self.context is not None and self._is_announced(tokens.words, at))
        if row.value == row.value.lower():
            return True
        last = tokens.text[tokens.starts[end - 1]].isupper()
        if is_common:
            return last
        if held:
            return True
        if not (last or has_capital(tokens, at, end)):
            return False
        return not (cased and row.slip and len(row.words) == 1 and begins_sentence(tokens, at))

    def _is_announced(self, words: list[str], at: int) -> bool:
        return self.context is not None and self.context.announced(words, at)

    def _is_word(self, row: Row, tokens: Tokens, at: int) -> bool:
        """Whether a name nobody has listed (``A``, ``Pub``, ``Riverside``) is no name here.

        Its words are ordinary ones, and have lost its capitals in a text that has capitals: "Pub is
        a pub", "a place".
        """
        said = tokens.text[tokens.starts[at] : tokens.ends[at + len(row.words) - 1]]
        return (
            all(word in self._ordinary or word in ENGLISH for word in row.words)
            and said == said.lower()
            and row.value != row.value.lower()
            and tokens.text != tokens.text.lower()
        )

    def _names_alone(self, tokens: Tokens, mentions: list[Mention], cased: bool) -> list[Mention]:
        """Without what may be an ordinary word, where the name is said otherwise.

        It has lost its capital ("Mill is a run-of-the-mill pub"), or has that of a sentence ("A pub
        called It. It is cheap.").
        """
        if not cased or len(mentions) < 2:
            return mentions
        sure = {
            (mention.slot, mention.value)
            for mention in mentions
            if not self._is_doubtful(tokens, mention)
        }
        kept: list[Mention] = []
        for mention in mentions:
            key = (mention.slot, mention.value)
            if self._is_doubtful(tokens, mention):
                if key in sure:
                    continue
                if self._is_ordinary(tokens, mention):
                    sure.add(key)
            kept.append(mention)
        return kept

    def _is_ordinary(self, tokens: Tokens, mention: Mention) -> bool:
        words = tokens.words[mention.start : mention.end]
        return all(word in self._ordinary or word in ENGLISH for word in words)

    def _is_doubtful(self, tokens: Tokens, mention: Mention) -> bool:
        words = tokens.words[mention.start : mention.end]
        if len(words) > 1 and words[:-1] != [ARTICLE]:
            return False
        if mention.value != mention.value.lower() and not has_capital(
            tokens, mention.start, mention.end
        ):
            return True
        return begins_sentence(tokens, mention.start) and self._is_ordinary(tokens, mention)

    def _denied(
        self, tokens: Tokens, mention: Mention, mr: MeaningRepresentation | None
    ) -> Mention:
        """The mention without its slot where the text denies what the MR has: "not near X"."""
        words, context = tokens.words, self.context
        if context is None or mr is None or mention.value not in mr.values(mention.slot):
            return mention
        at = _before_article(words, mention.start)
        before = words[max(0, at - 2) : at]
        denied = bool(before) and before[-1] in self._plain and before[0] not in ("why", "or")
        if mention.slot == context.slot:
            # a line that begins with a label ("Near: X") is not denied by the line before it
            first = labelled_line(tokens, mention.start)
            start, end = mention.start - first, mention.end - first
            denied |= context.denied(words[first:] if first else words, start, end, self._negation)
        return Mention(mention.start, mention.end, "", "") if denied else mention

    def _lengthened(
        self, tokens: Tokens, mentions: list[Mention], mr: MeaningRepresentation | None
    ) -> list[Mention]:
        """Parts of longer names become those: "The Old Mill Tavern" is not "Old Mill"."""
        taken = {at for mention in mentions for at in range(mention.start, mention.end)}
        lengthened: list[Mention] = []
        beside = self._beside
        for mention in mentions:
            capital = has_capital(tokens, mention.start, mention.end)
            if not mention.slot or not capital or mention.value == mention.value.lower():
                lengthened.append(mention)
                continue
            start, end = longer_name(tokens, mention.start, mention.end, taken, beside)
            if (start, end) != (mention.start, mention.end) and mr is not None:
                beside = self._beside | self._closed_words(mr)
                start, end = longer_name(tokens, mention.start, mention.end, taken, beside)
            if (start, end) != (mention.start, mention.end):
                taken.update(range(start, end))
                value = tokens.text[tokens.starts[start] : tokens.ends[end - 1]]
                mention = Mention(start, end, mention.slot, value)
            lengthened.append(mention)
        return lengthened

    def _closed_words(self, mr: MeaningRepresentation) -> frozenset[str]:
        """The words of the MR's values that are no names."""
        values = (slot.value for slot in mr.slots if slot.name in self._closed)
        return frozenset(word for value in values for word in self._lexicon.tokenizer.words(value))

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
        others = [mention for mention in mentions if mention.slot == context.slot]
        if not names or len(names) + len(others) < 2:
            return mentions
        placed = {mention for mention in names if context.holds(words, mention.start, mention.end)}
        subjects: set[Mention] = set()
        if len(placed) == len(names):
            subjects = {
                mention
                for mention in others
                if not context.holds(words, mention.start, mention.end)
                and not any(_are_neighbours(words, mention, name) for name in placed)
            }
            if not subjects:
                return mentions
        moved = dict.fromkeys(placed, context.slot) | dict.fromkeys(subjects, context.name_slot)
        return [
            Mention(mention.start, mention.end, moved.get(mention, mention.slot), mention.value)
            for mention in mentions
        ]


def _are_neighbours(words: list[str], first: Mention, second: Mention) -> bool:
    """A sentence ``X is near Y [which is ...]`` or ``Near Y is X.``: either may be the landmark."""
    if words[second.end : first.start] == ["is"]:
        return words[first.end : first.end + 1] in ([], ["."])
    at = _before_article(words, first.start)
    if at and words[at - 1] not in SENTENCE_END:
        return False
    between = words[first.end : second.start]
    if not 1 < len(between) <= _REACH or between[0] not in ("is", "sits", "stands"):
        return False
    if _CLAUSE_ENDS.intersection(between[1:]) or {"a", "an"}.intersection(between):
        return False
    following = words[second.end : second.end + 1]
    return not following or following[0] in _PAUSES or following[0] in _RELATIVE


_RELATIVE = frozenset({"which", "that", "where", "who"})
_PAUSES = frozenset(".!?,;:")


def _without_marks(words: tuple[str, ...]) -> tuple[str, ...]:
    """``Yo! Sushi`` without its mark, which writers leave out; nothing if that is one word."""
    bare = tuple(word for word in words if word not in SENTENCE_END)
    return bare if len(bare) > 1 and len(bare) < len(words) else ()


def _senses(rows: list[Row], mr: MeaningRepresentation | None) -> dict[str, str]:
    """Value by slot; values of the MR come before others."""
    senses: dict[str, str] = {}
    for row in rows:
        if row.slot not in senses or (mr is not None and row.value in mr.values(row.slot)):
            senses[row.slot] = row.value
    return senses
