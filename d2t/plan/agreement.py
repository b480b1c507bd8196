"""How close a realised plan is to the requested one; light, since decoding reranks by it."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d2t.mr.types import Plan, Slot


def kendall_tau(requested: Plan, realised: Plan) -> float | None:
    """Tau of the first mentions of the slots in both plans, from -1 to 1; see ``KendallTau``."""
    position = {slot: i for i, slot in enumerate(dict.fromkeys(realised.slots))}
    common = [position[slot] for slot in dict.fromkeys(requested.slots) if slot in position]
    if len(common) < 2:
        return None
    pairs = [first < second for first, second in combinations(common, 2)]
    return (2 * sum(pairs) - len(pairs)) / len(pairs)


def bigram_f1(requested: Plan, realised: Plan) -> float:
    """Multiset F1 of the plans' bigrams: ``2 * overlap / (bigrams + bigrams)``, from 0 to 1."""
    wanted, said = plan_bigrams(requested), plan_bigrams(realised)
    return 2 * (wanted & said).total() / (wanted.total() + said.total())


def plan_bigrams(plan: Plan) -> Counter[tuple[Slot | str, Slot | str]]:
    """The ``len(plan) + 1`` bigrams of a plan between two "@" boundaries."""
    return Counter(pairwise(["@", *plan.slots, "@"]))
