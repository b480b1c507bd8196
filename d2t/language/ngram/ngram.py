"""An n-gram language model: interpolated modified Kneser-Ney (Chen & Goodman 1998, section 3).

With a(g) the adjusted count of an n-gram (below), h a context, h' the context without its first
word, and D(a) one of three discounts per order:

    p(w | h) = max(a(hw) - D(a(hw)), 0) / A(h) + gamma(h) p(w | h'),       A(h) = sum_w a(hw)
    gamma(h) = (D1 N1(h) + D2 N2(h) + D3+ N3+(h)) / A(h)

where Nk(h) counts the words that follow h with a = k. Below the words stands the uniform
distribution over the vocabulary, so that no word has probability 0. a(g) is the count of g at the
highest order, and below it the number of distinct words before g; n-grams that begin with the
sentence start have no word before them and keep their counts (as in KenLM).

Tables are arrays: the n-grams of order k are sorted keys ``prefix * V + word``, ``prefix`` being
the position of their first k - 1 words in the table before, so that many texts are scored at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
    FloatArray = NDArray[np.float64]

START, END, UNKNOWN = 0, 1, 2
"""Ids of the sentence start (never predicted), the sentence end and unknown words."""
# Where counts of counts allow no estimate (tiny corpora); KenLM's values.
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


@dataclass(frozen=True, slots=True)
class Level:
    """The n-grams of one order, sorted by key.

    Attributes:
        keys: ``prefix * n_words + word`` ``(n,)``; at order 1 the ids themselves.
        share: ``max(a - D(a), 0) / A(h)`` ``(n,)``; at order 1 the whole probability.
        gamma: weight of the shorter context when this n-gram is the context ``(n,)``; 1 where
            nothing follows it.
    """

    keys: IntArray
    share: FloatArray
    gamma: FloatArray


@dataclass(frozen=True, slots=True)
class _Counted:
    """The n-grams of one order as they were counted: all arrays are ``(n,)``."""

    keys: IntArray
    prefix: IntArray
    suffix: IntArray
    count: IntArray
    from_start: BoolArray


def fit_levels(tokens: IntArray, order: int, n_words: int) -> list[Level]:
    """Estimate the tables of orders 1 to ``order``.

    Args:
        tokens: ids of all sentences one after the other, each ``START w1 ... wn END`` ``(t,)``.
        order: words of the longest n-gram.
        n_words: number of ids, ``START`` included.
    """
    counted = _count(tokens, order, n_words)
    levels: list[Level] = []
    for k, table in enumerate(counted):
        n_contexts = len(counted[k - 1].keys) if k else 1
        longer = counted[k + 1] if k + 1 < len(counted) else None
        share, gamma = _discount(table, _adjusted(table, longer), n_contexts)
        if k:
            levels[-1] = replace(levels[-1], gamma=gamma)
        else:
            # Below the words: the uniform distribution over all that can be predicted.
            share += gamma[0] / (n_words - 1)
            share[START] = 0.0
        levels.append(Level(table.keys, share, np.ones(len(table.keys))))
    return levels


def token_log_probabilities(tokens: IntArray, levels: Sequence[Level], n_words: int) -> FloatArray:
    """Natural log of p of each token given those before it ``(t,)``; 0 at ``START``."""
    ids = tokens
    probability = levels[0].share[tokens]
    for shorter, level in pairwise(levels):
        prefix = _prefix(ids, tokens)
        keys = prefix * n_words + tokens
        at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
        found = (level.keys[at] == keys) & (prefix >= 0)
        seen = np.where(found, level.share[at], 0.0)
        backed_off = seen + shorter.gamma[prefix] * probability
        probability = np.where(prefix >= 0, backed_off, probability)
        ids = np.where(found, at, -1)
    logs: FloatArray = np.log(np.where(tokens == START, 1.0, probability))
    return logs


def unigram_log_probabilities(tokens: IntArray, levels: Sequence[Level]) -> FloatArray:
    """Natural log of the probability of each token on its own ``(t,)``; 0 at ``START``."""
    logs: FloatArray = np.log(np.where(tokens == START, 1.0, levels[0].share[tokens]))
    return logs


def _prefix(ids: IntArray, tokens: IntArray) -> IntArray:
    """Where the n-gram that ends before each token stands in its table; -1: nowhere."""
    prefix = np.empty_like(ids)
    prefix[0], prefix[1:] = -1, ids[:-1]
    prefix[tokens == START] = -1
    return prefix


def _count(tokens: IntArray, order: int, n_words: int) -> list[_Counted]:
    words = np.arange(n_words)
    none = np.zeros(n_words, np.int64)
    counts = np.bincount(tokens, minlength=n_words)
    tables = [_Counted(words, none, none, counts, words == START)]
    ids = tokens
    for _ in range(1, order):
        prefix = _prefix(ids, tokens)
        (places,) = np.nonzero(prefix >= 0)
        if not len(places):  # no sentence is that long
            break
        keys, first, inverse, count = np.unique(
            prefix[places] * n_words + tokens[places],
            return_index=True, return_inverse=True, return_counts=True,
        )  # fmt: skip
        before = prefix[places][first]
        from_start = tables[-1].from_start[before]
        tables.append(_Counted(keys, before, ids[places][first], count, from_start))
        ids = np.full(len(tokens), -1)
        ids[places] = inverse
    return tables


def _adjusted(table: _Counted, longer: _Counted | None) -> IntArray:
    """Adjusted counts: distinct words before an n-gram, or its count (see the module)."""
    if longer is None:
        adjusted = table.count.copy()
    else:
        preceded = np.bincount(longer.suffix, minlength=len(table.keys))
        adjusted = np.where(table.from_start, table.count, preceded)
    adjusted[table.keys == START] = 0  # only order 1 has this key; the start is never predicted
    return adjusted


def _discount(
    table: _Counted, adjusted: IntArray, n_contexts: int
) -> tuple[FloatArray, FloatArray]:
    """``share`` of each n-gram ``(n,)`` and ``gamma`` of each of its contexts ``(n_contexts,)``."""
    by_count = np.array([0.0, *discounts(adjusted)])[np.minimum(adjusted, 3)]
    total = np.bincount(table.prefix, weights=adjusted, minlength=n_contexts)
    left = np.bincount(table.prefix, weights=by_count, minlength=n_contexts)
    gamma = np.divide(left, total, out=np.ones(n_contexts), where=total > 0)
    share = np.divide(
        adjusted - by_count, total[table.prefix], out=np.zeros(len(adjusted)), where=adjusted > 0
    )
    return share, gamma


def discounts(adjusted: IntArray) -> tuple[float, float, float]:
    """D1, D2 and D3+ of one order from the adjusted counts of its n-grams ``(n,)``.

    Chen & Goodman 1998: Y = n1 / (n1 + 2 n2), Dk = k - (k + 1) Y n(k+1) / n(k), where n(k) is the
    number of n-grams with adjusted count k.
    """
    n1, n2, n3, n4 = (int((adjusted == k).sum()) for k in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    found = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    return found if all(0 < d <= k for k, d in enumerate(found, 1)) else FALLBACK_DISCOUNTS
