"""Flaws that the slot checker does not see: a text breaks off, or says something twice in a row.

A text that breaks off may have said all its slots. Of repetitions, as in "a pub pub" or "It is
cheap. It is cheap.", the checker counts adjacent mentions of one value as one (rule O1.5); an
n-gram language model finds every window of such a text usual. Weak models write both.

Two other modules look for repetitions. ``wording`` knows words that are doubled, from references;
``repeats_words`` of self-training finds long runs that come twice anywhere in a text. ``stutters``
finds a run of any length that stands twice side by side, and needs no references.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.slots.types import Alignment


FINISHED = "finished"
"""Key of a bundle's ``decode_defaults``: its training references end like sentences."""
_CLOSING = "\"'”’)]»"


def is_finished(text: str) -> bool:
    """Whether ``text`` ends with a full stop or the like; quotes and brackets may follow."""
    return text.rstrip().rstrip(_CLOSING)[-1:] in SENTENCE_END


def ends_finished(texts: Iterable[str]) -> bool:
    """Whether most of ``texts`` do; of people's E2E texts 90%, of a corpus of titles none."""
    verdicts = [is_finished(text) for text in texts]
    return 2 * sum(verdicts) > len(verdicts)


_UNIT = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]+")
_WORD = re.compile(r"[^\W_]+")
_MARK = "."
"""What stands for all marks, and for the end of the text."""


def stutters(alignment: Alignment) -> bool:
    """Whether a run of words, numbers and marks stands twice, side by side; case aside.

    What realises a value is one word of it, so that a value may have a word twice ("Bora Bora").
    All marks are one. Runs without any letter do not count.
    """
    if not _may(alignment.text):
        return False
    units = _units(alignment)
    places: dict[str, list[int]] = {}
    for at, unit in enumerate(units):
        for earlier in places.get(unit, ()):
            run = units[earlier:at]
            if run == units[at : at + len(run)] and any(map(str.isalpha, "".join(run))):
                return True
        places.setdefault(unit, []).append(at)
    return False


def _may(text: str) -> bool:
    """Whether two words that follow each other do so again, or are one: most texts have none."""
    words = _WORD.findall(text.casefold())
    pairs = set(pairwise(words))
    return len(pairs) < len(words) - 1 or any(left == right for left, right in pairs)


def _units(alignment: Alignment) -> list[str]:
    text, done = alignment.text, 0
    units: list[str] = []
    for span in alignment.spans:
        units += _words(text[done : span.start])
        units.append(" ".join(text[span.start : span.end].casefold().split()))
        done = span.end
    return [*units, *_words(text[done:] + _MARK)]


def _words(text: str) -> list[str]:
    units = _UNIT.findall(text)
    return [unit.casefold() if unit[0].isalnum() else _MARK for unit in units]
