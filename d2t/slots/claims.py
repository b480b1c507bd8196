"""Claims beyond the record: words outside the spans of slots that are no neutral frame.

A word is neutral if it is a function word of English, if references of the domain that say exactly
their MR use it beside such a slot in a sentence (``neutral.toml``, written by
``python -m experiments.claims.learn``), if a span of the text has it too ("a coffee shop with
coffee"), or if it says vaguely what the span after it says ("a high rating of 5 out of 5"). Every
other word claims something. So do neutral words that say nothing of a slot where a sentence
states something: "It is a place to go", "and is as".
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from d2t.errors import DomainError
from d2t.io.bounded import FileFault, read_toml
from d2t.io.resources import data_root
from d2t.mr.domain_files import FRAMES, NEUTRAL
from d2t.slots.lexicon.tokens import SENTENCE_END
from d2t.slots.types import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from d2t.mr.domain import Domain
    from d2t.slots.lexicon.tokens import Tokens
    from d2t.slots.types import Span

    Restates = Callable[[Sequence[str], Span], bool]
    """Whether the words before a span say vaguely what the span says."""

_FIELD = re.compile(r"\{\w\}|\[[^\]]*\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
EDGE = "edge"
"""The neighbour of words in a sentence without a span."""


@dataclass(frozen=True)
class Frame:
    """What is neutral around the spans of a domain.

    Attributes:
        beside: content words, each with the slots beside which it is neutral.
        anywhere: words that are neutral wherever they stand.
        complete: words that finish a statement about the slot before them ("is available").
    """

    beside: dict[str, frozenset[str]] = field(default_factory=dict)
    anywhere: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()

    @property
    def slots(self) -> frozenset[str]:
        """The slots that it names."""
        return frozenset().union(*self.beside.values())


class Gap(NamedTuple):
    """Tokens ``first:end`` of one sentence that no span has.

    Attributes:
        before: the index of the span before it in the sentence, -1 for none.
        after: the index of the span after it in the sentence, -1 for none.
        opened: the spans of the sentence before it.
    """

    before: int
    first: int
    end: int
    after: int
    opened: int

    def neighbours(self, spans: Sequence[Span]) -> frozenset[str]:
        """The slots of the spans around it; ``EDGE`` where there is none."""
        names = {spans[at].slot.name for at in (self.before, self.after) if at >= 0}
        return frozenset(names or (EDGE,))


class _English(NamedTuple):
    """The lists of ``english_frame.toml``, explained there."""

    function: frozenset[str]
    framing: frozenset[str]
    degree: frozenset[str]
    unfinished: frozenset[str]
    open: frozenset[str]
    loaded: frozenset[str]
    answer: frozenset[str]
    statement: frozenset[str]
    presenting: frozenset[str]


@lru_cache(maxsize=1)
def _english() -> _English:
    path = Path(__file__).with_name("english_frame.toml")
    raw: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    return _English(*(frozenset(raw[key].split()) for key in _English._fields))


def function_words() -> frozenset[str]:
    """English words that are neutral in every domain, and those that no corpus can make neutral."""
    english = _english()
    return english.function | english.framing | english.degree | english.loaded


def load_frame(domain: Domain, ordinary: Collection[str]) -> Frame:
    """The learnt frame of ``domain``; without one, words for anything and those of its lexicon.

    The files are in the folder of the domain. A domain without ``neutral.toml`` that bears the name
    and has the slots of a shipped domain is a copy of that: bundles of older versions have no such
    file. Words that ``frames.toml`` puts around the values of a slot are neutral beside it, too.
    """
    folder = domain.folder
    frame = None if folder is None else _read(folder / NEUTRAL)
    if frame is None and domain.name.isidentifier():
        shipped = _read(data_root() / domain.name / NEUTRAL)
        if shipped is not None and shipped.slots <= {*domain.slot_names, EDGE}:
            frame, folder = shipped, data_root() / domain.name
    if frame is None:
        frame = Frame(anywhere=_english().presenting.union(ordinary))
    composed = None if folder is None else folder / FRAMES
    return frame if composed is None or not composed.is_file() else _with_frames(frame, composed)


def _with_frames(frame: Frame, path: Path) -> Frame:
    """The frame with the words of wordings like "prices of {v}"; others are spans themselves."""
    beside = dict(frame.beside)
    try:
        raw, _ = read_toml(path)
        nouns = {word for noun in raw.get("nouns", ()) for word in noun.split()}
        for slot, tables in raw.get("slots", {}).items():
            roles = [roles for roles in tables.values() if isinstance(roles, dict)]
            wordings = (w for table in roles for w in _strings(table.values()))
            for wording in wordings:
                if "{" in wording:
                    for word in _WORD.findall(_FIELD.sub(" ", wording).casefold()):
                        beside[word] = beside.get(word, frozenset()) | {slot}
    except (FileFault, AttributeError, TypeError) as error:
        raise DomainError(f"{path}: no frames ({error})") from error
    return replace(frame, beside=beside, anywhere=frame.anywhere | nouns)


def _strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from (value,) if isinstance(value, str) else value


def _read(path: Path) -> Frame | None:
    if not path.is_file():
        return None
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        beside = {str(word): frozenset(slots) for word, slots in raw.get("words", {}).items()}
        for slot, words in raw.get("beside", {}).items():
            for word in words:
                beside[word] = beside.get(word, frozenset()) | {slot}
        listed = (frozenset(raw.get(key, ())) for key in ("anywhere", "complete"))
        return Frame(beside, *listed)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DomainError(f"{path}: no frame of neutral words ({error})") from error


def gaps(tokens: Tokens, spans: Sequence[Span]) -> Iterator[Gap]:
    """The runs of tokens between spans; the sign that ends a sentence ends a run."""
    at, before, opened = 0, -1, 0
    for index in range(len(spans) + 1):
        limit = spans[index].start if index < len(spans) else len(tokens.text) + 1
        first = at
        while at < len(tokens) and tokens.starts[at] < limit:
            at += 1
            if tokens.words[at - 1] in SENTENCE_END:
                yield Gap(before, first, at, -1, opened)
                first, before, opened = at, -1, 0
        if at > first:
            yield Gap(before, first, at, index if index < len(spans) else -1, opened)
        if index < len(spans):
            while at < len(tokens) and tokens.starts[at] < spans[index].end:
                at += 1
            before, opened = index, opened + 1


class ClaimFinder:
    """Finds the words of a text that claim what no slot says; deterministic.

    Args:
        frame: the neutral words of the domain.
        restates: whether the words before a span say vaguely what the span says.
    """

    def __init__(self, frame: Frame, restates: Restates) -> None:
        self._frame = frame
        self._restates = restates
        self._english = _english()
        function = self._english.function | self._english.framing
        self._neutral = (function | frame.anywhere) - self._english.loaded
        self._misspelt: dict[str, bool] = {}

    def find(
        self, tokens: Tokens, spans: Sequence[Span], vague: Sequence[Span] = ()
    ) -> tuple[Claim, ...]:
        """The claims of a text whose slots are ``spans``; words of ``vague`` claim nothing."""
        claims: list[Claim] = []
        said: frozenset[str] | None = None
        for gap in gaps(tokens, spans):
            suspects = self._suspects(tokens, gap, spans)
            if suspects:
                if said is None:
                    said = _words_of(tokens, spans) - self._english.loaded
                suspects = [
                    at for at in suspects
                    if tokens.words[at] not in said or self._breaks_off(tokens, at)
                ]  # fmt: skip
            flagged = self._cleared(tokens, gap, spans, vague, suspects) if suspects else []
            if flagged:
                claims += _joined(tokens, flagged)
            elif gap.after < 0 and len(spans) > 1:
                claims += self._empty(tokens, gap)
        return tuple(claims)

    def _suspects(self, tokens: Tokens, gap: Gap, spans: Sequence[Span]) -> list[int]:
        """The words that neither English nor the frame of the domain takes as neutral."""
        neutral, beside, words = self._neutral, self._frame.beside, tokens.words
        neighbours = gap.neighbours(spans)
        found: list[int] = []
        for at in range(gap.first, gap.end):
            word = words[at]
            if word in neutral:
                if self._breaks_off(tokens, at):
                    found.append(at)
            elif word[0].isalnum() and (
                (slots := beside.get(word)) is None or slots.isdisjoint(neighbours)
            ):
                found.append(at)
        return found

    def _breaks_off(self, tokens: Tokens, at: int) -> bool:
        word = tokens.words[at]
        if word not in self._english.unfinished:
            return False
        following = tokens.words[at + 1] if at + 1 < len(tokens) else "."
        return following in SENTENCE_END or (
            word in self._english.open and following in _PAUSES
        )  # fmt: skip

    def _cleared(
        self,
        tokens: Tokens,
        gap: Gap,
        spans: Sequence[Span],
        vague: Sequence[Span],
        suspects: Sequence[int],
    ) -> list[int]:
        """Those of ``suspects`` that nothing in the text clears, and what belongs to them."""
        flagged: set[int] = set()
        hinted: set[int] = set()
        for at in reversed(suspects):
            word = tokens.words[at]
            if word in self._english.degree:
                # A degree goes with what follows it: "really low" says a slot, "really good" not.
                follows = at + 1 < gap.end and tokens.words[at + 1][0].isalnum()
                clear = at + 1 not in flagged if follows else at + 1 == gap.end and gap.after >= 0
            elif self._breaks_off(tokens, at):
                # "around where the Crowne Plaza Hotel is": the verb of a clause that is turned.
                clear = at == gap.first and word in self._english.statement and gap.opened > 1
            elif word in ("no", "not"):
                following = tokens.words[at + 1] if at + 1 < len(tokens) else ""
                clear = following in (self._english.answer if word == "no" else ("only",))
            elif any(one.start <= tokens.starts[at] < one.end for one in vague):
                clear = True
                hinted.add(at)
            elif word == _ONE and tokens.text[tokens.starts[at]].isalpha():
                clear = at + 1 not in flagged
            else:
                clear = self._restated(tokens, gap, spans, at) or self._is_misspelt(word)
            if not clear:
                flagged.add(at)
        if flagged and gap.before < 0 and gap.after < 0:
            flagged |= {at for at in range(gap.first, gap.end) if self._has_content(tokens, at)}
        flagged |= {at for at in hinted if at - 1 in flagged or at + 1 in flagged}
        return sorted(flagged)

    def _has_content(self, tokens: Tokens, at: int) -> bool:
        word = tokens.words[at]
        return word[0].isalnum() and word not in self._english.function

    def _restated(self, tokens: Tokens, gap: Gap, spans: Sequence[Span], at: int) -> bool:
        """``a high customer rating of 5 out of 5``: only words of the slot stand between."""
        if gap.after < 0 or gap.end - at > _NEAR:
            return False
        words = [word for word in tokens.words[at : gap.end] if word not in self._english.degree]
        return self._restates(words, spans[gap.after])

    def _is_misspelt(self, word: str) -> bool:
        """Whether a long word is a slip of the pen for a neutral one."""
        if len(word) < _LONG:
            return False
        if word not in self._misspelt:
            if len(self._misspelt) > _MEMO:
                self._misspelt.clear()
            known = (*self._frame.beside, *self._neutral)
            self._misspelt[word] = any(_one_slip(word, other) for other in known)
        return self._misspelt[word]

    def _empty(self, tokens: Tokens, gap: Gap) -> Iterator[Claim]:
        """The end of a sentence that states something with neutral words alone."""
        words = tokens.words
        if words[gap.end - 1] == "?":
            return
        stated = [at for at in range(gap.first, gap.end) if words[at] in self._english.statement]
        if not stated:
            return
        first = gap.first if gap.before < 0 else stated[-1]
        if gap.before >= 0 and not self._frame.complete.isdisjoint(words[gap.first : gap.end]):
            return
        opening = next(at for at in range(gap.first, gap.end) if words[at][0].isalnum())
        if gap.before >= 0 and stated[-1] == opening and gap.opened > 1:
            return  # "In the riverside area is where The Mill is located."
        run = [at for at in range(first, gap.end) if words[at][0].isalnum()]
        if len(run) > 1:
            yield _claim(tokens, run)


_NEAR = 3
_ONE = "1"  # how the pronoun is normalised
_LONG = 7
_MEMO = 10_000
_PAUSES = frozenset([",", ";", ":", "and", "but", "or"])


def _words_of(tokens: Tokens, spans: Sequence[Span]) -> frozenset[str]:
    """The words inside of spans."""
    found: set[str] = set()
    at = 0
    for span in spans:
        while at < len(tokens) and tokens.starts[at] < span.end:
            if tokens.starts[at] >= span.start:
                found.add(tokens.words[at])
            at += 1
    return frozenset(found)


def _one_slip(word: str, other: str) -> bool:
    """One letter left out, added or changed, or two neighbours exchanged; the first is right."""
    if word[0] != other[0] or abs(len(word) - len(other)) > 1:
        return False
    short, long = sorted((word, other), key=len)
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    exchanged = word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]
    return exchanged or word[at + 1 :] == other[at + 1 :]


def _joined(tokens: Tokens, flagged: Sequence[int]) -> Iterator[Claim]:
    """Flagged words of one gap as claims; one goes on until a pause or the end of a sentence."""
    run = [flagged[0]]
    for one, other in pairwise(flagged):
        if not all(word[0].isalnum() for word in tokens.words[one + 1 : other]):
            yield _claim(tokens, run)
            run = []
        run.append(other)
    yield _claim(tokens, run)


def _claim(tokens: Tokens, run: Sequence[int]) -> Claim:
    start, end = tokens.starts[run[0]], tokens.ends[run[-1]]
    return Claim(start, end, tokens.text[start:end])
