"""Cold start and peak memory: whole processes, ours and those of Hugging Face."""

from __future__ import annotations

import json
import sys
import tempfile
from statistics import median
from typing import TYPE_CHECKING, Any

from d2t.generate.output import plan_as_list
from d2t.mr.render import mr_to_json
from experiments.bench.children import Child, run_child
from experiments.bench.ours import INT8
from experiments.bench.rivals import BATCH, NEW_TOKENS, rival_sources

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
    script = ["-m", "experiments.bench.hf_child", "--folder", folder, *threads]
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
    script = ["-m", "experiments.bench.hf_child", *threads]
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
