"""``python -m experiments.reproduction``: train, generate, score, write the table.

Runs unattended, the most telling rows first; what is done is skipped, and a run that was killed
goes on where it was. Example: ``python -m experiments.reproduction --jobs 2 --threads 1``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from experiments.engine.processes import exit_code, only_one
from experiments.engine.rows import RESULTS, row_parser, run_rows
from experiments.reproduction.config import SCORE_STAGES, Stage, Table
from experiments.reproduction.jobs import open_jobs
from experiments.reproduction.workspace import Workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from experiments.engine.processes import Job

HERE = Path(__file__).resolve().parent
MODULE = "experiments.reproduction"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = row_parser(MODULE, __doc__)
    line.add_argument("table", type=Path, nargs="?", default=HERE / "table.toml")
    line.add_argument("--rows", help="these rows only, with commas, and what they build on")
    line.add_argument("--stage", choices=[*get_args(Stage), "asset"], help="with --only")
    line.add_argument("--list", action="store_true", help="what is left to do, with estimates")
    line.add_argument("--report", action="store_true", help="write the table of what is scored")
    line.add_argument("--refresh", action="store_true", help="score what is scored already, too")
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is left; exit 1 when a job failed."""
    args = parser().parse_args(argv)
    try:
        return exit_code(partial(run, args))
    except KeyboardInterrupt:  # the jobs got it too: trainings have saved their checkpoints
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130


def run(args: argparse.Namespace) -> int:
    """What the options ask for; the table is written anew after each score."""
    table = Table.read(args.table)
    runs = args.runs or Path("runs") / table.results
    workspace = Workspace(table, runs, args.out or RESULTS / table.results)
    if args.only:
        return work(workspace, args)
    if args.report:
        return report(workspace)
    rows = table.rows if args.rows is None else tuple(map(table.row, args.rows.split(",")))
    jobs = open_jobs(workspace, rows, refresh=args.refresh)
    print_jobs(jobs, args.jobs)
    if args.list:
        return 0
    began = time.time()

    def options(job: Job) -> list[str]:
        stage, _, subject = job.name.partition(":")
        folders = ["--runs", str(workspace.runs), "--out", str(workspace.out)]
        return ["--only", subject, "--stage", stage, *folders]

    def done(job: Job) -> None:
        if job.name.startswith(SCORE_STAGES):
            report(workspace)

    log = partial(log_of, workspace)
    all_done = run_rows(MODULE, jobs, args, options=options, log=log, done=done)
    report(workspace, started=began)
    return 0 if all_done else 1


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


if __name__ == "__main__":
    sys.exit(main())
