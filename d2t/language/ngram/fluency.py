"""How much a text reads like the references: an n-gram language model over templates.

The model sees words in lower case and placeholders for the values of open slots, so that a name
nobody knows costs nothing; numbers stay. Of both scores **lower is less fluent**:

- ``score``: mean natural log-probability per token, sentence end included; what reports show.
- ``worst_window``: the lowest mean over three neighbouring tokens of log p(w | h) - log p(w), the
  log-odds of Pauls & Klein (2012), under which a rare word costs nothing by itself. It shows a
  broken join inside an otherwise common text and is the one to filter with: on development
  references against the same with one corruption its AUC is 0.86, that of the mean 0.71
  (experiments/LOG.md).
"""

from __future__ import annotations

import zipfile
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_binary
from d2t.io.hashing import sha256_json
from d2t.language.ngram.ngram import (
    END,
    START,
    UNKNOWN,
    fit_levels,
    token_log_probabilities,
    unigram_log_probabilities,
)
from d2t.language.template import template_of, template_text, template_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from d2t.language.ngram.ngram import FloatArray, IntArray

__all__ = [
    "NgramLanguageModel",
    "choose_order",
    "fluency_threshold",
    "template_of",
    "template_text",
    "worst_window",
]

Score = Literal["mean", "window"]
DEFAULT_ORDER = 5
WINDOW = 3
"""Tokens of the worst window."""
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
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != FORMAT:
                    raise ValueError(f"format {stored['format']}, expected {FORMAT}")
                order, words = int(stored["order"]), str(stored["words"])
                tokens = stored["tokens"].astype(np.int64)
            vocabulary = (*_SPECIAL, *words.split("\n")) if words else _SPECIAL
            if not len(tokens) or tokens.min() < 0 or tokens.max() >= len(vocabulary):
                raise ValueError("its word ids do not fit its vocabulary")
            return cls(order, vocabulary, tokens)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: not a language model of this version of d2t ({error}); fit it again"
            ) from error


def choose_order(train: Sequence[str], dev: Sequence[str], *, highest: int = 7) -> dict[int, float]:
    """Perplexity on ``dev`` of each order from 2 on; the first key is the order to take.

    That is the lowest within 1% of the best: higher orders hardly gain on small corpora.
    """
    found = {
        order: NgramLanguageModel.fit(train, order=order).perplexity(dev)
        for order in range(2, highest + 1)
    }
    limit = 1.01 * min(found.values())
    chosen = next(order for order, perplexity in found.items() if perplexity <= limit)
    return {chosen: found[chosen], **found}


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
