"""What of a reproduction is left to do, in which order, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.engine.processes import Job, by_urgency
from experiments.reproduction.config import SCORE_STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.reproduction.config import Row, Stage, Table
    from experiments.reproduction.workspace import Workspace


def open_jobs(workspace: Workspace, rows: Sequence[Row], *, refresh: bool = False) -> list[Job]:
    """The jobs that are not done yet for ``rows`` and what they build on, first things first.

    A row whose scores are complete is trained again only for a row that builds on it. A job that
    others wait for has the priority of the most urgent of them. Names are ``STAGE:ROW`` and
    ``asset:NAME``.
    """
    table = workspace.table
    jobs: dict[str, Job] = {}

    def asset(name: str, priority: int) -> set[str]:
        if workspace.has_asset(name):
            return set()
        job = Job(f"asset:{name}", priority=priority)
        jobs.setdefault(job.name, job)
        return {job.name}

    def training(row: Row) -> set[str]:
        if workspace.trained(row):
            return set()
        name = f"train:{row.name}"
        if name not in jobs:
            priority = row.priority + table.delays.get("train", 0)
            needs = set() if row.base is None else training(table.row(row.base))
            for wanted in workspace.assets(row, "train"):
                needs |= asset(wanted, priority)
            seconds = train_seconds(table, row)
            jobs[name] = Job(name, frozenset(needs), priority, seconds)
        return {name}

    for row in rows:
        before: set[str] = set()  # stages of a row write the same file, so they take turns
        for stage in SCORE_STAGES:
            if not table.settings_of(row, stage) or (workspace.scored(row, stage) and not refresh):
                continue
            priority = row.priority + table.delays.get(stage, 0)
            needs = training(row) | before
            for wanted in workspace.assets(row, stage):
                needs |= asset(wanted, priority)
            seconds = score_seconds(table, row, stage)
            name = f"{stage}:{row.name}"
            jobs[name] = Job(name, frozenset(needs), priority, seconds)
            before = {name}
    return by_urgency(list(jobs.values()))


def train_seconds(table: Table, row: Row) -> float:
    """Estimate of a row's training: pairs over speed; augmentation about doubles the pairs."""
    config, speeds = table.train_config(row), table.speeds
    whole = speeds.train_pairs.get(config.data.corpus, 10_000)
    pairs = whole * config.data.share * config.train.epochs
    factor = {"base": 1.0, "phrases": 2.0, "self_training": 2.0}[row.recipe]
    extra = speeds.self_training_s if row.recipe == "self_training" else 0.0
    return extra + factor * pairs / speeds.train_pairs_per_s


def score_seconds(table: Table, row: Row, stage: Stage) -> float:
    """Estimate of a scoring stage, from the number of requests; 1,847 MRs per corpus."""
    mrs = min(table.limit or 1847, 1847) * len(table.corpora(row))
    requests = sum(s.permutations for s in table.settings_of(row, stage).values()) * mrs
    cost = table.speeds.beam_cost if stage == "beam" else 1.0
    return requests * cost / table.speeds.greedy_per_s
