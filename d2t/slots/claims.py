"""Claims beyond the record: words outside the spans of slots that are no neutral frame.

A word is neutral if it is a function word of English, or if references of the domain that say
exactly their MR use it beside such a slot (``neutral.toml``, written by
``python -m experiments.claims learn``). Every other word claims something.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError
from d2t.io.bounded import FileFault, read_toml
from d2t.io.resources import data_root
from d2t.slots.lexicon.tokens import SENTENCE_END
from d2t.slots.types import Claim

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from d2t.mr.domain import Domain
    from d2t.slots.lexicon.tokens import Tokens
    from d2t.slots.types import Span

NEUTRAL_FILE = "neutral.toml"
FRAMES_FILE = "frames.toml"
_FIELD = re.compile(r"\{\w\}|\[[^\]]*\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
EDGE = "edge"
"""The neighbour of words that stand at the beginning or the end of a text."""


@dataclass(frozen=True)
class Frame:
    """What is neutral around the spans of a domain.

    Attributes:
        beside: content words, each with the slots beside which it is neutral.
        anywhere: words that are neutral wherever they stand.
    """

    beside: dict[str, frozenset[str]] = field(default_factory=dict)
    anywhere: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def _english() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    path = Path(__file__).with_name("english_frame.toml")
    raw: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    function, unfinished, loaded = (
        frozenset(raw[key].split()) for key in ("function", "unfinished", "loaded")
    )
    return function - loaded, unfinished, loaded


def function_words() -> frozenset[str]:
    """English words that are neutral in every domain, and those that no corpus can make neutral."""
    function, _, loaded = _english()
    return function | loaded


def load_frame(domain: Domain, ordinary: Collection[str]) -> Frame:
    """The learnt frame of ``domain``; without one, the words of its lexicon and its slots.

    The file is in the folder of the domain, or in that of the shipped domain of the same name.
    Words that ``frames.toml`` puts around the values of a slot are neutral beside it, too.
    """
    shipped = data_root() / domain.name if domain.name.isidentifier() else None
    folders = [folder for folder in (domain.folder, shipped) if folder is not None]
    learnt = next((f / NEUTRAL_FILE for f in folders if (f / NEUTRAL_FILE).is_file()), None)
    composed = next((f / FRAMES_FILE for f in folders if (f / FRAMES_FILE).is_file()), None)
    frame = Frame(anywhere=frozenset(ordinary)) if learnt is None else _read(learnt)
    return frame if composed is None else _with_frames(frame, composed)


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
    return Frame(beside, frame.anywhere | nouns)


def _strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from (value,) if isinstance(value, str) else value


def _read(path: Path) -> Frame:
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        beside = {str(word): frozenset(slots) for word, slots in raw.get("words", {}).items()}
        return Frame(beside, frozenset(raw.get("anywhere", ())))
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DomainError(f"{path}: no frame of neutral words ({error})") from error


def gaps(tokens: Tokens, spans: Sequence[Span]) -> Iterator[tuple[str, int, int, str]]:
    """The runs of tokens between spans, each with the slots before and after it."""
    at, before = 0, EDGE
    for span in spans:
        first = at
        while at < len(tokens) and tokens.starts[at] < span.start:
            at += 1
        if at > first:
            yield before, first, at, span.slot.name
        while at < len(tokens) and tokens.starts[at] < span.end:
            at += 1
        before = span.slot.name
    if at < len(tokens):
        yield before, at, len(tokens), EDGE


class ClaimFinder:
    """Finds the words of a text that claim what no slot says; deterministic, without state."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        function, self._unfinished, self._loaded = _english()
        self._neutral = (function | frame.anywhere) - self._loaded

    def find(self, tokens: Tokens, spans: Sequence[Span]) -> tuple[Claim, ...]:
        """The claims of a text whose slots are ``spans``."""
        claims: list[Claim] = []
        for before, first, end, after in gaps(tokens, spans):
            flagged = [at for at in range(first, end) if self._claims(tokens, at, before, after)]
            claims += _joined(tokens, flagged)
        return tuple(claims)

    def _claims(self, tokens: Tokens, at: int, before: str, after: str) -> bool:
        word = tokens.words[at]
        if not word[0].isalnum():
            return False
        if word in self._unfinished and _ends_sentence(tokens, at):
            return True
        if word in self._neutral:
            return False
        slots = self._frame.beside.get(word)
        return slots is None or (before not in slots and after not in slots)


def _ends_sentence(tokens: Tokens, at: int) -> bool:
    return at + 1 == len(tokens) or tokens.words[at + 1] in SENTENCE_END


def _joined(tokens: Tokens, flagged: Sequence[int]) -> Iterator[Claim]:
    """Flagged words of one gap as claims; one goes on until a pause or the end of a sentence."""
    run: list[int] = []
    for at in flagged:
        if run and not all(word[0].isalnum() for word in tokens.words[run[-1] + 1 : at]):
            yield _claim(tokens, run)
            run = []
        run.append(at)
    if run:
        yield _claim(tokens, run)


def _claim(tokens: Tokens, run: Sequence[int]) -> Claim:
    start, end = tokens.starts[run[0]], tokens.ends[run[-1]]
    return Claim(start, end, tokens.text[start:end])
