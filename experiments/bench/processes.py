"""Whole processes, ours and those of Hugging Face: cold start, peak memory, and growth."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write
from d2t.mr.plans import plan_as_list
from d2t.mr.render import mr_to_json
from experiments.bench.generation import INT8
from experiments.bench.hf import BATCH, NEW_TOKENS, rival_sources
from experiments.bench.options import make_requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.types import GenerationRequest
    from d2t.mr.domain import Domain
    from experiments.bench.generation import Stage
    from experiments.bench.options import Options


_MANY = 1024
_BART_VOCABULARY = 50265
OURS, HF = "d2t generate", "HF script, same weights"


def input_lines(requests: Sequence[GenerationRequest], domain: Domain) -> str:
    """What ``d2t generate`` reads: one JSON record a line."""
    records = (
        {
            "id": request.id,
            "mr": mr_to_json(request.mr, domain),
            "plan": plan_as_list(request.plan) if request.plan else None,
        }
        for request in requests
    )
    return "".join(json.dumps(record) + "\n" for record in records)


def bench_processes(stage: Stage, options: Options) -> dict[str, Any]:
    """Wall time of saying one record from nothing; peak memory of saying a thousand."""
    with tempfile.TemporaryDirectory() as folder:
        stage.twin.save_pretrained(folder)
        return {
            "cold_start": _cold_start(stage, options, folder),
            "peak_memory": _peak_memory(stage, options, folder),
        }


def _cold_start(stage: Stage, options: Options, folder: str) -> list[dict[str, Any]]:
    domain = stage.generators[INT8].domain
    one = input_lines(stage.pool.requests[:1], domain)
    threads = ["--threads", str(options.threads)]
    generate = ["-m", "d2t", "generate", "--model", str(options.model), *threads]
    script = ["-m", "experiments.bench.hf", "--folder", folder, *threads]
    runs = {
        OURS: (generate, one),
        f"{OURS} --engine torch": ([*generate, "--engine", "torch"], one),
        HF: (script, json.dumps(stage.pool.sources[0].ids) + "\n"),
    }
    found: dict[str, list[Child]] = {name: [] for name in runs}
    for number in range(options.rounds + 1):  # the first round warms the disk cache
        for name, (arguments, text) in runs.items():
            child = run_child(arguments, text)
            if number or options.rounds == 1:
                found[name].append(child)
    print("  cold starts are done", file=sys.stderr)
    return [
        {
            "process": name,
            "wall_s": median(child.wall_s for child in children),
            "peak_mb": max(child.peak_mb for child in children),
        }
        for name, children in found.items()
    ]


def _peak_memory(stage: Stage, options: Options, folder: str) -> list[dict[str, Any]]:
    n = min(_MANY, len(stage.pool.requests))
    ours = input_lines(stage.pool.requests[:n], stage.generators[INT8].domain)
    theirs = "".join(json.dumps(source.ids) + "\n" for source in stage.pool.sources[:n])
    threads = ["--threads", str(options.threads)]
    generate = ["-m", "d2t", "generate", "--model", str(options.model), *threads]
    script = ["-m", "experiments.bench.hf", *threads]
    twin = [*script, "--folder", folder]
    runs = {
        OURS: (generate, ours, n),
        f"{OURS} --engine torch": ([*generate, "--engine", "torch"], ours, n),
        f"{HF}, greedy, batch 64": ([*twin, "--batch", "64"], theirs, n),
        f"{HF}, greedy, batch 128": ([*twin, "--batch", "128"], theirs, n),
        f"{HF}, beam 4, batch 64": ([*twin, "--batch", "64", "--beams", "4"], theirs, n),
    }
    batch = 2 if options.quick else BATCH
    sources = rival_sources(_BART_VOCABULARY, batch)
    shape = ["--shape", "bart-base", "--batch", str(batch), "--new-tokens", str(NEW_TOKENS)]
    rows = "".join(json.dumps(source) + "\n" for source in sources)
    runs[f"HF script, bart-base shape, greedy, batch {batch}"] = ([*script, *shape], rows, batch)
    return [
        {"process": name, "records": count, "peak_mb": run_child(arguments, text).peak_mb}
        for name, (arguments, text, count) in runs.items()
    ]


ROOT = Path(__file__).resolve().parents[2]
_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Child:
    """One process from start to exit; ``peak_mb`` in 10^6 bytes."""

    wall_s: float
    peak_mb: float
    stdout: str


def run_child(arguments: Sequence[str], text: str = "") -> Child:
    """Run ``python ARGUMENTS`` in the checkout with ``text`` as its input.

    Raises:
        RuntimeError: it failed; the message ends as its stderr does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        reply = Path(scratch) / "reply.json"
        done = subprocess.run(
            [sys.executable, str(_LAUNCHER), str(reply), sys.executable, *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        measured = json.loads(reply.read_text(encoding="utf-8")) if reply.is_file() else {"code": 1}
    if measured["code"]:
        raise RuntimeError(f"python {' '.join(arguments)}: {done.stderr[-2000:]}")
    return Child(measured["wall_s"], measured["peak_mb"], done.stdout)


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
