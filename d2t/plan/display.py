"""The domain's display order as a plan: a fixed baseline for order control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.mr.types import MeaningRepresentation, Plan
from d2t.plan.base import join_plan, remaining_slots

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
