"""Missing, added, wrong and repeated: an alignment held against an MR."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from d2t.mr.types import Slot
from d2t.slots.types import SlotReport, Span, WrongValue

if TYPE_CHECKING:
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.types import Alignment

Merge = Callable[[Slot], Slot]


def mentions(alignment: Alignment, merge: Merge = lambda slot: slot) -> tuple[Span, ...]:
    """The spans that open the mentions of the realised plan: adjacent equal ones are one."""
    opened: list[Span] = []
    for span in alignment.spans:
        if not opened or merge(opened[-1].slot) != merge(span.slot):
            opened.append(span)
    return tuple(opened)


def judge(
    alignment: Alignment, mr: MeaningRepresentation, merge: Merge = lambda slot: slot
) -> SlotReport:
    """Compare what a text says with what it should say.

    Rule O6, with a wrong value counted once. A value the MR does not hold is ``wrong`` when a value
    expected for the same slot is not said (one error, where the source counts two: rule W6), else
    ``added``; a slot and value said again later in the realised plan is ``repeated``, right or not.

    Args:
        alignment: what the text says.
        mr: what it should say.
        merge: maps a slot to the one that stands for its synonyms; the identity is strict.
    """
    expected = list(dict.fromkeys(merge(slot) for slot in mr.slots))
    spelled = {merge(slot): slot for slot in reversed(mr.slots)}
    said: dict[Slot, Span] = {}
    repeated: list[Span] = []
    for span in mentions(alignment, merge):
        slot = merge(span.slot)
        if slot in said:
            repeated.append(span)
        else:
            said[slot] = span
    missing = [slot for slot in expected if slot not in said]
    wrong: list[WrongValue] = []
    added: list[Span] = []
    for slot, span in said.items():
        if slot in expected:
            continue
        partner = next((other for other in missing if other.name == slot.name), None)
        if partner is None:
            added.append(span)
        else:
            missing.remove(partner)
            wrong.append(WrongValue(spelled[partner], span))
    return SlotReport(
        alignment=alignment,
        n_slots=len(mr.slots),
        missing=tuple(spelled[slot] for slot in missing),
        added=tuple(added),
        wrong=tuple(wrong),
        repeated=tuple(repeated),
    )
