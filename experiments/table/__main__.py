"""``python -m experiments.table experiments/strategies.toml``: train, score, write the table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.errors import D2TError
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
from experiments.engine.processes import run_module
from experiments.engine.steps import is_current, write_outputs
from experiments.table.table import SETTINGS, load_table

if TYPE_CHECKING:
    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain
    from d2t.score.tasks import GenerationTask
    from d2t.train.loop.progress import Reporter
    from experiments.table.table import Row, TableConfig


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
    made = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    atomic_write_json(scores, {"identity": identity, "generation": made, "report": report})


HERE = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run all rows, or the one named; exit 1 when a row failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--only", help="one row, in this process")
    parser.add_argument("--runs", type=Path, help="run folders (default: runs/<results>)")
    parser.add_argument("--out", type=Path, help="default: experiments/results/<results>")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--threads", type=int, help="CPU threads of each job")
    args = parser.parse_args()
    started = time.time()
    try:
        table = load_table(args.table)
        runs = args.runs or Path("runs") / table.results
        if args.only:
            from d2t.train.loop.progress import default_reporter
            from experiments.table.__main__ import run_row  # imports torch

            row = next((row for row in table.rows if row.name == args.only), None)
            if row is None:
                parser.error(f"no row {args.only!r}; rows: {[row.name for row in table.rows]}")
            progress = default_reporter(500)
            run_row(table, row, runs, threads=args.threads, progress=progress)
            return 0
        codes = run_jobs(args, [row.name for row in table.rows], runs)
        from experiments.table.table import write_results

        missing = write_results(
            table, runs, args.out or HERE / "results" / table.results, started=started
        )
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if missing:
        print(f"not in the table: {', '.join(missing)}; see {runs}/*/log.txt", file=sys.stderr)
    return 1 if any(codes) or missing else 0


def run_jobs(args: argparse.Namespace, names: list[str], runs: Path) -> list[int]:
    """Each row in a process of its own, ``--jobs`` at a time; logs go to the run folders."""

    def job(name: str) -> int:
        arguments = [str(args.table), "--only", name, "--runs", str(runs)]
        arguments += ["--threads", str(args.threads)] if args.threads else []
        code = run_module("experiments.table", arguments, runs / name / "log.txt")
        print(f"{name}: {'done' if code == 0 else f'failed ({code})'}", file=sys.stderr)
        return code

    with ThreadPoolExecutor(args.jobs) as pool:
        return list(pool.map(job, names))


if __name__ == "__main__":
    sys.exit(main())
