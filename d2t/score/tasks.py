"""What to ask a generator for when it is evaluated on a corpus: which MRs, in which orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from d2t.corpus.correct import align_examples
from d2t.corpus.group import group_references
from d2t.errors import DataError
from d2t.mr.types import Plan
from d2t.plan.untrained import display_plan, order_of, random_plans
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

PlanMode = Literal[
    "own", "display", "random", "random_sentences", "oracle", "oracle_sentences", "planner"
]
RANDOM_MODES: tuple[PlanMode, ...] = ("random", "random_sentences")
"""Modes with several tasks per MR."""
ORACLE_MODES: tuple[PlanMode, ...] = ("oracle", "oracle_sentences")
"""Modes that read the references, and so need a checker."""
BREAK_RATE = 0.25
"""Chance of a sentence break between two slots of a random plan: a stress test, since people break
at about every eighth gap (0.13 on cleaned E2E, train)."""


class PlanMaker(Protocol):
    """What mode ``planner`` asks of a planner (``d2t.plan``)."""

    def plan(self, mr: MeaningRepresentation) -> Plan:
        """A permutation of the MR's slots, with sentences or without."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationTask:
    """One thing to generate: an MR, the order asked for (None: the strategy's own), references."""

    id: str
    mr: MeaningRepresentation
    plan: Plan | None
    references: tuple[str, ...]


def generation_tasks(
    examples: Iterable[Example],
    domain: Domain,
    mode: PlanMode,
    *,
    n_permutations: int = 3,
    seed: int = 0,
    limit: int | None = None,
    checker: Aligner | None = None,
    planner: PlanMaker | None = None,
) -> list[GenerationTask]:
    """One task per distinct MR of a corpus, or ``n_permutations`` in the random modes.

    Args:
        examples: a split; references of one MR are pooled.
        domain: names the slots and gives the display order.
        mode: ``own`` (the strategy's order), ``display`` (the domain's), ``random``, ``oracle``
            (that of the references: the medoid of rule O1.7; slots that it lacks come last and
            later mentions of a slot are dropped, so that the plan is an order of the MR), or
            ``planner``. ``random_sentences`` and ``oracle_sentences`` also say where sentences
            end: at random gaps (``BREAK_RATE``), or as the medoid does.
        n_permutations: random plans per MR; they have the ids ``ID#1``, ``ID#2``, ...
        seed: of the random plans.
        limit: use this many MRs only.
        checker: aligns the references in the oracle modes.
        planner: makes the plans in mode ``planner``.

    Raises:
        DataError: the corpus is empty, or the mode lacks its checker or planner.
    """
    if mode in ORACLE_MODES:
        if checker is None:
            raise DataError("oracle plans need a checker that aligns the references")
        examples = align_examples(examples, checker)
    if mode == "planner" and planner is None:
        raise DataError("plans of a planner need the planner: give one with planner=")
    grouped = group_references(examples)[:limit]
    if not grouped:
        raise DataError("the corpus split holds no example", code="empty_file")
    asked: list[tuple[Example, str, Plan | None]] = []
    for e in grouped:
        if mode in RANDOM_MODES:
            plans = _random(e.mr, mode, n_permutations, seed)
            asked += [(e, f"{e.id}#{k}", plan) for k, plan in enumerate(plans, start=1)]
        else:
            asked.append((e, e.id, _plan(e, domain, mode, planner)))
    return [GenerationTask(task_id, e.mr, plan, e.references) for e, task_id, plan in asked]


def _random(mr: MeaningRepresentation, mode: PlanMode, n: int, seed: int) -> list[Plan]:
    plans = random_plans(mr, n, seed)
    if mode == "random":
        return plans
    rng = derived_rng(seed, "random_sentences", repr(mr.key()))
    return [
        Plan(plan.slots, tuple(i for i in range(1, len(plan)) if rng.random() < BREAK_RATE))
        for plan in plans
    ]


def _plan(
    example: Example, domain: Domain, mode: PlanMode, planner: PlanMaker | None
) -> Plan | None:
    if mode == "display":
        return display_plan(example.mr, domain)
    if mode == "planner" and planner is not None:
        return planner.plan(example.mr)
    if mode in ORACLE_MODES:
        plan = order_of(example.plan, example.mr)
        return plan if mode == "oracle_sentences" else Plan(plan.slots)
    return None
