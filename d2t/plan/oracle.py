"""The order that people chose: for evaluation only, as it reads the references."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Self

from d2t.corpus.group import group_references
from d2t.errors import DataError
from d2t.mr.types import Plan
from d2t.plan.base import join_plan, remaining_slots

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.types import MeaningRepresentation, Slot


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
