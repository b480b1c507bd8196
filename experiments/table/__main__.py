"""``python -m experiments.table experiments/strategies.toml``: train, score, write the table."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from functools import partial
from pathlib import Path
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
from d2t.train.loop.progress import default_reporter
from experiments.engine.processes import Job, exit_code, run_jobs, run_module
from experiments.engine.steps import is_current, read_json, write_outputs
from experiments.table.table import SETTINGS, TableConfig, write_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain
    from d2t.score.tasks import GenerationTask
    from d2t.train.loop.progress import Reporter
    from experiments.table.table import Row


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
            write_outputs(answer, path, asked)
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
    made = read_json(path.with_suffix(".json"))
    atomic_write_json(scores, {"identity": identity, "generation": made, "report": report})


HERE = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rows, or the one named; exit 1 when a row failed."""
    parser = argparse.ArgumentParser(prog="python -m experiments.table", description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--only", help="one row, in this process")
    parser.add_argument("--runs", type=Path, help="run folders (default: runs/<results>)")
    parser.add_argument("--out", type=Path, help="default: experiments/results/<results>")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--threads", type=int, help="CPU threads of each job")
    args = parser.parse_args(argv)
    return exit_code(partial(run, parser, args))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """What the options ask for."""
    started = time.time()
    table = TableConfig.read(args.table)
    runs = args.runs or Path("runs") / table.results
    rows = {row.name: row for row in table.rows}
    if args.only:
        if args.only not in rows:
            parser.error(f"no row {args.only!r}; rows: {list(rows)}")
        progress = default_reporter(500)
        run_row(table, rows[args.only], runs, threads=args.threads, progress=progress)
        return 0

    def launch(job: Job) -> int:
        arguments = [str(args.table), "--only", job.name, "--runs", str(runs)]
        arguments += ["--threads", str(args.threads)] if args.threads else []
        return run_module("experiments.table", arguments, runs / job.name / "log.txt")

    def done(job: Job, code: int) -> None:
        print(f"{job.name}: {'done' if code == 0 else f'failed ({code})'}", file=sys.stderr)

    codes = run_jobs([Job(name) for name in rows], launch, workers=args.jobs, done=done)
    out = args.out or HERE / "results" / table.results
    missing = write_results(table, runs, out, started=started)
    if missing:
        print(f"not in the table: {', '.join(missing)}; see {runs}/*/log.txt", file=sys.stderr)
    return 1 if any(codes.values()) or missing else 0


if __name__ == "__main__":
    sys.exit(main())
