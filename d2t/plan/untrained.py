"""Planners that need no training: the domain's display order, and uniformly random orders.

Both are baselines; random plans are the stress test of order control (rule O4.3).
"""

from __future__ import annotations

from collections import Counter
from itertools import cycle, permutations
from math import factorial, prod
from typing import TYPE_CHECKING

from d2t.mr.types import MeaningRepresentation, Plan
from d2t.plan.base import join_plan, remaining_slots
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from random import Random

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
    found: dict[Plan, None] = {}
    while len(found) < n_distinct:
        found.setdefault(random_plan(mr, rng))
    return [plan for plan, _ in zip(cycle(found), range(n), strict=False)]
