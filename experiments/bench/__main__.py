"""``python -m experiments.bench``: run the benchmarks; the results as JSON, a table on stderr.

Every system says the same records, with the same number of threads, in turn. Results go to
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
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError, UsageError
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from d2t.io.resources import shipped_model
from experiments.bench.floors import bench_checker, bench_startup
from experiments.bench.options import PARTS, QUICK, Options
from experiments.bench.table import as_markdown, goals

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).resolve().parents[1] / "results" / "bench"
_NEED_MODEL = set(PARTS) - {"checker", "startup"}


def machine() -> str:
    """The processor, the number of cores and the Python version."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next(
                (line.split(":")[1].strip() for line in lines if "model name" in line), name
            )
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; exit 1 when a benchmark misses its floor (goals are only reported)."""
    args = _arguments().parse_args(argv)
    chosen = [part.strip() for part in args.only.split(",")]
    if unknown := set(chosen) - set(PARTS):
        print(f"error: unknown part {min(unknown)!r}; parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    given = {f.name: getattr(args, f.name, None) for f in fields(Options)}
    settings = (QUICK if args.quick else {}) | {k: v for k, v in given.items() if v is not None}
    options = Options(**settings)
    started = time.time()
    try:
        floors, parts = _run(chosen, options)
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    results = {
        "machine": machine(),
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
        _write(out, results, table, options, chosen, started)
    return int(any(result["ratio"] < 1 for result in floors))


def _arguments() -> argparse.ArgumentParser:
    line = argparse.ArgumentParser(prog="python -m experiments.bench", description=__doc__)
    line.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    line.add_argument(
        "--model", type=lambda text: Path(text).resolve(), default=shipped_model(),
        help="a bundle; default: the model that ships",
    )  # fmt: skip
    line.add_argument("--out", type=Path, help="folder; default: experiments/results/bench")
    line.add_argument("--quick", action="store_true", help="smallest sizes; figures mean nothing")
    line.add_argument("--corpus", help="whose development MRs are said")
    line.add_argument("--threads", type=int, help="of every system; default: all cores")
    line.add_argument("--rounds", type=int, help="turns of every system")
    line.add_argument("--seconds", type=float, help="of a turn")
    line.add_argument("--growth-s", type=float, help="longest run of the growth part")
    line.add_argument("--train-steps", type=int, help="of each training run")
    line.add_argument("--loss-steps", type=int, help="of the runs whose losses are compared")
    line.add_argument("--train-rounds", type=int, help="training runs on either side")
    return line


def _run(chosen: Sequence[str], options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The results that have floors, and those of the other parts by name."""
    floors: list[dict[str, Any]] = []
    if "checker" in chosen:
        floors.append(bench_checker())
    if "startup" in chosen:
        floors += bench_startup()
    for result in floors:
        verdict = "ok" if result["ratio"] >= 1 else "MISSED"
        print(
            f"{result['name']}: {result['value']:.4g} {result['unit']} on {result['data']}; bound "
            f"{result['floor']:g}, ratio {result['ratio']:.2f} ({verdict})",
            file=sys.stderr,
        )
    return floors, _model_parts(chosen, options) if _NEED_MODEL & set(chosen) else {}


def _model_parts(chosen: Sequence[str], options: Options) -> dict[str, Any]:
    # Imported here: torch takes seconds, and checker and start-up do without it.
    from d2t.model.bundle.manifest import Manifest
    from d2t.model.bundle.parts import DOMAIN
    from d2t.model.config import TransformerConfig
    from d2t.mr.domain_files import load_domain_copy
    from experiments.bench.generation import bench_generation, bench_latency, staged
    from experiments.bench.limits import bench_limits
    from experiments.bench.processes import bench_growth, bench_processes
    from experiments.bench.training import bench_training

    shape = Manifest.read(options.model).model
    if not isinstance(shape, TransformerConfig):
        raise UsageError("the benchmarks need a Transformer trained from scratch: give --model")
    parts: dict[str, Any] = {}
    staged_parts = {
        "generation": bench_generation, "latency": bench_latency,
        "processes": bench_processes, "limits": bench_limits,
    }  # fmt: skip
    if staged_parts.keys() & set(chosen):
        with staged(options, rivals=bool({"generation", "latency"} & set(chosen))) as stage:
            for name, bench in staged_parts.items():
                if name in chosen:
                    print(f"{name}:", file=sys.stderr)
                    parts[name] = bench(stage, options)
    if "growth" in chosen:
        print("growth:", file=sys.stderr)
        parts["growth"] = bench_growth(load_domain_copy(options.model / DOMAIN), options)
    if "training" in chosen:
        print("training:", file=sys.stderr)
        parts["training"] = bench_training(shape, options)
    return parts


def _write(
    out: Path,
    results: dict[str, Any],
    table: str,
    options: Options,
    chosen: Sequence[str],
    started: float,
) -> None:
    """``bench.json``, a manifest with the results as its metrics, and ``table.md``."""
    card = options.model / "d2t.json"
    manifest = run_manifest(
        command=["python", "-m", "experiments.bench"],
        config=options.as_dict() | {"only": list(chosen)},
        data={"d2t.json": sha256_file(card)} if card.is_file() else {},
        seeds=[options.seed],
        started=started,
        metrics=results,
    )
    out.mkdir(parents=True, exist_ok=True)
    atomic_write_json(out / "bench.json", manifest)
    with atomic_write(out / "table.md") as file:
        file.write(table)


if __name__ == "__main__":
    sys.exit(main())
