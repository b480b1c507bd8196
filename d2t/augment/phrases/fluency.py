"""How much a phrase reads like a part of the references: what keeps broken ones out.

People write fragments and slips ("The Rice Boat Indian restaurant is adult only,higher in price"),
and rare orders of slots are where most of the slips are: a selection that is even over orders is
made of them. Not in the source, which takes every constituent.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from d2t.language.labels import skeleton
from d2t.language.ngram.fluency import NgramLanguageModel, worst_window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment

    FloatArray = NDArray[np.float64]

ORDER = 5
WINDOW = 4
"""As in self-training, where readers' judgements chose them (experiments/LOG.md)."""


def phrase_fluency(
    phrases: Sequence[Example],
    references: Sequence[Alignment],
    checker: SlotChecker,
    domain: Domain,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> FloatArray:
    """``(phrases,)``: the worst ``WINDOW`` neighbouring words; higher is more fluent.

    Log-odds by a language model of the references' skeletons, without the phrase's two ends: where
    it begins and stops is the cutter's doing.
    """
    model = NgramLanguageModel.fit([skeleton(a, domain) for a in references], order=ORDER)
    texts = []
    for phrase in phrases:
        texts.append(skeleton(checker.align(phrase.references[0], phrase.mr), domain))
        advance(1)
    return np.array([_inner(odds) for odds in model.token_odds(texts)])


def fluent_phrases(
    phrases: Sequence[Example], scores: FloatArray, quantile: float
) -> list[Example]:
    """The phrases that reach the ``quantile`` of the scores of their own kind, in the order given.

    By kind, because a modifier of three words and a sentence have other scores.
    """
    of_kind: defaultdict[str | None, list[float]] = defaultdict(list)
    for phrase, score in zip(phrases, scores, strict=True):
        of_kind[phrase.kind].append(float(score))
    limits = {kind: np.quantile(found, quantile) for kind, found in of_kind.items()}
    return [
        phrase
        for phrase, score in zip(phrases, scores, strict=True)
        if score >= limits[phrase.kind]
    ]


def _inner(odds: FloatArray) -> float:
    """The worst window of the words but the first; the end of the text is no word."""
    inner = odds[1:-1] if len(odds) > 3 else odds[:-1]
    return worst_window(inner, WINDOW)
