"""Sentences per second and single-request latency: our engines, and what others would use."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from d2t.errors import BundleError
from d2t.generate.export import transformer_spec
from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.verified import VerifiedGenerator
from d2t.model.transformer import TransformerModel
from d2t.search.ct2_backend import FOLDER, CTranslate2Backend, Parallelism
from experiments.bench.hf import SHAPES, pegasus_twin, quiet_torch, rival_systems, twin_systems
from experiments.bench.options import Pool, make_pool
from experiments.bench.turns import System, single_requests, throughput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.generate.types import Generator
    from d2t.model.bundle.network import Bundle
    from experiments.bench.options import Options, Pool


INT8, FLOAT32, TORCH = "ctranslate2 int8", "ctranslate2 float32", "torch"
VERIFIED = f"d2t verified, {INT8}"
GREEDY = f"d2t greedy, {INT8}"


def our_generators(options: Options, scratch: Path) -> dict[str, ModelGenerator]:
    """One generator per engine, all with the same weights.

    Int8 is the bundle's own export where it has one; else, as float32 always, it is made here.

    Raises:
        BundleError: not a Transformer trained from scratch: there is nothing to compare with.
    """
    path, threads = options.model, options.threads
    by_torch = load(path, engine="torch", threads=threads)
    bundle = cast("Bundle", by_torch.bundle)
    network_of(by_torch)
    if (path / FOLDER / "model.bin").is_file():
        by_int8 = load(path, engine="ctranslate2", threads=threads)
    else:
        print("  the bundle holds no export; making one", file=sys.stderr)
        by_int8 = exported(bundle, "int8", scratch / "int8", threads)
    by_float32 = exported(bundle, "float32", scratch / "float32", threads)
    return {INT8: by_int8, FLOAT32: by_float32, TORCH: by_torch}


def network_of(generator: ModelGenerator) -> TransformerModel:
    """The weights of a generator that runs on torch.

    Raises:
        BundleError: they are of another architecture.
    """
    model = cast("Bundle", generator.bundle).model
    if not isinstance(model, TransformerModel):
        raise BundleError("the benchmarks need a Transformer trained from scratch: give --model")
    return model


def our_systems(generators: dict[str, ModelGenerator], pool: Pool) -> list[System]:
    """Verified and greedy in every engine, and beam 4 in the fastest."""
    systems = []
    for engine, generator in generators.items():
        verified = VerifiedGenerator(generator)
        systems.append(_system(f"d2t verified, {engine}", verified, generator.batch_size, pool))
        systems.append(_system(f"d2t greedy, {engine}", generator, generator.batch_size, pool))
    beam = generators[INT8].with_beam(4)
    return [*systems, _system(f"d2t beam 4, {INT8}", beam, beam.batch_size, pool)]


def _system(name: str, generator: Generator, batch: int, pool: Pool) -> System:
    def say(places: Sequence[int]) -> int:
        """From MRs to checked texts; tokens are counted by what greedy search says."""
        generator.generate([pool.requests[at] for at in places])
        return sum(pool.n_tokens[at] for at in places)

    notes = {"includes": "linearization, search, text, check"}
    return System(name, batch, say, notes, whole=True)


def exported(bundle: Bundle, quantization: str, folder: Path, threads: int) -> ModelGenerator:
    """The bundle on CTranslate2, its model written into the new ``folder``."""
    tokenizer: Any = bundle.tokenizer
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    spec = transformer_spec(cast("TransformerModel", bundle.model), pieces)
    if quantization != "float32":
        spec.optimize(quantization=quantization)
    folder.mkdir(parents=True)
    spec.save(str(folder))
    cores = Parallelism.for_machine(threads)
    return ModelGenerator(bundle, backend=CTranslate2Backend(bundle, folder, parallelism=cores))


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
