"""MRs made less true, slot by slot: what contrastive decoding tells a text apart from.

Three ways (rule F5.5): slots are ``dropped``, have a ``wrong`` value, or a ``null``
one. What an utterance is about, the domain's first slot, stays, so that a source is left to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from d2t.mr.types import MeaningRepresentation, Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from d2t.mr.domain import Domain

Perturbation = Literal["dropped", "wrong", "null"]
PERTURBATIONS: tuple[Perturbation, ...] = get_args(Perturbation)

Changes = dict[Slot, "Slot | None"]
"""Each slot that is perturbed, and what stands in its place; None: nothing does."""


def slot_changes(
    mr: MeaningRepresentation,
    domain: Domain,
    kind: Perturbation,
    *,
    values: Mapping[str, Sequence[str]],
    rng: Random,
) -> Changes:
    """How each slot of ``mr`` is perturbed, in the MR's order; slots that stay are left out.

    ``dropped`` and ``null`` (an empty value) change all slots but the topic. ``wrong`` changes
    those that have another value to take: not open and numeric ones, whose value no model sees, so
    that another would read the same.

    Args:
        mr: what should be said.
        domain: kinds, values and synonyms of its slots.
        kind: what to do.
        values: by slot name, the values that the model knows; a wrong value is one of these, or of
            the domain's where it knows none. None is a synonym of the true one, or in the MR.
        rng: draws wrong values; one draw a slot, so that changes of one slot keep the others.
    """
    stays = _topic(mr, domain)
    if kind == "wrong":
        pairs = ((slot, _other(slot, mr, domain, values, rng)) for slot in dict.fromkeys(mr.slots))
        return {slot: other for slot, other in pairs if other is not None}
    changed = [slot for slot in dict.fromkeys(mr.slots) if slot != stays]
    if kind == "dropped":
        return dict.fromkeys(changed)
    return {slot: Slot(slot.name, "") for slot in changed if slot.value}


def perturbed_mr(mr: MeaningRepresentation, changes: Changes) -> MeaningRepresentation:
    """``mr`` with the changes made."""
    kept = (changes.get(slot, slot) for slot in mr.slots)
    return MeaningRepresentation(tuple(s for s in kept if s is not None), mr.dialogue_act)


def perturbed_plan(plan: Plan, changes: Changes) -> Plan:
    """``plan`` with the changes made; a sentence that loses all its slots goes with them."""
    sentences = [
        tuple(new for slot in sentence if (new := changes.get(slot, slot)) is not None)
        for sentence in plan.sentences
    ]
    left = [sentence for sentence in sentences if sentence]
    slots = tuple(slot for sentence in left for slot in sentence)
    if plan.breaks is None:
        return Plan(slots)
    ends = [sum(map(len, left[:k])) for k in range(1, len(left))]
    return Plan(slots, tuple(ends))


def _topic(mr: MeaningRepresentation, domain: Domain) -> Slot | None:
    """The slot that stays: of those that the MR has, the first in the domain's display order."""
    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    return min(mr.slots, key=lambda slot: ranks[slot.name], default=None)


def _other(
    slot: Slot,
    mr: MeaningRepresentation,
    domain: Domain,
    values: Mapping[str, Sequence[str]],
    rng: Random,
) -> Slot | None:
    """The slot with a value that it does not have; None where there is no other to be read."""
    spec = domain.slot(slot.name)
    draw = rng.random()
    if spec.kind in ("open", "numeric") or not slot.value:
        return None
    taken = {spec.merged(value) for value in mr.values(slot.name)}
    known = sorted(values.get(slot.name) or spec.values)
    others = [value for value in known if spec.merged(value) not in taken]
    return Slot(slot.name, others[int(draw * len(others))]) if others else None
