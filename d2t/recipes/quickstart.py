"""The quickstart: train on the embedded corpus, evaluate, and say one record in three orders."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.resources import data_root
from d2t.mr.parse import parse_mr
from d2t.recipes.run import train
from d2t.score.records import EvaluationRecord
from d2t.score.report.report import evaluate_records
from d2t.score.tasks import generation_tasks
from d2t.train.config.load import load_config

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import Hypothesis
    from d2t.score.report.report import EvaluationReport
    from d2t.score.tasks import PlanMode
    from d2t.train.loop.progress import Reporter


@dataclass(frozen=True, slots=True)
class Quickstart:
    """What the quickstart found.

    Attributes:
        bundle: the trained model's folder.
        train_s: seconds of training, zero-ish when the run was there already.
        own: scores on the embedded test set in the planner's order.
        random: the same under one random plan per MR.
        examples: the record of ``showcase.toml`` in the planner's order, then in each of its plans.
        next: another record, to try the model with.
    """

    bundle: Path
    train_s: float
    own: EvaluationReport
    random: EvaluationReport
    examples: tuple[Hypothesis, ...]
    next: str


def run_quickstart(folder: Path, *, progress: Reporter, threads: int | None = None) -> Quickstart:
    """Train (or resume, or reuse) the small model in ``folder`` and show what it does.

    Raises:
        D2TError: whatever training or generation raises.
    """
    data = data_root() / "restaurant"
    config = load_config(data / "quickstart.toml", flags={"run.threads": threads})
    showcase = tomllib.loads((data / "showcase.toml").read_text(encoding="utf-8"))
    started = time.perf_counter()
    bundle = train(config, folder, resume=True, progress=progress)
    train_s = time.perf_counter() - started
    generator = load(bundle)
    mr = parse_mr(showcase["record"], generator.domain)
    return Quickstart(
        bundle=bundle,
        train_s=train_s,
        own=_evaluate(generator, "own"),
        random=_evaluate(generator, "random"),
        examples=tuple(generator.generate_one(mr, plan) for plan in (None, *showcase["plans"])),
        next=showcase["next"],
    )


def _evaluate(generator: ModelGenerator, mode: PlanMode) -> EvaluationReport:
    """Score the embedded test set, each MR in one order."""
    examples = load_split("mini", "test", generator.domain)
    tasks = generation_tasks(examples, generator.domain, mode, n_permutations=1)
    hypotheses = generator.generate([GenerationRequest(t.id, t.mr, t.plan) for t in tasks])
    records = [
        EvaluationRecord(h.id, h.mr, h.text, h.plan, task.references)
        for h, task in zip(hypotheses, tasks, strict=True)
    ]
    return evaluate_records(records, generator.domain)
