"""Another name in the place of the MR's: "Carla's is a pub" does not omit ``name[Carlo's]``.

Looked for only where the text does not say a name of the MR. A capitalised string that nobody lists
takes its place if it is nearly the same, or stands where the name of what is talked about stands.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.tokens import SENTENCE_END, fold
from d2t.slots.surroundings import ENGLISH, begins_sentence, capitals_tell, ordinal_ends

if TYPE_CHECKING:
    from collections.abc import Collection

    from d2t.slots.lexicon.tokens import Tokens
    from d2t.slots.names import LandmarkContext

_ARTICLES = frozenset({"the", "a", "an"})
_LINKS = frozenset({"of", "and", "de", "la", "le", "du", "n", "on", "in"})
_MAX_WORDS = 6
_ALIKE = 0.72  # of letters, as difflib counts them
_VERBS = frozenset({
    "is", "are", "was", "has", "have", "does", "do", "serves", "serve", "offers", "offer",
    "sells", "sell", "provides", "boasts", "sits", "stands", "lies", "lives", "charges", "cooks",
    "caters", "welcomes", "gets", "comes", "costs", "keeps", "makes", "will", "can", "remains",
    "specialises", "specializes", "receives", "feeds", "dishes", "needs", "takes", "scores",
    "earns", "prides",
})  # fmt: skip
_BEFORE = frozenset({
    "at", "to", "try", "visit", "visiting", "called", "named", "in", "into", "from", "find",
    "book", "booked", "meet", "recommend", "choose", "consider", "discover", "of", "by", "is",
    "about", "loved", "love", "for", "than",
    "beats", "beat", "like", "tried", "visited", "enter", "introducing",
    "call", "venue", "name", "considering",
})  # fmt: skip
_SKIPPED = _ARTICLES | {":"}  # "name: Hob"
_GREETINGS = frozenset(
    {"dear", "hi", "hello", "hey", "thanks", "regards", "love", "best", "cheers"}
)
_CONTENT = 4  # words after a comma in which a kind of place may follow


class StandIn(NamedTuple):
    """Tokens ``start:end`` are another name in the place of one of ``slot``."""

    start: int
    end: int
    slot: str
    value: str


def stand_ins(
    tokens: Tokens,
    missing: list[tuple[str, str]],
    named: Collection[int],
    ordinary: Collection[str],
    context: LandmarkContext,
) -> list[StandIn]:
    """For each (slot, value) of the MR that the text does not say, the name that stands for it.

    Args:
        tokens: the text.
        missing: names and landmarks of the MR.
        named: tokens of other names.
        ordinary: words that texts of the domain have beside names.
        context: tells landmarks from names.
    """
    if not capitals_tell(tokens):
        return []
    runs = _runs(tokens, named)
    found: list[StandIn] = []
    for slot, value in missing:
        alike = [(_likeness(tokens, run, value), run) for run in runs]
        best = max(alike, default=(0.0, (0, 0)), key=lambda one: one[0])
        run: tuple[int, int] | None = None
        if best[0] >= _ALIKE:
            run = best[1]
        elif slot == context.name_slot:
            run = next((one for one in runs if _is_named(tokens, one, ordinary, context)), None)
        if run is None:
            continue
        runs.remove(run)
        start, end = run
        text = tokens.text[tokens.starts[start] : tokens.ends[end - 1]]
        text = _without_possessive(text, value)
        if value.startswith("The ") and tokens.words[start - 1 : start] == ["the"]:
            start, text = start - 1, f"The {text}"
        found.append(StandIn(start, end, slot, text))
    return found


def _runs(tokens: Tokens, named: Collection[int]) -> list[tuple[int, int]]:
    """Strings of capitalised words, of ordinary words at a sentence's beginning left out."""
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        if at in named or not _opens(tokens, at):
            at += 1
            continue
        end = ordinal_ends(tokens, at) or at + 1
        while end < len(tokens) and end - at < _MAX_WORDS and end not in named:
            if not _touches(tokens, end):
                break
            if _has_capital(tokens, end) or tokens.words[end].isdigit():
                end += 1
            elif (
                tokens.words[end] in _LINKS
                and end + 1 < len(tokens)
                and end + 1 not in named
                and _touches(tokens, end + 1)
                and _has_capital(tokens, end + 1)
            ):
                end += 2
            else:
                break
        start = at
        while start < end and tokens.words[start] in ENGLISH and tokens.words[start] != "the":
            start += 1
        while start < end and begins_sentence(tokens, start) and _is_adverb(tokens.words[start]):
            start += 1
        while end > start and tokens.words[end - 1] in ENGLISH:
            end -= 1
        if start < end and any(word not in _ARTICLES for word in tokens.words[start:end]):
            runs.append((start, end))
        at = max(end, at + 1)
    return runs


def _opens(tokens: Tokens, at: int) -> bool:
    """Whether a name may begin at ``at``: a capital, or "40th" before one."""
    return _has_capital(tokens, at) or bool(ordinal_ends(tokens, at))


def _is_adverb(word: str) -> bool:
    return word.endswith("ly")


def _has_capital(tokens: Tokens, at: int) -> bool:
    return tokens.text[tokens.starts[at]].isupper()


def _touches(tokens: Tokens, at: int) -> bool:
    """Whether only a space, a hyphen or the like stands before token ``at``."""
    if tokens.words[at] in SENTENCE_END or not (tokens.words[at][0].isalnum()):
        return False
    gap = tokens.text[tokens.ends[at - 1] : tokens.starts[at]]
    return gap.strip(" \u00a0'’") in ("", "-", "&") and len(gap) <= 3 and "\n" not in gap


def _bare(text: str) -> str:
    return fold(text).replace("’", "'").removeprefix("the ").removesuffix("'s")


def _likeness(tokens: Tokens, run: tuple[int, int], value: str) -> float:
    """How alike a string and a name are in letters; nothing for names that share a generic word."""
    said = _bare(tokens.text[tokens.starts[run[0]] : tokens.ends[run[1] - 1]])
    wanted = _bare(value)
    if not said or not wanted or len(said) < 3:
        return 0.0
    return SequenceMatcher(None, said, wanted, autojunk=False).ratio()


def _is_named(
    tokens: Tokens, run: tuple[int, int], ordinary: Collection[str], context: LandmarkContext
) -> bool:
    """Whether a string stands where the name of what is talked about stands."""
    start, end = run
    words = tokens.words
    if all(word in ordinary or word in ENGLISH for word in words[start:end]):
        return False
    if end - start == 1 and tokens.ends[start] - tokens.starts[start] < 3:
        return False
    if context.holds(words, start, end) or _is_person(words, start):
        return False
    after = words[end : end + 1]
    if after and after[0] in _VERBS:
        return True
    if after and after[0] in (",", ":", ";") and begins_sentence(tokens, start):
        rest = words[end + 1 : end + 1 + _CONTENT]
        if after[0] == ":" or rest[:1] in (["a"], ["an"], ["the"]) or start == 0:
            return True
    if after == [","] and words[end + 1 : end + 2] in (["a"], ["an"], ["the"]):
        return True
    before = start - 1
    while before >= 0 and words[before] in _SKIPPED:
        before -= 1
    return before >= 0 and words[before] in _BEFORE


def _is_person(words: list[str], start: int) -> bool:
    """Whether somebody is spoken to or asked for: "Dear Ann", "ask for Ann"."""
    before = words[max(0, start - 2) : start]
    return bool(_GREETINGS.intersection(before[-1:])) or (
        before[-1:] == ["for"] and before[:1] in (["ask"], ["asking"], ["thanks"], ["call"])
    )


def _without_possessive(text: str, value: str) -> str:
    """A clitic belongs to the sentence ("Fred's a pub") unless the MR's name has one, too."""
    if text.endswith(("'s", "’s")) and not value.endswith(("'s", "’s")):
        return text[:-2]
    return text
