"""What to ask a generator for when it is evaluated on a corpus: which MRs, in which orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from d2t.corpus.correct import align_examples
from d2t.corpus.group import group_references
from d2t.errors import DataError
from d2t.mr.types import Plan
from d2t.plan.display import display_plan
from d2t.plan.random_plans import random_plans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

PlanMode = Literal["own", "display", "random", "oracle"]


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
) -> list[GenerationTask]:
    """One task per distinct MR of a corpus, or ``n_permutations`` in mode ``random``.

    Args:
        examples: a split; references of one MR are pooled.
        domain: names the slots and gives the display order.
        mode: ``own`` (the strategy's order), ``display`` (the domain's), ``random``, or ``oracle``
            (that of the references: the medoid of spec §1.7; slots that it lacks come last and
            later mentions of a slot are dropped, so that the plan is an order of the MR).
        n_permutations: random plans per MR; they have the ids ``ID#1``, ``ID#2``, ...
        seed: of the random plans.
        limit: use this many MRs only.
        checker: aligns the references in mode ``oracle``.

    Raises:
        DataError: the corpus is empty, or mode ``oracle`` has no checker.
    """
    if mode == "oracle":
        if checker is None:
            raise DataError("oracle plans need a checker that aligns the references")
        examples = align_examples(examples, checker)
    grouped = group_references(examples)[:limit]
    if not grouped:
        raise DataError("the corpus split holds no example", code="empty_file")
    tasks = []
    for example in grouped:
        plans = _plans(example, domain, mode, n_permutations, seed)
        for k, plan in enumerate(plans, start=1):
            task_id = f"{example.id}#{k}" if mode == "random" else example.id
            tasks.append(GenerationTask(task_id, example.mr, plan, example.references))
    return tasks


def _plans(
    example: Example, domain: Domain, mode: PlanMode, n_permutations: int, seed: int
) -> Sequence[Plan | None]:
    if mode == "display":
        return [display_plan(example.mr, domain)]
    if mode == "random":
        return random_plans(example.mr, n_permutations, seed)
    if mode == "oracle":
        said = () if example.plan is None else example.plan.slots
        kept = [slot for slot in said if slot in example.mr.slots]
        return [Plan(tuple(dict.fromkeys((*kept, *example.mr.slots))))]
    return [None]
