"""Whether a text that somebody else wrote reads as a composed one does.

A value stands in a frame of its kind, a name stands behind a noun that it can name, and sentences
do not all open with "It".

"serves burgers" does, "serves burgers food" and "in the Soho" do not. What is asked is whether the
words before the value are those of one of its wordings, and whether the phrase ends behind it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from d2t.language.frames.frames import ROLES, A

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.language.frames.frames import Frames
    from d2t.slots.types import Alignment, Span

_OPENING = re.compile(r"[\s\"'“‘(]*([^\W_]+)")
_PRONOUNS = frozenset({"it", "its", "they", "their"})
_BREAKS = frozenset({"is", "are", "and", "it", "that", "which"})
_FUNCTION = "function"
_NEXT = re.compile(r"\s*(?P<end>[.,;:!?)]|\Z)|\s+(?P<word>[\w'’-]+)")
_LEAD = re.compile(r"(?:\A|\b(?:an?|the|this|and|,))\s*\Z", re.IGNORECASE)


def stands_in_frame(text: str, span: Span, frames: Frames, others: Iterable[Span]) -> bool:
    """Whether the value of ``span`` stands in ``text`` as one of its frames puts it.

    Args:
        text: the utterance.
        span: where it says the value.
        frames: of the domain.
        others: the spans of the text; a modifier may stand beside another value.
    """
    slot = span.slot
    if slot.name in (frames.name, frames.head) or not frames.says(slot):
        return True
    value = frames.spelled(slot)
    found = re.search(
        rf"(?<!\w){re.escape(value)}(?!\w)", text[span.start : span.end], re.IGNORECASE
    )
    if found is None:  # it is said in other words, which the lexicon knows
        return True
    start, end = span.start + found.start(), span.start + found.end()
    before, behind = text[:start].casefold(), text[end:]
    beside = [other for other in others if other is not span]
    for role in ROLES:
        for phrase in frames.phrases([slot], role):
            words = "".join(piece.text for piece in phrase).casefold()
            lead, _, tail = words.partition(value.casefold())
            if role == "modifier":
                if not behind.casefold().startswith(tail):
                    continue
                rest = end + len(tail)
                follows = any(0 <= other.start - rest <= 1 for other in beside)
                leads = any(0 <= start - other.end <= 2 for other in beside)
                if (_LEAD.search(before) or leads) and (
                    follows or _next_word(text, rest) in frames.things
                ):
                    return True
                continue
            leads_in = any(before.endswith(lead.replace(A, a)) for a in ("a", "an"))
            lead = lead.lstrip()
            if (
                leads_in
                and behind.casefold().startswith(tail)
                and _ends(text, end + len(tail), frames)
            ):
                return True
    return False


def _next_word(text: str, at: int) -> str:
    """The next word in small letters; empty where a pause or the end comes first."""
    found = _NEXT.match(text, at)
    return (found["word"] or "").casefold() if found else "?"


def _ends(text: str, at: int, frames: Frames) -> bool:
    """Whether a phrase ends at ``at``: a pause, a function word, or a word that opens another."""
    word = _next_word(text, at)
    return not word or word in frames.kinds[_FUNCTION].words or word in frames.openers


def is_choppy(alignment: Alignment) -> bool:
    """Whether it opens with a pronoun, or three sentences in a row open with the same one."""
    openings = [_opening(alignment.text, start) for start in alignment.sentence_starts]
    rows = zip(openings, openings[1:], openings[2:], strict=False)
    return openings[0] in _PRONOUNS or any(
        first in _PRONOUNS and first == second == third for first, second, third in rows
    )


def _opening(text: str, start: int) -> str:
    found = _OPENING.match(text, start)
    return found[1].casefold() if found else ""


def hangs_name(alignment: Alignment, frames: Frames) -> bool:
    """Whether "called X" stands behind something that is not X: "near Burger King called X"."""
    for before, span in pairwise(alignment.spans):
        if span.slot.name != frames.name or before.slot.name in (frames.name, frames.head):
            continue
        between = alignment.text[before.end : span.start].casefold().split()
        if between[-1:] in (["called"], ["named"]) and not {*_BREAKS, *frames.nouns} & {*between}:
            return True
    return False
