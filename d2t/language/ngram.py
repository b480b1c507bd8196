"""How much a text reads like the references: an n-gram language model over templates.

The model sees words in lower case and placeholders for the values of open slots, so that a name
nobody knows costs nothing; numbers stay. Of both scores **lower is less fluent**:

- ``score``: mean natural log-probability per token, sentence end included; what reports show.
- ``worst_window``: the lowest mean over three neighbouring tokens of log p(w | h) - log p(w), the
  log-odds of Pauls & Klein (2012), under which a rare word costs nothing by itself. It shows a
  broken join inside an otherwise common text and is the one to filter with: on development
  references against the same with one corruption its AUC is 0.86, that of the mean 0.71
  (experiments/LOG.md).

The model is interpolated modified Kneser-Ney (Chen & Goodman 1998, section 3). With a(g) the
adjusted count of an n-gram (below), h a context, h' the context without its first word, and D(a)
one of three discounts per order:

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

import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_binary
from d2t.io.hashing import sha256_json
from d2t.language.template import template_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

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
class _CountTable:
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
        known = (level.keys[at] == keys) & (prefix >= 0)
        seen = np.where(known, level.share[at], 0.0)
        backed_off = seen + shorter.gamma[prefix] * probability
        probability = np.where(prefix >= 0, backed_off, probability)
        ids = np.where(known, at, -1)
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


def _count(tokens: IntArray, order: int, n_words: int) -> list[_CountTable]:
    words = np.arange(n_words)
    none = np.zeros(n_words, np.int64)
    counts = np.bincount(tokens, minlength=n_words)
    tables = [_CountTable(words, none, none, counts, words == START)]
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
        tables.append(_CountTable(keys, before, ids[places][first], count, from_start))
        ids = np.full(len(tokens), -1)
        ids[places] = inverse
    return tables


def _adjusted(table: _CountTable, longer: _CountTable | None) -> IntArray:
    """Adjusted counts: distinct words before an n-gram, or its count (see the module)."""
    if longer is None:
        adjusted = table.count.copy()
    else:
        preceded = np.bincount(longer.suffix, minlength=len(table.keys))
        adjusted = np.where(table.from_start, table.count, preceded)
    adjusted[table.keys == START] = 0  # only order 1 has this key; the start is never predicted
    return adjusted


def _discount(
    table: _CountTable, adjusted: IntArray, n_contexts: int
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
    estimates = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    return estimates if all(0 < d <= k for k, d in enumerate(estimates, 1)) else FALLBACK_DISCOUNTS


Score = Literal["mean", "window"]
DEFAULT_ORDER = 5
WINDOW = 3
"""Tokens of the worst window."""
_MAX_BYTES = 1 << 30  # of a saved model, unpacked
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, TypeError, MemoryError, OverflowError, zlib.error,
    zipfile.BadZipFile, NotImplementedError,
)  # fmt: skip
FORMAT = 1
_SPECIAL = ("<s>", "</s>", "<unk>")


class NgramLanguageModel:
    """Interpolated modified Kneser-Ney over tokens of templates; words seen once are unknown.

    Args:
        order: words of the longest n-gram.
        vocabulary: words by id, the three special ones first.
        tokens: ids of the training texts, each ``<s> w1 ... wn </s>``; the tables are computed
            from them, so a saved model is its training text as numbers.
    """

    def __init__(self, order: int, vocabulary: Sequence[str], tokens: IntArray) -> None:
        self.order = order
        self.vocabulary = tuple(vocabulary)
        self._tokens = tokens
        self._ids = {word: at for at, word in enumerate(self.vocabulary)}
        self._levels = fit_levels(tokens, order, len(self.vocabulary))

    @classmethod
    def fit(cls, texts: Iterable[str], *, order: int = DEFAULT_ORDER) -> Self:
        """Estimate from templates (``template_of``); texts that are equal count as often as given.

        Raises:
            DataError: there is no text, or the order is not 1 to 9.
        """
        if not 1 <= order <= 9:
            raise DataError(f"order of a language model: expected 1 to 9, got {order}")
        sentences = [template_words(text) for text in texts]
        if not any(sentences):
            raise DataError("no text to fit a language model on", code="empty_file")
        counts = Counter(chain.from_iterable(sentences))
        known = sorted(word for word, count in counts.items() if count > 1)
        vocabulary = (*_SPECIAL, *known)
        ids = {word: at for at, word in enumerate(vocabulary)}
        return cls(order, vocabulary, _encode(sentences, ids))

    def token_scores(self, texts: Sequence[str]) -> list[FloatArray]:
        """Natural log-probability of each token and of the sentence end, per text."""
        return self._per_text(texts, odds=False)

    def token_odds(self, texts: Sequence[str]) -> list[FloatArray]:
        """How much better each token fits here than anywhere: log p(w | h) - log p(w)."""
        return self._per_text(texts, odds=True)

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Mean log-probability per token of each text ``(texts,)``, in nats; lower is worse."""
        return np.array([_mean(logs) for logs in self.token_scores(texts)])

    def worst_windows(self, texts: Sequence[str], width: int = WINDOW) -> FloatArray:
        """Lowest mean of ``token_odds`` over ``width`` neighbours, of each text ``(texts,)``."""
        return np.array([worst_window(odds, width) for odds in self.token_odds(texts)])

    def score(self, text: str) -> float:
        """Mean log-probability per token in nats, sentence end included; lower is less fluent."""
        return float(self.scores([text])[0])

    def worst_window(self, text: str, width: int = WINDOW) -> float:
        """``worst_windows`` of one text; lower is less fluent."""
        return float(self.worst_windows([text], width)[0])

    def perplexity(self, texts: Sequence[str]) -> float:
        """``exp`` of minus the mean log-probability over all tokens of all texts."""
        return float(np.exp(-np.concatenate(self.token_scores(texts)).mean()))

    def _per_text(self, texts: Sequence[str], *, odds: bool) -> list[FloatArray]:
        if not texts:
            return []
        tokens = _encode([template_words(text) for text in texts], self._ids)
        logs = token_log_probabilities(tokens, self._levels, len(self.vocabulary))
        if odds:
            logs -= unigram_log_probabilities(tokens, self._levels)
        (starts,) = np.nonzero(tokens == START)
        return [part[1:] for part in np.split(logs, starts[1:])]

    @property
    def digest(self) -> str:
        """SHA-256 of the training text and the order."""
        return sha256_json([FORMAT, self.order, self.vocabulary, self._tokens.tolist()])

    @property
    def signature(self) -> str:
        """For example ``order:5|vocab:1314|lm:3f0a``."""
        return f"order:{self.order}|vocab:{len(self.vocabulary)}|lm:{self.digest[:4]}"

    def save(self, path: Path) -> None:
        """Write one ``.npz`` file without pickled objects; it appears whole or not at all.

        Raises:
            DataError: the system refuses to write.
        """
        words = np.array("\n".join(self.vocabulary[len(_SPECIAL) :]))
        with atomic_write_binary(path) as stream:
            np.savez_compressed(
                stream, format=np.array(FORMAT), order=np.array(self.order), words=words,
                tokens=self._tokens.astype(np.int32),
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            DataError: no such file, or not a language model of this format.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such file; expected a saved language model (.npz)")
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                    raise ValueError(f"it holds more than {_MAX_BYTES >> 20} MiB")
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != FORMAT:
                    raise ValueError(f"format {stored['format']}, expected {FORMAT}")
                order, words = int(stored["order"]), str(stored["words"])
                tokens = stored["tokens"].astype(np.int64)
            vocabulary = (*_SPECIAL, *words.split("\n")) if words else _SPECIAL
            if not len(tokens) or tokens.min() < 0 or tokens.max() >= len(vocabulary):
                raise ValueError("its word ids do not fit its vocabulary")
            return cls(order, vocabulary, tokens)
        except _UNREADABLE as error:
            raise DataError(
                f"{path}: not a language model of this version of d2t ({error}); fit it again"
            ) from error


def choose_order(train: Sequence[str], dev: Sequence[str], *, highest: int = 7) -> dict[int, float]:
    """Perplexity on ``dev`` of each order from 2 on; the first key is the order to take.

    That is the lowest within 1% of the best: higher orders hardly gain on small corpora.
    """
    perplexities = {
        order: NgramLanguageModel.fit(train, order=order).perplexity(dev)
        for order in range(2, highest + 1)
    }
    limit = 1.01 * min(perplexities.values())
    chosen = next(order for order, perplexity in perplexities.items() if perplexity <= limit)
    return {chosen: perplexities[chosen], **perplexities}


def worst_window(logs: FloatArray, width: int = WINDOW) -> float:
    """Lowest mean over ``width`` neighbouring values, or the mean of fewer."""
    if len(logs) <= width:
        return _mean(logs)
    sums = np.convolve(logs, np.ones(width), mode="valid")
    return float(sums.min() / width)


def fluency_threshold(
    lm: NgramLanguageModel, texts: Sequence[str], quantile: float, *, score: Score = "window"
) -> float:
    """The score that a share ``quantile`` of ``texts`` (development references) falls below.

    Args:
        lm: fitted on training references.
        texts: templates of texts known to be good.
        quantile: 0.01 rejects what is less fluent than 99 of 100 references.
        score: ``window`` for thresholds on ``worst_windows``, ``mean`` for those on ``scores``.
    """
    if not 0 <= quantile <= 1:
        raise DataError(f"quantile of a fluency threshold: expected 0 to 1, got {quantile}")
    if not texts:
        raise DataError("a fluency threshold needs development texts; there are none")
    scores = lm.worst_windows(texts) if score == "window" else lm.scores(texts)
    return float(np.quantile(scores, quantile))


def _mean(logs: FloatArray) -> float:
    # One by one: NumPy's pairwise sums would do too, but a sum must not depend on its neighbours.
    return float(sum(logs.tolist()) / len(logs))


def _encode(sentences: Sequence[Sequence[str]], ids: dict[str, int]) -> IntArray:
    """Ids of all sentences one after the other, each between start and end ``(tokens,)``."""
    flat: list[int] = []
    for words in sentences:
        flat.append(START)
        flat.extend(ids.get(word, UNKNOWN) for word in words)
        flat.append(END)
    return np.array(flat, dtype=np.int64)
