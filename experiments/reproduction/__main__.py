"""``python -m experiments.reproduction``: train, generate, score, write the table.

Runs unattended, the most telling rows first; what is done is skipped, and a run that was killed
goes on where it was. Example: ``python -m experiments.reproduction --jobs 2 --threads 1``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from d2t.errors import D2TError
from experiments.engine.processes import only_one, run_jobs, run_module
from experiments.reproduction.config import SCORE_STAGES, Stage, Table
from experiments.reproduction.jobs import open_jobs
from experiments.reproduction.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.engine.processes import Job
    from experiments.reproduction.config import Row

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(prog="python -m experiments.reproduction", description=__doc__)
    line.add_argument("table", type=Path, nargs="?", default=HERE / "table.toml")
    line.add_argument("--jobs", type=int, default=1, help="processes at a time")
    line.add_argument("--threads", type=int, help="CPU threads of each process")
    line.add_argument("--rows", help="these rows only, with commas, and what they build on")
    line.add_argument("--only", help="one row (or shared file), in this process")
    line.add_argument("--stage", choices=[*get_args(Stage), "asset"], help="with --only")
    line.add_argument("--list", action="store_true", help="what is left to do, with estimates")
    line.add_argument("--report", action="store_true", help="write the table of what is scored")
    line.add_argument("--refresh", action="store_true", help="score what is scored already, too")
    line.add_argument("--runs", type=Path, help="run folders (default: runs/<results>)")
    line.add_argument("--out", type=Path, help="default: experiments/results/<results>")
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is left; exit 1 when a job failed."""
    args = parser().parse_args(argv)
    try:
        table = Table.read(args.table)
        runs = args.runs or Path("runs") / table.results
        workspace = Workspace(table, runs, args.out or RESULTS / table.results)
        if args.only:
            return work(workspace, args)
        if args.report:
            return report(workspace)
        rows = rows_named(workspace, args.rows)
        jobs = open_jobs(workspace, rows, refresh=args.refresh)
        print_jobs(jobs, args.jobs)
        return 0 if args.list else run(workspace, jobs, args)
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:  # the jobs got it too: trainings have saved their checkpoints
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130


def work(workspace: Workspace, args: argparse.Namespace) -> int:
    """One row or shared file, in this process: all its stages, or one."""
    import torch

    from d2t.train.loop.progress import default_reporter
    from experiments.reproduction.scoring import score_row
    from experiments.reproduction.training import make_asset, train_row

    if args.threads:
        torch.set_num_threads(args.threads)
    progress = default_reporter(500)
    if args.stage == "asset":
        make_asset(workspace, args.only, progress)
        return 0
    row = workspace.table.row(args.only)
    stages = [args.stage] if args.stage else ["train", *SCORE_STAGES]
    with only_one(workspace.folder(row)):
        if "train" in stages and not workspace.trained(row):
            for asset in workspace.assets(row, "train"):
                make_asset(workspace, asset, progress)
            train_row(workspace, row, threads=args.threads, progress=progress)
        for stage in SCORE_STAGES:
            if stage in stages:
                score_row(workspace, row, stage, progress)
    return 0


def run(workspace: Workspace, jobs: list[Job], args: argparse.Namespace) -> int:
    """All jobs, each in a process of its own; the table is written anew after each score."""
    began, started = time.time(), dict[str, float]()

    def launch(job: Job) -> int:
        started[job.name] = time.time()
        stage, _, subject = job.name.partition(":")
        arguments = [str(args.table), "--only", subject, "--stage", stage]
        arguments += ["--runs", str(workspace.runs), "--out", str(workspace.out)]
        arguments += ["--threads", str(args.threads)] if args.threads else []
        return run_module("experiments.reproduction", arguments, log_of(workspace, job))

    def done(job: Job, code: int) -> None:
        minutes = (time.time() - started.get(job.name, time.time())) / 60
        said = "done" if code == 0 else f"failed ({code}), see {log_of(workspace, job)}"
        said = f"{said}, {minutes:.1f} min"
        said = said if job.name in started else "not begun: what it needs failed"
        print(f"{job.name}: {said}", file=sys.stderr, flush=True)
        if code == 0 and job.name.startswith(SCORE_STAGES):
            report(workspace)

    codes = run_jobs(jobs, launch, workers=args.jobs, done=done)
    report(workspace, started=began)
    return 1 if any(code != 0 for code in codes.values()) else 0


def log_of(workspace: Workspace, job: Job) -> Path:
    """The log of a job: in the row's folder, or beside the shared files."""
    stage, _, subject = job.name.partition(":")
    if stage == "asset":
        return workspace.runs / "shared" / f"{subject}.log"
    return workspace.runs / subject / f"{stage}.log"


def report(workspace: Workspace, *, started: float | None = None) -> int:
    """Write table.md, results.json and samples.md from what is scored."""
    from experiments.reproduction.report import write_report, write_samples

    write_report(workspace, started=time.time() if started is None else started)
    own = workspace.out.resolve() == RESULTS / workspace.table.results
    folder = HERE if own else workspace.out
    write_samples(workspace, folder / "samples.md", HERE / "readings.jsonl")
    return 0


def print_jobs(jobs: Sequence[Job], workers: int) -> None:
    """What is left, most urgent first, with estimates that pretend nothing else is running."""
    for job in jobs:
        needs = f"  after {', '.join(sorted(job.needs))}" if job.needs else ""
        print(f"{job.priority:4d}  {job.seconds / 60:6.1f} min  {job.name}{needs}", file=sys.stderr)
    hours = sum(job.seconds for job in jobs) / 3600
    print(
        f"{len(jobs)} jobs, about {hours:.1f} core hours, {hours / max(1, workers):.1f} hours with "
        f"{workers} at a time",
        file=sys.stderr,
    )


def rows_named(workspace: Workspace, names: str | None) -> tuple[Row, ...]:
    """The rows of a comma list, or all."""
    table = workspace.table
    return table.rows if names is None else tuple(table.row(name) for name in names.split(","))


if __name__ == "__main__":
    sys.exit(main())
