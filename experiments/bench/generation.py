"""Throughput and latency of generation: our engines, and what others would use.

Every system generates texts for the same records, with the same number of threads, in turn.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, cast

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.export import transformer_spec
from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.generate.verified import VerifiedGenerator
from d2t.io.manifest import usable_cores
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plans
from d2t.search.backend import EncodedSource
from d2t.search.ct2_backend import FOLDER, CTranslate2Backend, Parallelism
from d2t.seeding import derived_rng
from experiments.bench.hf import SHAPES, pegasus_twin, quiet_torch, rival_systems, twin_systems
from experiments.bench.timing import System, single_requests, throughput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d2t.corpus.registry import Split
    from d2t.corpus.types import Example
    from d2t.model.bundle.network import Bundle
    from d2t.model.transformer import TransformerModel
    from d2t.mr.domain import Domain


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes of everything.

    Attributes:
        model: the bundle; a Transformer trained from scratch.
        corpus: whose development MRs are used; the embedded one where it is not fetched.
        threads: cores that every system may use.
        rounds: turns of each system; medians are taken over them.
        seconds: length of a turn; a system generates as many records as it can meanwhile.
        pool: distinct records.
        single_s: seconds of single requests for each system; at most ``singles`` of them.
        growth: record counts; those that would take longer than ``growth_s`` are estimated.
        train_steps: of each timed training run, ``train_rounds`` of them on either side in turn.
        loss_steps: of the run on either side whose development losses are compared: a few hundred
            steps tell how a training begins, not where it ends.
        quick: the smallest sizes that still run every line.
    """

    model: Path
    corpus: str = "e2e_cleaned"
    threads: int = usable_cores()
    seed: int = 20201116
    rounds: int = 3
    seconds: float = 3.0
    pool: int = 4096
    single_s: float = 20.0
    singles: int = 200
    growth: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    growth_s: float = 240.0
    train_steps: int = 150
    train_rounds: int = 3
    loss_steps: int = 1200
    quick: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; of the model only its name, so that no path of a machine is written."""
        return asdict(self) | {"model": self.model.name, "growth": list(self.growth)}


QUICK: dict[str, Any] = {
    "corpus": "mini", "rounds": 1, "seconds": 0.05, "pool": 16, "single_s": 0.05, "singles": 3,
    "growth": (4, 8, 1_000_000), "growth_s": 10.0,
    "train_steps": 2, "train_rounds": 1, "loss_steps": 3, "quick": True,
}  # fmt: skip
"""What ``--quick`` sets: not one figure of such a run means anything."""

_STRIDE = 1777
"""Records between the beginnings of two turns: a prime, so that turns have different ones."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Requests in one fixed order, what a model reads of each, and how long its answer is.

    Attributes:
        data: which MRs these are.
        n_tokens: of the greedy answers, EOS included.
    """

    data: str
    requests: list[GenerationRequest]
    sources: list[EncodedSource]
    n_tokens: list[int]

    def turn(self, number: int, n: int) -> list[int]:
        """Places of the ``n`` records of a turn: for a smaller ``n`` the first of the same."""
        start = number * _STRIDE
        return [(start + i) % len(self.requests) for i in range(n)]

    def system(
        self, name: str, batch: int, work: Callable[[list[GenerationRequest]], object], **rest: Any
    ) -> System:
        """A system that does ``work``; tokens are counted by what greedy search generates."""

        def say(places: Sequence[int]) -> int:
            work([self.requests[at] for at in places])
            return sum(self.n_tokens[at] for at in places)

        return System(name, batch, say, **rest)


def first_split(*splits: tuple[str, Split], domain: Domain) -> tuple[str, list[Example]]:
    """The first of the ``(corpus, split)`` pairs that is there, with its name."""
    (corpus, split), *others = splits
    try:
        return f"{corpus} {split}", load_split(corpus, split, domain)
    except DataError:
        if not others:
            raise
        return first_split(*others, domain=domain)


def make_requests(options: Options, domain: Domain, n: int) -> tuple[str, list[GenerationRequest]]:
    """``n`` requests, and the name of their data.

    Each MR comes in as many random orders as it takes to reach ``n``, all shuffled.
    """
    name, examples = first_split((options.corpus, "dev"), ("mini", "dev"), domain=domain)
    mrs = [example.mr for example in group_references(examples)]
    each = -(-n // len(mrs))
    requests = [
        GenerationRequest(f"{at}-{number}", mr, plan)
        for at, mr in enumerate(mrs)
        for number, plan in enumerate(random_plans(mr, each, options.seed))
    ]
    derived_rng(options.seed, "bench").shuffle(requests)
    return f"{name}, {len(mrs)} MRs in random orders", requests[:n]


def make_pool(options: Options, generator: ModelGenerator) -> Pool:
    """The records of this run; the generator answers them once, for the lengths of the answers."""
    data, requests = make_requests(options, generator.domain, options.pool)
    tokenizer = generator.bundle.tokenizer
    answers = generator.with_beam(1).candidates(requests)
    lengths = [len(tokenizer.encode_target(answer[0].template)) for answer in answers]
    return Pool(data, requests, encoded_sources(generator, requests), lengths)


def encoded_sources(
    generator: ModelGenerator, requests: Sequence[GenerationRequest]
) -> list[EncodedSource]:
    """What the model reads for each request."""
    bundle = generator.bundle
    sources = []
    for request in requests:
        linearized = bundle.linearizer.linearize(request.mr, request.plan or Plan(request.mr.slots))
        ids = bundle.tokenizer.encode_source(linearized.pieces)
        sources.append(EncodedSource(tuple(ids), tuple(linearized.bindings)))
    return sources


INT8, FLOAT32, TORCH = "ctranslate2 int8", "ctranslate2 float32", "torch"
VERIFIED = f"d2t verified, {INT8}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything loaded once for the parts that generate.

    Attributes:
        generators: ours, by engine, all with the same weights.
        network: those weights.
        twin: the same weights in a model of Hugging Face.
        ours: verified and greedy in every engine, and beam 4 in the fastest.
        rivals: other models under other engines.
        unavailable: why a rival could not be built, by its shape.
    """

    pool: Pool
    generators: dict[str, ModelGenerator]
    network: TransformerModel
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
        generators = _our_generators(options, scratch)
        network = cast("TransformerModel", cast("Bundle", generators[TORCH].bundle).model)
        pool = make_pool(options, generators[INT8])
        others: list[System] = []
        unavailable = {}
        for shape in SHAPES if rivals else ():
            print(f"  building a model of the shape of {shape}", file=sys.stderr)
            try:
                others += rival_systems(shape, scratch, options.threads)
            except Exception as error:  # of a library that is measured: named in the results
                unavailable[shape] = repr(error)
        ours = _our_systems(generators, pool)
        yield Stage(pool, generators, network, pegasus_twin(network), ours, others, unavailable)


def _our_generators(options: Options, scratch: Path) -> dict[str, ModelGenerator]:
    """Int8 is the bundle's own export where it has one; else, as float32 always, it is made."""
    path, threads = options.model, options.threads
    by_torch = load(path, engine="torch", threads=threads, searches_kept=0)
    bundle = cast("Bundle", by_torch.bundle)
    if has_export(path):
        by_int8 = load(path, engine="ctranslate2", threads=threads, searches_kept=0)
    else:
        print("  the bundle holds no export; making one", file=sys.stderr)
        by_int8 = exported(bundle, "int8", scratch / "int8", threads)
    by_float32 = exported(bundle, "float32", scratch / "float32", threads)
    return {INT8: by_int8, FLOAT32: by_float32, TORCH: by_torch}


def has_export(bundle: Path) -> bool:
    """Whether the bundle brings its own int8 export."""
    return (bundle / FOLDER / "model.bin").is_file()


def _our_systems(generators: dict[str, ModelGenerator], pool: Pool) -> list[System]:
    fast = generators[INT8]
    named = {
        f"d2t {how}, {engine}": (make(generator), generator.batch_size)
        for engine, generator in generators.items()
        for how, make in (("verified", VerifiedGenerator), ("greedy", lambda same: same))
    }
    named[f"d2t beam 4, {INT8}"] = (beam := fast.with_beam(4), beam.batch_size)
    notes = {"includes": "linearization, search, text, check"}
    return [
        pool.system(name, batch, generator.generate, notes=notes, whole=True)
        for name, (generator, batch) in named.items()
    ]


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
    return ModelGenerator(
        bundle,
        backend=CTranslate2Backend(bundle, folder, parallelism=cores),
        searches_kept=0,  # every round asks the same
    )


def token_ids(pool: Pool) -> list[tuple[int, ...]]:
    """What the Hugging Face twin reads."""
    return [source.ids for source in pool.sources]


def bench_generation(stage: Stage, options: Options) -> dict[str, Any]:
    """Throughput of all systems over the same records."""
    pool = stage.pool
    systems = [*stage.ours, *twin_systems(stage.twin, token_ids(pool)), *stage.rivals]
    return {
        "data": pool.data,
        "mean_tokens": mean(pool.n_tokens),
        "mean_source_tokens": mean(map(len, token_ids(pool))),
        "systems": throughput(systems, pool, options),
        "unavailable": stage.unavailable,
    }


def bench_latency(stage: Stage, options: Options) -> dict[str, Any]:
    """One record at a time, the systems taking turns."""
    systems = [*stage.ours, *twin_systems(stage.twin, token_ids(stage.pool), [1]), *stage.rivals]
    return {"data": stage.pool.data, "systems": single_requests(systems, stage.pool, options)}
