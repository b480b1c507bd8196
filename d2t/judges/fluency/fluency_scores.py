"""How well a fluency score tells good texts from bad ones: areas under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from d2t.judges.fluency.corruptions import CORRUPTIONS, words_of
from d2t.judges.fluency.training import Corruptor
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from d2t.judges.fluency.training import MarkedText

    FloatArray = NDArray[np.float64]

SAME_TEXT = 0.4
"""How often parts come from the same text in the corruptions that are scored."""


def auc(good: Sequence[float] | FloatArray, bad: Sequence[float] | FloatArray) -> float:
    """The chance that a good text scores above a bad one, ties counting half; 0.5 is guessing.

    ``(R - n (n + 1) / 2) / (n m)`` with R the sum of the ranks of the n good ones among all.
    """
    if not len(good) or not len(bad):
        return float("nan")
    values = np.concatenate([np.asarray(good, dtype=float), np.asarray(bad, dtype=float)])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(good), len(bad)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def corrupted_texts(
    texts: Sequence[MarkedText], kind: str, *, seed: int = 1, limit: int = 400
) -> list[str]:
    """Templates of at most ``limit`` texts with one sentence each corrupted."""
    corruptor = Corruptor(texts, SAME_TEXT)
    rng = derived_rng(seed, "corrupted", kind)
    found = []
    for text in rng.sample(corruptor.texts, len(corruptor.texts)):
        at = rng.randrange(len(text.sentences))
        corrupted = corruptor.draw(text, at, kind, rng)
        if corrupted is None:
            continue
        sentences = [*text.sentences[:at], corrupted, *text.sentences[at + 1 :]]
        found.append(" ".join(word for sentence in sentences for word in words_of(sentence)))
        if len(found) == limit:
            break
    return found


def detection_scores(
    scores: Callable[[Sequence[str]], FloatArray], dev: Sequence[MarkedText], *, seed: int = 1
) -> dict[str, float]:
    """AUC of a score on ``dev`` against each corruption of it, and their mean as ``all``.

    Args:
        scores: of templates, higher for good ones (``FluencyClassifier.scores``,
            ``NgramLanguageModel.worst_windows``).
        dev: texts that no score has been fitted on.
        seed: of the corruptions.
    """
    good = scores([text.template for text in dev])
    found = {}
    for kind in CORRUPTIONS:
        bad = corrupted_texts(dev, kind, seed=seed)
        if bad:
            found[kind] = round(auc(good, scores(bad)), 4)
    found["all"] = round(float(np.mean(list(found.values()))), 4) if found else float("nan")
    return found
