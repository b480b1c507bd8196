"""The options of the benchmarks, and the records that every system says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.types import GenerationRequest
from d2t.io.manifest import usable_cores
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plans
from d2t.search.backend import EncodedSource
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain


PARTS = (
    "checker", "startup", "generation", "latency", "processes", "limits", "growth", "training",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes of everything; ``quick`` has the smallest that still run every line.

    Attributes:
        model: the bundle; a Transformer trained from scratch.
        corpus: whose development MRs are said; the embedded one where it is not fetched.
        threads: cores that every system may use.
        rounds: how often each system gets its turn; medians are taken over them.
        seconds: that one turn should take; a system says as many records as it can meanwhile.
        pool: distinct records.
        single_s: seconds of single requests for each system; at most ``singles`` of them.
        growth: record counts; those that would take longer than ``growth_s`` are estimated.
        train_steps: of each timed training run, ``train_rounds`` of them on either side in turn.
        loss_steps: of the run on either side whose development losses are compared: a few hundred
            steps tell how a training begins, not where it comes.
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
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"model": self.model.name, "growth": list(self.growth)}


QUICK: dict[str, Any] = {
    "corpus": "mini",
    "rounds": 1,
    "seconds": 0.05,
    "pool": 16,
    "single_s": 0.05,
    "singles": 3,
    "growth": (4, 8, 1_000_000),
    "growth_s": 10.0,
    "train_steps": 2,
    "train_rounds": 1,
    "loss_steps": 3,
}
"""What ``--quick`` sets: not one figure of such a run means anything."""


_STRIDE = 1777
"""Records between the beginnings of two turns: a prime, so that turns say different ones."""


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

    @property
    def mean_tokens(self) -> float:
        """Of an answer."""
        return sum(self.n_tokens) / len(self.n_tokens)

    @property
    def mean_source(self) -> float:
        """Tokens of a source, EOS included."""
        return sum(len(source.ids) for source in self.sources) / len(self.sources)


def make_requests(options: Options, domain: Domain, n: int) -> tuple[str, list[GenerationRequest]]:
    """``n`` requests, and the name of their data.

    Each MR comes in as many random orders as it takes to reach ``n``, all shuffled.
    """
    name = options.corpus
    try:
        examples = load_split(name, "dev", domain)
    except DataError:
        name = "mini"
        examples = load_split(name, "dev", domain)
    mrs = [example.mr for example in group_references(examples)]
    each = -(-n // len(mrs))
    requests = [
        GenerationRequest(f"{at}-{number}", mr, plan)
        for at, mr in enumerate(mrs)
        for number, plan in enumerate(random_plans(mr, each, options.seed))
    ]
    derived_rng(options.seed, "bench").shuffle(requests)
    return f"{name} dev, {len(mrs)} MRs in random orders", requests[:n]


def make_pool(options: Options, generator: ModelGenerator) -> Pool:
    """The records of this run; ``generator`` says them once to learn how long the answers are."""
    data, requests = make_requests(options, generator.domain, options.pool)
    tokenizer = generator.bundle.tokenizer
    answers = generator.with_beam(1).candidates(requests)
    lengths = [len(tokenizer.encode_target(found[0].template)) for found in answers]
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
