"""Fewer phrases, where training time is dear: even over plans, or uniformly at random."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from d2t.corpus.types import Example


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
