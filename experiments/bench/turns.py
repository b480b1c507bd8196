"""Systems that say records, timed in turn so that what the machine does besides hits all alike."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experiments.bench.options import Options, Pool


@dataclass(frozen=True, slots=True)
class System:
    """Something that says records.

    Attributes:
        name: unique; in the table.
        batch: most records that are searched together.
        say: says the records at these places of the pool; returns how many tokens it generated.
        notes: JSON-able facts beside the figures.
        whole: a turn has one whole batch at least, however long that takes; else a slow system is
            measured with smaller batches, and the results say how large they were.
    """

    name: str
    batch: int
    say: Callable[[Sequence[int]], int]
    notes: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


def throughput(systems: Sequence[System], pool: Pool, options: Options) -> list[dict[str, Any]]:
    """Median sentences and tokens per second of each system over the rounds."""
    sizes = {}
    for system in systems:
        sizes[system.name] = _size(system, pool, options)
        print(f"  {system.name}: {sizes[system.name]} records a turn", file=sys.stderr)
    rates: dict[str, list[float]] = {system.name: [] for system in systems}
    tokens: dict[str, list[float]] = {system.name: [] for system in systems}
    for number in range(1, options.rounds + 1):
        # Every other round goes backwards, so that none always follows the same neighbour.
        for system in systems if number % 2 else reversed(systems):
            places = pool.turn(number, sizes[system.name])
            started = time.perf_counter()
            n_tokens = system.say(places)
            seconds = time.perf_counter() - started
            rates[system.name].append(len(places) / seconds)
            tokens[system.name].append(n_tokens / seconds)
        print(f"  round {number} of {options.rounds}", file=sys.stderr)
    return [
        {
            "system": system.name,
            "batch": min(system.batch, sizes[system.name]),
            "records": sizes[system.name],
            "sentences_per_s": median(rates[system.name]),
            "tokens_per_s": median(tokens[system.name]),
            "lowest": min(rates[system.name]),
            "highest": max(rates[system.name]),
            **system.notes,
        }
        for system in systems
    ]


def _size(system: System, pool: Pool, options: Options) -> int:
    """How many records the system says in about ``options.seconds``; whole batches where it can."""
    system.say(pool.turn(0, 1))  # first calls pay for what later ones find ready
    n = 1
    while True:
        started = time.perf_counter()
        system.say(pool.turn(0, n))
        seconds = time.perf_counter() - started
        if seconds > options.seconds / 4 or n >= 4 * len(pool.requests):
            break
        n *= 4
    wanted = min(max(1, round(n / seconds * options.seconds)), 4 * len(pool.requests))
    if system.whole and not options.quick:
        wanted = max(wanted, system.batch)
    return wanted // system.batch * system.batch or wanted


def single_requests(
    systems: Sequence[System], pool: Pool, options: Options
) -> list[dict[str, Any]]:
    """Latency of one record at a time, milliseconds; slow systems get fewer, evenly spread."""
    counts = {}
    for system in systems:
        system.say(pool.turn(0, 1))
        started = time.perf_counter()
        system.say(pool.turn(1, 1))
        seconds = time.perf_counter() - started
        counts[system.name] = min(options.singles, max(3, int(options.single_s / seconds)))
    most = max(counts.values())
    taken: dict[str, list[float]] = {system.name: [] for system in systems}
    for number in range(most):
        for system in systems:
            n = counts[system.name]
            if number * n // most == (number + 1) * n // most:
                continue
            places = pool.turn(number + 2, 1)
            started = time.perf_counter()
            system.say(places)
            taken[system.name].append(1000 * (time.perf_counter() - started))
    return [
        {
            "system": system.name,
            "requests": len(taken[system.name]),
            "p50_ms": percentile(taken[system.name], 50),
            "p95_ms": percentile(taken[system.name], 95),
            **system.notes,
        }
        for system in systems
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
