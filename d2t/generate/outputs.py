"""Outputs of a loaded model for a corpus split: what ``d2t evaluate --model`` scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from d2t.corpus.load import load_split
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write
from d2t.io.records import write_record
from d2t.score.records import EvaluationRecord
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import Hypothesis
    from d2t.score.tasks import PlanMode

WINDOW = 512
"""Records that are answered between two moves of the progress bar."""


def generate_outputs(
    generator: ModelGenerator,
    corpus: str,
    split: Literal["train", "dev", "test"],
    plans: PlanMode = "own",
    *,
    n_permutations: int = 3,
    limit: int | None = None,
    save: Path | None = None,
    bar: Callable[[str, int], AbstractContextManager[Callable[..., None]]],
) -> list[EvaluationRecord]:
    """Say each MR of a split, in the orders that ``plans`` names, and join the references.

    Args:
        generator: a loaded model; its domain reads the corpus, and its seed draws random plans.
        corpus: a registered corpus or a file; references of one MR are pooled.
        split: of the corpus.
        plans: as in ``generation_tasks``.
        n_permutations: plans of each MR in the random modes.
        limit: say this many MRs only.
        save: a JSONL file that gets the outputs as ``d2t generate`` writes them, with references.
        bar: opens a progress bar with a title and a length; yields what moves it by a number.

    Raises:
        DataError: there is no such corpus, or ``save`` cannot be written.
    """
    tasks = generation_tasks(
        load_split(corpus, split, generator.domain),
        generator.domain,
        plans,
        n_permutations=n_permutations,
        seed=generator.seed,
        limit=limit,
        checker=SlotChecker.for_domain(generator.domain),
    )
    answers: list[Hypothesis] = []
    with bar("generating", len(tasks)) as advance:
        for start in range(0, len(tasks), WINDOW):
            window = tasks[start : start + WINDOW]
            answers += generator.generate(
                [GenerationRequest(task.id, task.mr, task.plan) for task in window]
            )
            advance(len(window))
    if save is not None:
        with atomic_write(save) as stream:
            for task, answer in zip(tasks, answers, strict=True):
                write_record(stream, {**answer.as_dict(), "references": list(task.references)})
    return [
        EvaluationRecord(task.id, task.mr, answer.text, answer.plan, task.references)
        for task, answer in zip(tasks, answers, strict=True)
    ]
