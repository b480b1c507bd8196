"""Which phrases are kept: those that read like the references, and an even or random sample.

People write fragments and slips ("The Rice Boat Indian restaurant is adult only,higher in price"),
and most slips stand in rare orders of slots. A selection that is even over orders would consist of
them, so phrases that do not read fluently are left out first. The source takes every constituent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from d2t.language.labels import skeleton
from d2t.language.ngram import NgramLanguageModel, worst_window
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

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
    limits = {kind: np.quantile(values, quantile) for kind, values in of_kind.items()}
    return [
        phrase
        for phrase, score in zip(phrases, scores, strict=True)
        if score >= limits[phrase.kind]
    ]


def _inner(odds: FloatArray) -> float:
    """The worst window of the words but the first; the end of the text is no word."""
    inner = odds[1:-1] if len(odds) > 3 else odds[:-1]
    return worst_window(inner, WINDOW)


def select_phrases(
    phrases: Sequence[Example],
    *,
    max_per_plan: int | None = None,
    max_per_reference: int | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> list[Example]:
    """Some of the phrases, in the order given; the same for the same seed.

    Args:
        phrases: as ``phrase_examples`` makes them.
        max_per_plan: keep at most so many of one kind and one order of slot names: usual orders
            are thinned out, rare ones stay.
        max_per_reference: keep at most so many that were cut out of one reference.
        limit: then keep a uniform subsample of this size.
        seed: which ones.
    """
    order = list(range(len(phrases)))
    derived_rng(seed, "phrases").shuffle(order)
    order = _at_most(order, max_per_plan, lambda at: _form(phrases[at]))
    order = _at_most(order, max_per_reference, lambda at: phrases[at].id.rpartition(":")[0])
    return [phrases[at] for at in sorted(order[:limit])]


def _form(phrase: Example) -> Hashable:
    names = () if phrase.plan is None else phrase.plan.names
    return phrase.kind, phrase.mr.dialogue_act, names


def _at_most(order: list[int], most: int | None, key: Callable[[int], Hashable]) -> list[int]:
    """The first ``most`` of each key."""
    if most is None:
        return order
    taken: Counter[Hashable] = Counter()
    kept: list[int] = []
    for at in order:
        own = key(at)
        if taken[own] < most:
            taken[own] += 1
            kept.append(at)
    return kept
