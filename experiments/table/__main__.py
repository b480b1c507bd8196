"""``python -m experiments.table experiments/strategies.toml``: train, score, write the table."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from d2t.errors import D2TError
from experiments.engine.processes import run_module
from experiments.table.config import load_table

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
            from experiments.table.row import run_row  # imports torch

            row = next((row for row in table.rows if row.name == args.only), None)
            if row is None:
                parser.error(f"no row {args.only!r}; rows: {[row.name for row in table.rows]}")
            progress = default_reporter(500)
            run_row(table, row, runs, threads=args.threads, progress=progress)
            return 0
        codes = run_jobs(args, [row.name for row in table.rows], runs)
        from experiments.table.report import write_results

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
