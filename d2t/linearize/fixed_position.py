"""FP: every slot of the domain at its own place, present or not."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from d2t.linearize.increasing_frequency import IncreasingFrequency

if TYPE_CHECKING:
    from d2t.linearize.base import Entry
    from d2t.mr.types import Plan


class FixedPosition(IncreasingFrequency):
    """IF order with absent slots shown as such (Kedzie & McKeown 2020, "FP"; rule O2).

    Departures: a slot with several values keeps all of them at its place (the paper keeps the most
    frequent one on E2E, which loses content), list slots are not padded to their longest length,
    and the place is keyed by (count, name), so that equal counts cannot swap (rule W11).
    """

    name: ClassVar[str] = "fixed_position"
    alias: ClassVar[str] = "fp"
    reads_plans: ClassVar[bool] = False

    @property
    def positions(self) -> tuple[str, ...]:
        """All slot names in their fixed order."""
        return tuple(sorted(self.table.slot_counts, key=self.table.slot_key))

    def layout(self, plan: Plan) -> tuple[Entry, ...]:
        """One block per slot of the domain.

        Under its own order each slot stands at its fixed place. Under somebody else's plan the
        absent slots keep their places and the present ones fill the others in the plan's order.
        """
        blocks = [tuple(block) for _, block in groupby(plan.slots, key=lambda slot: slot.name)]
        present = set(plan.names)
        entries: list[Entry] = []
        for name in self.positions:
            if name not in present:
                entries.append((name, None))
            else:
                entries.extend((slot.name, slot) for slot in blocks.pop(0))
        # A plan that returns to a slot has more blocks than there are places.
        entries.extend((slot.name, slot) for block in blocks for slot in block)
        return tuple(entries)
