"""Minimum Bayes risk: the order that agrees best, on average, with a distribution over orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

STATES = 64
"""Partial orders kept; partial orders of the same slots with the same last one are one."""


@dataclass(frozen=True, slots=True)
class Utility:
    """What agreement of two orders is worth: ``tau * Kendall's tau + bigrams * bigram F1``."""

    tau: float = 2.0
    bigrams: float = 1.0


class Marginals(NamedTuple):
    """What a distribution over orders of n slots says about pairs.

    Attributes:
        before: (n, n): probability that slot i is said somewhere before slot j.
        adjacent: (n + 1, n + 1): probability that slot j directly follows slot i; n is both ends.
    """

    before: Doubles
    adjacent: Doubles


def pair_marginals(orders: NDArray[np.int64], weights: Doubles) -> Marginals:
    """Marginals of weighted orders, (k, n) permutations of 0..n-1 and (k,) that sum to 1."""
    k, n = orders.shape
    places = np.argsort(orders, axis=1)
    earlier = places[:, :, None] < places[:, None, :]
    before = np.einsum("k,kij->ij", weights, earlier)
    ends = np.full((k, 1), n)
    padded = np.concatenate([ends, orders, ends], axis=1)
    adjacent = np.zeros((n + 1, n + 1))
    np.add.at(adjacent, (padded[:, :-1], padded[:, 1:]), weights[:, None])
    return Marginals(before, adjacent)


def best_order(marginals: Marginals, utility: Utility, prefix: Sequence[int] = ()) -> list[int]:
    """The order with the highest expected utility among those that begin with ``prefix``.

    Both parts are sums over pairs, so the expectation needs the marginals only:
    ``E[tau] = sum over i before j of (P(i < j) - P(j < i)) / pairs`` and
    ``E[F1] = sum over neighbours i, j of P(ij) / (n + 1)``. The search is exact as long as there
    are at most ``STATES`` pairs of (set of slots said, last slot) at each step, else a beam. The
    first of equally good orders wins.
    """
    n = len(marginals.before)
    pairs = max(1.0, n * (n - 1) / 2)
    ahead = utility.tau * (marginals.before - marginals.before.T) / pairs
    follows = utility.bigrams * marginals.adjacent / (n + 1)
    start = tuple(prefix)
    last = start[-1] if start else n
    # What each slot still gains from the slots before it grows with the order: (loss, order, gain).
    states = {(frozenset(start), last): (0.0, start, ahead[list(start)].sum(0))}
    for _ in range(n - len(start)):
        found: dict[tuple[frozenset[int], int], tuple[float, tuple[int, ...], Doubles]] = {}
        for (said, last), (loss, order, gains) in states.items():
            for slot in range(n):
                if slot in said:
                    continue
                worse = loss - float(gains[slot]) - float(follows[last, slot])
                key = (said | {slot}, slot)
                if key not in found or (worse, (*order, slot)) < found[key][:2]:
                    found[key] = (worse, (*order, slot), gains + ahead[slot])
        kept = sorted(found.items(), key=lambda item: item[1][:2])[:STATES]
        states = dict(kept)
    ranked = ((loss - float(follows[last, n]), o) for (_, last), (loss, o, _) in states.items())
    return list(min(ranked)[1])
