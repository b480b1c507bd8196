"""``python -m experiments.bench``: run the benchmarks; the results as JSON, a table on stderr.

Every system works on the same records, with the same number of threads, in turn. Results go to
``experiments/results/bench``; a ``--quick`` run, which proves only that everything runs, writes
nothing unless told where.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError, UsageError
from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_file
from d2t.io.manifest import machine, run_manifest, usable_cores
from d2t.io.resources import shipped_model
from d2t.model.bundle.manifest import Manifest
from d2t.model.config import TransformerConfig
from experiments.bench.generation import QUICK, Options, bench_generation, bench_latency, staged
from experiments.bench.processes import (
    bench_checker,
    bench_growth,
    bench_limits,
    bench_processes,
    bench_startup,
)
from experiments.bench.table import as_markdown, goals
from experiments.bench.training import bench_training

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).resolve().parents[1] / "results" / "bench"
FLOORS = {"checker": bench_checker, "startup": bench_startup}
STAGED = {
    "generation": bench_generation, "latency": bench_latency,
    "processes": bench_processes, "limits": bench_limits,
}  # fmt: skip
OTHERS = {"growth": bench_growth, "training": bench_training}
PARTS = (*FLOORS, *STAGED, *OTHERS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; exit 1 when a benchmark misses its floor (goals are only reported)."""
    line = argparse.ArgumentParser(prog="python -m experiments.bench", description=__doc__)
    line.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    line.add_argument(
        "--model", type=Path, default=shipped_model(),
        help="a bundle; default: the model that ships",
    )  # fmt: skip
    line.add_argument("--out", type=Path, help="folder; default: experiments/results/bench")
    line.add_argument("--quick", action="store_true", help="smallest sizes; figures mean nothing")
    line.add_argument(
        "--threads", type=int, default=usable_cores(), help="of every system; default: all cores"
    )
    args = line.parse_args(argv)
    chosen = [part.strip() for part in args.only.split(",")]
    if unknown := set(chosen) - set(PARTS):
        print(f"error: unknown part {min(unknown)!r}; parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    sizes = QUICK if args.quick else {}
    options = Options(model=args.model.resolve(), threads=args.threads, **sizes)
    started = time.time()
    try:
        floors = [result for name, run in FLOORS.items() if name in chosen for result in run()]
        parts = _model_parts(chosen, options)
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    python = platform.python_version()
    results = {
        "machine": f"{machine()['processor']}, {os.cpu_count()} cores, Python {python}",
        "threads": options.threads,
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "results": floors,
        "goals": goals(parts),
        "parts": parts,
    }
    table = as_markdown(results)
    print(table, file=sys.stderr)
    print(json.dumps(results, indent=2))
    out = args.out or (None if args.quick else RESULTS)
    if out is not None:
        card = options.model / "d2t.json"
        manifest = run_manifest(
            command=["python", "-m", "experiments.bench"],
            config=options.as_dict() | {"only": chosen},
            data={"d2t.json": sha256_file(card)} if card.is_file() else {},
            seeds=[options.seed],
            started=started,
            metrics=results,
        )
        out.mkdir(parents=True, exist_ok=True)
        atomic_write_json(out / "bench.json", manifest)
        atomic_write_text(out / "table.md", table)
    return int(any(result["ratio"] < 1 for result in floors))


def _model_parts(chosen: Sequence[str], options: Options) -> dict[str, Any]:
    """The results of the parts that need a model, by name."""
    parts: dict[str, Any] = {}
    if set(chosen) <= set(FLOORS):
        return parts
    if not isinstance(Manifest.read(options.model).model, TransformerConfig):
        raise UsageError("the benchmarks need a Transformer trained from scratch: give --model")
    if set(chosen) & set(STAGED):
        with staged(options, rivals=bool({"generation", "latency"} & set(chosen))) as stage:
            for name in STAGED:
                if name in chosen:
                    print(f"{name}:", file=sys.stderr)
                    parts[name] = STAGED[name](stage, options)
    for name, bench in OTHERS.items():
        if name in chosen:
            print(f"{name}:", file=sys.stderr)
            parts[name] = bench(options)
    return parts


if __name__ == "__main__":
    sys.exit(main())
