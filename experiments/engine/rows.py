"""Tables of trained models, as ``table`` and ``reproduction`` run them: rows, jobs, outputs."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import Field

from d2t.errors import ConfigError
from d2t.score.records import read_evaluation_records
from d2t.train.config.load import merged, validate
from experiments.engine.config import Section
from experiments.engine.processes import run_jobs, run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.score.records import EvaluationRecord
    from d2t.score.tasks import GenerationTask
    from d2t.train.config.options import TrainConfig
    from experiments.engine.processes import Job

RESULTS = Path(__file__).resolve().parents[1] / "results"
ERRORS = ("missing", "added", "wrong", "repeated")
"""Kinds of slot errors, in the order of tables and committed counts."""


class Row(Section):
    """One trained system.

    Attributes:
        name: folder of its run and name of its scores.
        label: for people; rows with the same label are seeds of one system.
        train: differences from the shared training configuration.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    train: dict[str, Any] = Field(default_factory=dict)


_Row = TypeVar("_Row", bound=Row)


class RowTable(Section, Generic[_Row]):
    """A table of such systems.

    Attributes:
        title: heading of the Markdown table.
        results: folder under ``experiments/results`` and under ``runs``.
        split: scored; MRs are grouped, references pooled.
        plan_seed: of random plans.
        limit: score this many MRs only (for tests of the runner).
        train: training configuration that all rows share.
        rows: the systems.
    """

    title: str
    results: str
    split: Literal["train", "dev", "test"] = "test"
    plan_seed: int = 0
    limit: int | None = None
    train: dict[str, Any]
    rows: tuple[_Row, ...]

    def check(self, path: Path) -> None:
        """The training configuration of every row."""
        for row in self.rows:
            self.train_config(row)

    def row(self, name: str) -> _Row:
        """A row by its name.

        Raises:
            ConfigError: there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        known = ", ".join(row.name for row in self.rows)
        raise ConfigError(f"no row {name!r}; rows: {known}")

    def train_config(
        self, row: _Row, *, threads: int | None = None, **data: list[str] | str
    ) -> TrainConfig:
        """The training configuration of a row.

        Args:
            row: one of the table's.
            threads: of the processor, when it is trained.
            data: files that the ``[data]`` table names in this run.
        """
        raw = merged(merged(self.train, row.train), {"data": data})
        config = validate(raw, f"row {row.name}")
        if threads is None:
            return config
        return config.model_copy(update={"run": config.run.model_copy(update={"threads": threads})})


def systems(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    """The rows by label: those of one label are seeds of one system."""
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.label, []).append(row)
    return groups


def read_outputs(
    path: Path, tasks: Sequence[GenerationTask], domain: Domain
) -> list[EvaluationRecord]:
    """The outputs with the references of their MRs; a bad line raises, since we wrote the file."""
    references = {task.mr.key(): task.references for task in tasks}
    records, _ = read_evaluation_records(str(path), domain, strict=True)
    return [replace(record, references=references[record.mr.key()]) for record in records]


def row_parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """The options of both runners; ``table`` is left to them."""
    line = argparse.ArgumentParser(prog=f"python -m {module}", description=doc)
    line.add_argument("--only", help="one row (or shared file), in this process")
    line.add_argument("--runs", type=Path, help="run folders (default: runs/<results>)")
    line.add_argument("--out", type=Path, help="default: experiments/results/<results>")
    line.add_argument("--jobs", type=int, default=1, help="processes at a time")
    line.add_argument("--threads", type=int, help="CPU threads of each process")
    return line


def run_rows(
    module: str,
    jobs: Sequence[Job],
    args: argparse.Namespace,
    *,
    options: Callable[[Job], Sequence[str]],
    log: Callable[[Job], Path],
    done: Callable[[Job], object] = lambda job: None,
) -> bool:
    """Run jobs, each in a process of its own, and say what became of each.

    Args:
        module: of the runner, which the processes run too.
        jobs: in order of urgency.
        args: of ``row_parser``.
        options: of a job's process, beside the table and ``--threads``.
        log: file of a job's words.
        done: told after each job that ended well.

    Returns:
        Whether all of them ended well.
    """
    started: dict[str, float] = {}

    def launch(job: Job) -> int:
        started[job.name] = time.time()
        threads = ["--threads", str(args.threads)] if args.threads else []
        return run_module(module, [str(args.table), *options(job), *threads], log(job))

    def ended(job: Job, code: int) -> None:
        said = "not begun: what it needs failed"
        if job.name in started:
            said = "done" if code == 0 else f"failed ({code}), see {log(job)}"
            said = f"{said}, {(time.time() - started[job.name]) / 60:.1f} min"
        print(f"{job.name}: {said}", file=sys.stderr, flush=True)
        if code == 0:
            done(job)

    return not any(run_jobs(jobs, launch, workers=args.jobs, done=ended).values())
