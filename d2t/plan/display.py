"""The domain's display order as a plan: a fixed baseline for order control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.mr.types import Plan

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Slot


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
