"""One row: train (or resume, or find it done), generate in each setting, score."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.mr.domain import load_domain
from d2t.recipes.run import train
from d2t.score.records import read_evaluation_records
from d2t.score.report.report import evaluate_records
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker
from experiments.engine.steps import is_current, write_outputs
from experiments.table.config import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain
    from d2t.score.tasks import GenerationTask
    from d2t.train.loop.progress import Reporter
    from experiments.table.config import Row, TableConfig


def run_row(
    table: TableConfig, row: Row, runs: Path, *, threads: int | None, progress: Reporter
) -> None:
    """Bring ``runs/<row>`` up to date: bundle, outputs and scores; what is done is skipped."""
    config = table.train_config(row)
    config = config.model_copy(update={"run": config.run.model_copy(update={"threads": threads})})
    folder = runs / row.name
    command = ["python", "-m", "experiments.table", f"experiments/{table.results}.toml"]
    bundle = train(
        config,
        folder / "training",
        resume=True,
        progress=progress,
        command=[*command, "--only", row.name],
    )
    domain = load_domain(config.data.domain)
    examples = load_split(config.data.corpus, table.split, domain)
    asked = {
        "bundle": sha256_file(bundle / "d2t.json"),
        "split": table.split,
        "permutations": table.permutations,
        "plan_seed": table.plan_seed,
        "limit": table.limit,
    }
    generator: ModelGenerator | None = None
    for setting in SETTINGS:
        path = folder / f"outputs-{setting}.jsonl"
        tasks = generation_tasks(
            examples,
            domain,
            setting,
            n_permutations=table.permutations,
            seed=table.plan_seed,
            limit=table.limit,
        )
        if not is_current(folder / f"outputs-{setting}.json", asked):
            generator = generator or load(bundle, batch_size=128)
            requests = [GenerationRequest(task.id, task.mr, task.plan) for task in tasks]
            answer = partial(generator.generate, requests)
            write_outputs(answer, generator.domain, path, asked)
        score_outputs(path, tasks, domain, folder / f"scores-{setting}.json")


def score_outputs(path: Path, tasks: list[GenerationTask], domain: Domain, scores: Path) -> None:
    """Score one outputs file with the repository's lexicon, unless it stands scored already."""
    identity = {
        "outputs": sha256_file(path),
        "lexicon": SlotChecker.for_domain(domain).lexicon_digest,
        "domain": domain.digest,
    }
    if is_current(scores, identity):
        return
    references = {task.mr.key(): task.references for task in tasks}
    records, bad = read_evaluation_records(str(path), domain)
    joined = [
        dataclasses.replace(record, references=references[record.mr.key()]) for record in records
    ]
    report = evaluate_records(joined, domain, bad=bad).as_dict()
    made = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    atomic_write_json(scores, {"identity": identity, "generation": made, "report": report})
