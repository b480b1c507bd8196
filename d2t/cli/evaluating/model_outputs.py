"""What `d2t evaluate --model` scores: outputs of a bundle for a corpus split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from d2t.cli.common import progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.score.records import EvaluationRecord
    from d2t.score.tasks import GenerationTask

Split = Literal["train", "dev", "test"]
PlanMode = Literal["own", "display", "random", "oracle"]


@dataclass(frozen=True)
class ModelRun:
    """Settings of generating what is scored."""

    model: Path
    corpus: str
    split: Split
    plans: PlanMode
    n_permutations: int
    beam_size: int | None
    batch_size: int
    save: Path | None
    engine: Literal["auto", "torch", "ctranslate2"]
    device: str
    threads: int | None
    seed: int
    limit: int | None


def generate_outputs(run: ModelRun) -> tuple[list[EvaluationRecord], Domain]:
    """Outputs of a bundle for a corpus split, in the domain that the bundle carries."""
    from d2t.corpus.load import load_split
    from d2t.generate.load import load
    from d2t.generate.types import GenerationRequest
    from d2t.score.records import EvaluationRecord
    from d2t.score.tasks import generation_tasks
    from d2t.slots.checker import SlotChecker

    generator = load(
        run.model,
        engine=run.engine,
        device=run.device,
        threads=run.threads,
        beam_size=run.beam_size,
        batch_size=run.batch_size,
        seed=run.seed,
    )
    domain: Domain = generator.domain
    tasks = generation_tasks(
        load_split(run.corpus, run.split, domain),
        domain,
        run.plans,
        n_permutations=run.n_permutations,
        seed=run.seed,
        limit=run.limit,
        checker=SlotChecker.for_domain(domain),
    )
    records: list[EvaluationRecord] = []
    hypotheses: list[Any] = []
    window = 8 * run.batch_size
    with progress("generating", total=len(tasks)) as advance:
        for start in range(0, len(tasks), window):
            chunk = tasks[start : start + window]
            answers = generator.generate(
                [GenerationRequest(task.id, task.mr, task.plan) for task in chunk]
            )
            records += [
                EvaluationRecord(task.id, task.mr, answer.text, answer.plan, task.references)
                for task, answer in zip(chunk, answers, strict=True)
            ]
            hypotheses += answers
            advance(len(chunk))
    if run.save is not None:
        _save(run.save, tasks, hypotheses, domain)
    return records, domain


def _save(
    path: Path, tasks: Sequence[GenerationTask], hypotheses: Sequence[Any], domain: Domain
) -> None:
    """Write what was generated as `d2t generate` would, references beside it."""
    from d2t.io.atomic import atomic_write
    from d2t.io.records import write_record

    with atomic_write(path) as stream:
        for task, hypothesis in zip(tasks, hypotheses, strict=True):
            output = hypothesis.as_dict()
            write_record(stream, {**output, "references": list(task.references)})
