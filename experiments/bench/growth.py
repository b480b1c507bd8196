"""Does it stay as fast and as small when there is more to say? Whole runs of ``d2t generate``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write
from experiments.bench.children import run_child
from experiments.bench.pool import make_requests
from experiments.bench.processes import input_lines

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from experiments.bench.options import Options

_DISTINCT = 20_000
"""Records of which longer inputs are made, with ids of their own."""


def bench_growth(domain: Domain, options: Options) -> dict[str, Any]:
    """Throughput and peak memory of verified generation, file to file, by number of records.

    A size that would take longer than ``options.growth_s`` is scaled from the largest that was run.
    All in one process, so that sizes compare; then the largest again with one for each core.
    """
    data, requests = make_requests(options, domain, min(_DISTINCT, max(options.growth)))
    lines = input_lines(requests, domain).splitlines(keepends=True)
    start_s = _run(lines, 1, options, processes=1)["wall_s"]
    rows: list[dict[str, Any]] = []
    for n in options.growth:
        last = rows[-1] if rows else None
        if last and n / last["sentences_per_s"] > options.growth_s:
            speed = last["sentences_per_s"]
            rows.append({**last, "records": n, "estimated": True, "wall_s": start_s + n / speed})
            continue
        row = _run(lines, n, options, processes=1)
        speed = n / max(1e-9, row["wall_s"] - start_s)
        rows.append({"records": n, "estimated": False, "sentences_per_s": speed, **row})
        print(f"  {n} records: {speed:.1f}/s, {row['peak_mb']:.0f} MB", file=sys.stderr)
    ran = [row for row in rows if not row["estimated"]]
    n = ran[-1]["records"]
    several = _run(lines, n, options, processes=max(2, options.threads))
    speed = n / max(1e-9, several["wall_s"] - start_s)
    print(f"  with processes: {speed:.1f}/s, {several['peak_mb']:.0f} MB", file=sys.stderr)
    several = {"records": n, "estimated": False, "sentences_per_s": speed, **several}
    return {
        "data": data,
        "start_s": start_s,
        "sizes": [*rows, several],
        "throughput_largest_over_smallest": ran[-1]["sentences_per_s"] / ran[0]["sentences_per_s"],
        "memory_largest_over_smallest": ran[-1]["peak_mb"] / ran[0]["peak_mb"],
    }


def _run(lines: list[str], n: int, options: Options, *, processes: int) -> dict[str, Any]:
    """One command over ``n`` records in a file."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "in.jsonl", Path(scratch) / "out.jsonl"
        with atomic_write(source) as file:
            for at in range(n):
                copy, place = divmod(at, len(lines))
                file.write(lines[place].replace('{"id": "', f'{{"id": "{copy}-', 1))
        child = run_child([
            "-m", "d2t", "generate", str(source), "--output", str(target),
            "--model", str(options.model), "--threads", str(options.threads),
            "--processes", str(processes),
        ])  # fmt: skip
    return {"wall_s": child.wall_s, "peak_mb": child.peak_mb, "processes": processes}
