"""Several texts for one record: which of many proved texts are really different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.language.template import template_words
from d2t.slots.claims import function_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.generate.types import Hypothesis

DIFFERENT = 0.5
"""Least share of content words, outside of values, that two wordings of one order do not share."""


def distinct(texts: Iterable[Hypothesis], n: int) -> list[Hypothesis]:
    """The first ``n`` texts of which no two are near-copies: the order or the wording differs."""
    chosen: list[Hypothesis] = []
    for text in texts:
        if all(differ(text, other) for other in chosen):
            chosen.append(text)
        if len(chosen) == n:
            break
    return chosen


def differ(one: Hypothesis, other: Hypothesis) -> bool:
    """Whether two texts say their slots in different orders or sentences, or in other words.

    Other words: at least half of the content words of the longer wording, values left out.
    """
    if one.realised != other.realised:
        return True
    first, second = _content(one), _content(other)
    longest = max(len(first), len(second))
    return bool(longest) and 1 - len(first & second) / longest >= DIFFERENT


def _content(text: Hypothesis) -> frozenset[str]:
    """The words outside of the spans that carry the wording."""
    outside, at = [], 0
    for span in text.spans:
        outside.append(text.text[at : span.start])
        at = span.end
    outside.append(text.text[at:])
    words = template_words(" ".join(outside))
    return frozenset(word for word in words if word[0].isalpha()) - function_words()
