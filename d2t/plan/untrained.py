"""Planners without training: display order, uniformly random orders, and the order people chose.

The first two are baselines; random plans are the stress test of order control (rule O4.3). The
oracle reads the references, so it is for evaluation only.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, cycle, permutations
from math import factorial, prod
from typing import TYPE_CHECKING, Self

from d2t.corpus.group import group_references
from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.plan.base import join_plan, remaining_slots
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot


class DisplayPlanner:
    """The order of ``domain.toml`` as a planner."""

    name = "display"

    def __init__(self, domain: Domain) -> None:
        self.domain = domain

    def plan(
        self,
        mr: MeaningRepresentation,
        *,
        prefix: Plan | None = None,
        rng: Random | None = None,
    ) -> Plan:
        """The prefix, then the other slots as :func:`display_plan` orders them.

        Raises:
            DomainError: the MR holds a slot that the domain does not know.
            MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
        """
        rest = MeaningRepresentation(tuple(remaining_slots(mr, prefix)))
        return join_plan(prefix, display_plan(rest, self.domain).slots)


def display_plan(mr: MeaningRepresentation, domain: Domain) -> Plan:
    """The MR's slots in the order of ``domain.toml``, values too; unlisted values last, by name.

    Raises:
        DomainError: the MR holds a slot that the domain does not know.
    """

    def place(slot: Slot) -> tuple[int, int, str]:
        """Sort key: slot, known value, value."""
        spec = domain.slot(slot.name)
        known = spec.values.index(slot.value) if slot.value in spec.values else len(spec.values)
        return domain.slot_names.index(spec.name), known, slot.value

    return Plan(tuple(sorted(mr.slots, key=place)))


_ENUMERABLE = 6
"""Up to this many slots all permutations (720) are listed."""


class RandomPlanner:
    """A uniform permutation of what the prefix leaves; sentences are not planned."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def plan(
        self,
        mr: MeaningRepresentation,
        *,
        prefix: Plan | None = None,
        rng: Random | None = None,
    ) -> Plan:
        """Drawn with ``rng``; without one, what the seed and the MR alone decide.

        Raises:
            MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
        """
        rest = remaining_slots(mr, prefix)
        (rng or derived_rng(self.seed, "random_planner", repr(mr.key()))).shuffle(rest)
        return join_plan(prefix, rest)


def random_plan(mr: MeaningRepresentation, rng: Random) -> Plan:
    """One uniform permutation; depends on ``rng`` and the multiset of slots, not on their order."""
    slots = sorted(mr.slots)
    rng.shuffle(slots)
    return Plan(tuple(slots))


def random_plans(mr: MeaningRepresentation, n: int, seed: int) -> list[Plan]:
    """``n`` random plans, distinct while there are distinct ones, after that over again.

    The draw depends on the seed and the MR alone, so another MR in the file changes nothing.
    """
    rng = derived_rng(seed, "random_plans", repr(mr.key()))
    size = len(mr.slots)
    if size <= _ENUMERABLE or factorial(size) <= n:
        pool = [Plan(order) for order in dict.fromkeys(permutations(sorted(mr.slots)))]
        rng.shuffle(pool)
        return [pool[i % len(pool)] for i in range(n)]
    repeats = prod(factorial(count) for count in Counter(mr.slots).values())
    n_distinct = min(n, factorial(size) // repeats)
    plans: dict[Plan, None] = {}
    while len(plans) < n_distinct:
        plans.setdefault(random_plan(mr, rng))
    return [plan for plan, _ in zip(cycle(plans), range(n), strict=False)]


class OraclePlanner:
    """The medoid of the references' plans (rule O1.7) of each MR it was fitted on.

    Later mentions of a slot are dropped; slots that no reference mentions come last. With
    ``sentences``, sentences end where the medoid's do. A prefix keeps its place, the rest keeps its
    order; breaks behind the prefix are then not planned.
    """

    name = "oracle"

    def __init__(self, *, sentences: bool = False) -> None:
        self.sentences = sentences
        self._plans: dict[object, Plan] = {}

    def fit(self, examples: Iterable[Example]) -> Self:
        """Group aligned examples (``align_examples``) by MR and take the medoid of each group."""
        for example in group_references(examples):
            self._plans[example.mr.key()] = order_of(example.plan, example.mr)
        return self

    def plan(
        self,
        mr: MeaningRepresentation,
        *,
        prefix: Plan | None = None,
        rng: Random | None = None,
    ) -> Plan:
        """The references' order of this MR.

        Raises:
            DataError: code ``no_plan``: the MR is not among those it was fitted on.
            MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
        """
        rest = remaining_slots(mr, prefix)
        if mr.key() not in self._plans:
            raise DataError(
                "there are no references for this MR, so no oracle plan; use another planner",
                code="no_plan",
            )
        told = self._plans[mr.key()]
        rest.sort(key=told.slots.index)
        if prefix is None:
            return Plan(tuple(rest), told.breaks if self.sentences else None)
        return join_plan(prefix, rest)


def order_of(said: Plan | None, mr: MeaningRepresentation) -> Plan:
    """The MR's slots in the order and the sentences of ``said``.

    First mentions count, what the MR lacks is left out, what was not said comes at the end of the
    last sentence.
    """
    sentences = [list(sentence) for sentence in said.sentences] if said is not None else []
    seen: set[Slot] = set()
    kept: list[list[Slot]] = []
    for sentence in sentences:
        first = [s for s in dict.fromkeys(sentence) if s in mr.slots and s not in seen]
        seen.update(first)
        if first:
            kept.append(first)
    rest = [slot for slot in dict.fromkeys(mr.slots) if slot not in seen]
    if not kept:
        kept = [[]]
    kept[-1] += rest
    ends = list(accumulate(map(len, kept)))
    return Plan(tuple(slot for sentence in kept for slot in sentence), tuple(ends[:-1]))
