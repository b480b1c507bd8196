"""Examples that share a meaning representation: pooled, drawn together, or left out together."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from d2t.corpus.types import Example
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.types import Plan, Slot


_Bigram = tuple["Slot | None", "Slot | None"]  # None is the boundary "@" of rule O6


def group_references(examples: Iterable[Example]) -> list[Example]:
    """One example per distinct ``mr.key()``, in order of first occurrence, references pooled.

    The first member gives the id and the MR; the plan is the medoid of the members' plans
    (:func:`medoid_plan`), or None when no member has one. References keep their order and their
    duplicates: a text written twice counts twice in a multi-reference score, as in the corpus.
    """
    groups: dict[object, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.mr.key(), []).append(example)
    return [_pooled(members) for members in groups.values()]


def medoid_plan(plans: Sequence[Plan]) -> Plan | None:
    """The plan most like the others of its group (rule O1.7).

    The score of plan p is the mean over the other members q of ``|bigrams(p) ∩ bigrams(q)| /
    |bigrams(p)|``, bigrams as sets with a boundary at both ends; the first wins ties.
    """
    if not plans:
        return None
    bigrams = [plan_bigrams(plan) for plan in plans]

    def score(index: int) -> float:
        """The plan's bigrams that each other plan has too, summed, over their number."""
        own = bigrams[index]
        shared = sum(len(own & other) for i, other in enumerate(bigrams) if i != index)
        return shared / len(own)  # the mean's common divisor (n - 1) cannot change the order

    return plans[max(range(len(plans)), key=score)]


def plan_bigrams(plan: Plan) -> set[_Bigram]:
    """Adjacent pairs of slots, with None before the first and after the last."""
    padded: list[Slot | None] = [None, *plan.slots, None]
    return set(pairwise(padded))


def _pooled(members: Sequence[Example]) -> Example:
    first = members[0]
    references = tuple(text for member in members for text in member.references)
    plan = medoid_plan([member.plan for member in members if member.plan is not None])
    return Example(first.id, first.mr, references, plan)


def remove_overlap(train: Iterable[Example], test: Iterable[Example]) -> list[Example]:
    """The training examples whose MR is not a test MR, in their order.

    MRs are compared as sets of slots with the dialogue act (``mr.key()``). Rule O1.7: run it after
    correction, because correcting MRs from text can create overlap again.
    """
    held_out = {example.mr.key() for example in test}
    return [example for example in train if example.mr.key() not in held_out]


def share_of(examples: list[Example], share: float, seed: int) -> list[Example]:
    """About ``share`` of the references, by whole MRs, in their order.

    MRs are drawn in an order that depends on ``seed`` alone until their references make up the
    share; a smaller share of the same seed is part of a larger one.
    """
    if share >= 1.0:
        return examples
    sizes = Counter(example.mr.key() for example in examples)
    order = list(sizes)
    derived_rng(seed, "share").shuffle(order)
    wanted, chosen = share * len(examples), set()
    for key in order:
        if wanted <= 0:
            break
        chosen.add(key)
        wanted -= sizes[key]
    return [example for example in examples if example.mr.key() in chosen]
