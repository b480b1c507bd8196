"""Token F1 of two answers, as SQuAD and QAGS count it."""

from __future__ import annotations

import re
from collections import Counter

_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"\w+|[^\w\s]")


def answer_words(answer: str) -> list[str]:
    """Lower-cased words; punctuation and articles are left out, currency signs stay."""
    words = (word.lower() for word in _WORD.findall(answer))
    return [w for w in words if w not in _ARTICLES and (w.isalnum() or w in "£$€")]


def token_f1(first: str, second: str) -> float:
    """Harmonic mean of the shares of words that two answers have in common, 0 to 1 (rule F1.1)."""
    ours, theirs = answer_words(first), answer_words(second)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))
