"""What is left to do, in which order, and the processes that do it."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from experiments.reproduction.config import SCORE_STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from experiments.reproduction.config import Row, Stage, Table


class State(Protocol):
    """What stands already; ``experiments.reproduction.workspace`` reads it from the disk."""

    def trained(self, row: Row) -> bool:
        """Whether the row's bundle is here."""
        ...

    def scored(self, row: Row, stage: Stage) -> bool:
        """Whether all scores of a stage are here, for today's settings."""
        ...

    def has_asset(self, asset: str) -> bool:
        """Whether a shared file (phrases, planner) is here."""
        ...

    def assets(self, row: Row, stage: Stage) -> tuple[str, ...]:
        """The shared files that a stage of a row reads."""
        ...


@dataclass(frozen=True)
class Job:
    """One process: a stage of a row, or a shared file.

    Attributes:
        name: ``train:ROW``, ``greedy:ROW``, ``beam:ROW`` or ``asset:NAME``.
        subject: the row's or the asset's name.
        stage: ``asset``, or the row's stage.
        priority: low ones go first.
        needs: names of jobs that must be done before.
        seconds: estimate.
    """

    name: str
    subject: str
    stage: str
    priority: int
    needs: frozenset[str] = frozenset()
    seconds: float = 0.0


def open_jobs(
    table: Table, rows: Sequence[Row], state: State, *, refresh: bool = False
) -> list[Job]:
    """The jobs that are not done yet for ``rows`` and what they build on, first things first.

    A row whose scores are complete is trained again only for a row that builds on it. A job that
    others wait for has the priority of the most urgent of them.
    """
    jobs: dict[str, Job] = {}

    def asset(name: str, priority: int) -> set[str]:
        if state.has_asset(name):
            return set()
        job = Job(f"asset:{name}", name, "asset", priority)
        jobs.setdefault(job.name, job)
        return {job.name}

    def training(row: Row) -> set[str]:
        if state.trained(row):
            return set()
        name = f"train:{row.name}"
        if name not in jobs:
            priority = row.priority + table.delays.get("train", 0)
            needs = set() if row.base is None else training(table.row(row.base))
            for wanted in state.assets(row, "train"):
                needs |= asset(wanted, priority)
            seconds = train_seconds(table, row)
            jobs[name] = Job(name, row.name, "train", priority, frozenset(needs), seconds)
        return {name}

    for row in rows:
        before: set[str] = set()  # stages of a row write the same file, so they take turns
        for stage in SCORE_STAGES:
            if not table.settings_of(row, stage) or (state.scored(row, stage) and not refresh):
                continue
            priority = row.priority + table.delays.get(stage, 0)
            needs = training(row) | before
            for wanted in state.assets(row, stage):
                needs |= asset(wanted, priority)
            seconds = score_seconds(table, row, stage)
            name = f"{stage}:{row.name}"
            jobs[name] = Job(name, row.name, stage, priority, frozenset(needs), seconds)
            before = {name}
    return _by_urgency(jobs)


def _by_urgency(jobs: dict[str, Job]) -> list[Job]:
    urgent = dict(jobs)

    def raise_needs(job: Job) -> None:
        for name in job.needs:
            if urgent[name].priority > job.priority:
                urgent[name] = replace(urgent[name], priority=job.priority)
            raise_needs(replace(urgent[name], priority=min(job.priority, urgent[name].priority)))

    for job in jobs.values():
        raise_needs(job)
    order = {name: i for i, name in enumerate(jobs)}
    return sorted(urgent.values(), key=lambda job: (job.priority, order[job.name]))


def run_jobs(
    jobs: Sequence[Job],
    launch: Callable[[Job], int],
    *,
    workers: int,
    done: Callable[[Job, int], None] = lambda job, code: None,
) -> dict[str, int | None]:
    """Run jobs, ``workers`` at a time, the first whose needs are met first.

    Args:
        jobs: in order of urgency.
        launch: runs one job to its end and returns its exit status.
        workers: jobs at a time.
        done: told after each job, in this thread.

    Returns:
        The exit status of each job; None where a need failed, so that it never began.
    """
    codes: dict[str, int | None] = {}
    waiting = list(jobs)
    running: dict[Future[int], Job] = {}
    names = {job.name for job in jobs}
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            for job in list(waiting):
                failed = [n for n in job.needs if n in codes and codes[n] != 0]
                if failed:
                    waiting.remove(job)
                    codes[job.name] = None
                    done(job, 1)
                elif len(running) < workers and all(codes.get(n) == 0 for n in job.needs & names):
                    waiting.remove(job)
                    running[pool.submit(launch, job)] = job
            if not running:
                continue
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                job = running.pop(future)
                codes[job.name] = future.result()
                done(job, future.result())
    return codes


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
