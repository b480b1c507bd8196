"""What a planner is, what planners do with a fixed prefix, and how close two plans are."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from d2t.errors import MRParseError
from d2t.mr.types import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Slot


Token = tuple[str, str | None]
"""A delexicalised slot filler: name and value, None for every value of an open slot."""


class Planner(Protocol):
    """Chooses the order in which the slots of an MR are said."""

    name: str

    def plan(
        self,
        mr: MeaningRepresentation,
        *,
        prefix: Plan | None = None,
        rng: Random | None = None,
    ) -> Plan:
        """A permutation of ``mr.slots`` that begins with the slots of ``prefix``.

        Args:
            mr: what is to be said.
            prefix: what the user fixed. Its sentence breaks are kept; a break at ``len(prefix)``
                starts a sentence with the first slot that the planner chooses. Where the prefix
                plans sentences, the whole plan does; a planner that plans none adds no break.
            rng: randomness of random planners; the others do not use it.

        Raises:
            MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
        """
        ...


@runtime_checkable
class BatchPlanner(Protocol):
    """A planner that plans many MRs at once faster than one after the other."""

    def prepare(self, mrs: Iterable[MeaningRepresentation]) -> None:
        """Plan the MRs and remember the plans, so that ``Planner.plan`` answers at once."""
        ...


def hidden_slots(domain: Domain) -> frozenset[str]:
    """Slots whose values planners do not see, as they are of no use for the order of others."""
    return frozenset(spec.name for spec in domain.slots if spec.kind in ("open", "numeric"))


def slot_token(slot: Slot, hidden: frozenset[str]) -> Token:
    """The slot as planners see it; an empty value (a request) differs from a hidden one."""
    return slot.name, (None if slot.name in hidden and slot.value else slot.value)


def remaining_slots(mr: MeaningRepresentation, prefix: Plan | None) -> list[Slot]:
    """The slots that the prefix leaves to the planner, sorted: their given order means nothing.

    Raises:
        MRParseError: code ``plan_mismatch``: the prefix holds what the MR does not.
    """
    left = Counter(mr.slots)
    left.subtract(() if prefix is None else prefix.slots)
    if extra := [slot for slot, n in left.items() if n < 0]:
        raise MRParseError(
            f"the plan begins with slots that the MR does not have: {', '.join(map(str, extra))}; "
            f"it has {', '.join(map(str, mr.slots)) or 'none'}",
            code="plan_mismatch",
        )
    return sorted(left.elements())


def join_plan(prefix: Plan | None, rest: Sequence[Slot]) -> Plan:
    """The prefix with its breaks, then ``rest``; a break behind the last slot is dropped."""
    if prefix is None:
        return Plan(tuple(rest))
    slots = (*prefix.slots, *rest)
    breaks = prefix.breaks
    if breaks is not None:
        breaks = tuple(at for at in breaks if at < len(slots))
    return Plan(slots, breaks)


def state_error(name: str, error: Exception) -> str:
    """The message about a planner's saved state that cannot be read."""
    return (
        f"cannot restore the {name} planner: bad or missing entry ({error!r}) in its saved state; "
        "the bundle is damaged or of another version: copy or train it again"
    )


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
