"""Sentences per second and single-request latency: ours, and what a user would pick instead."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.bench.hf_generate import quiet_torch, twin_systems
from experiments.bench.hf_twin import pegasus_twin
from experiments.bench.ours import INT8, TORCH, network_of, our_generators, our_systems
from experiments.bench.pool import Pool, make_pool
from experiments.bench.rivals import SHAPES, rival_systems
from experiments.bench.turns import single_requests, throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d2t.generate.pipeline import ModelGenerator
    from experiments.bench.options import Options
    from experiments.bench.turns import System


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything loaded once for the parts that generate; ``alone`` has one window in work."""

    pool: Pool
    generators: dict[str, ModelGenerator]
    alone: ModelGenerator
    twin: Any
    ours: list[System]
    rivals: list[System]
    unavailable: dict[str, str]


@contextmanager
def staged(options: Options, *, rivals: bool) -> Iterator[Stage]:
    """Load all systems, the ``rivals`` where asked; converted models live as long as the block."""
    quiet_torch(options.threads)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        print("  loading our engines", file=sys.stderr)
        generators = our_generators(options, scratch)
        pool = make_pool(options, generators[INT8])
        twin = pegasus_twin(network_of(generators[TORCH]))
        others: list[System] = []
        unavailable = {}
        for shape in SHAPES if rivals else ():
            print(f"  building a model of the shape of {shape}", file=sys.stderr)
            try:
                others += rival_systems(shape, scratch, options.threads)
            except Exception as error:  # of a library that is measured: named in the results
                unavailable[shape] = repr(error)
        ours = our_systems(generators, pool)
        alone = generators[INT8].with_beam(1)
        alone.at_a_time = 1
        yield Stage(pool, generators, alone, twin, ours, others, unavailable)


def bench_generation(stage: Stage, options: Options) -> dict[str, Any]:
    """All systems in turn over the same records."""
    systems = [*stage.ours, *twin_systems(stage.twin, stage.pool), *stage.rivals]
    return {
        "data": stage.pool.data,
        "mean_tokens": stage.pool.mean_tokens,
        "mean_source_tokens": stage.pool.mean_source,
        "systems": throughput(systems, stage.pool, options),
        "unavailable": stage.unavailable,
    }


def bench_latency(stage: Stage, options: Options) -> dict[str, Any]:
    """One record at a time, the systems taking turns."""
    systems = [*stage.ours, *twin_systems(stage.twin, stage.pool, [1]), *stage.rivals]
    return {"data": stage.pool.data, "systems": single_requests(systems, stage.pool, options)}
