"""One timer for all benchmarks: systems take turns in rounds, commands run in fresh processes.

``python timing.py COMMAND...`` is the launcher of ``run_child``.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experiments.bench.generation import Options, Pool

S = TypeVar("S")
T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


def timed(
    work: Callable[..., T], *arguments: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, T]:
    """Seconds that the call takes, and its result."""
    started = clock()
    result = work(*arguments)
    return clock() - started, result


def rounds(items: Sequence[S], run: Callable[[S, int], T | None], n: int) -> list[list[T]]:
    """The results of ``run(item, round)`` for each item, over ``n`` rounds.

    The items are interleaved, so that whatever else the machine does slows all of them alike. Every
    other round goes backwards, so that no item always follows the same neighbour. Where the result
    is None, the item sat out the round.
    """
    results: list[list[T]] = [[] for _ in items]
    for number in range(n):
        places = range(len(items))
        for at in reversed(places) if number % 2 else places:
            result = run(items[at], number)
            if result is not None:
                results[at].append(result)
    return results


@dataclass(frozen=True, slots=True)
class System:
    """Something that generates texts for records.

    Attributes:
        name: unique; shown in the table.
        batch: the most records that are searched together.
        say: generates for the records at these places of the pool; returns the number of tokens.
        notes: JSON-able facts beside the figures.
        whole: a turn has one whole batch at least, however long that takes. Otherwise a slow system
            is measured with smaller batches, and the results say how large they were.
    """

    name: str
    batch: int
    say: Callable[[Sequence[int]], int]
    notes: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


def throughput(systems: Sequence[System], pool: Pool, options: Options) -> list[dict[str, Any]]:
    """Median sentences and tokens per second of each system over the rounds."""
    sizes = {system.name: _size(system, pool, options) for system in systems}

    def turn(system: System, number: int) -> tuple[float, float]:
        places = pool.turn(number + 1, sizes[system.name])
        seconds, n_tokens = timed(system.say, places)
        return len(places) / seconds, n_tokens / seconds

    rows = []
    for system, rates in zip(systems, rounds(systems, turn, options.rounds), strict=True):
        sentences, tokens = zip(*rates, strict=True)
        rows.append({
            "system": system.name,
            "batch": min(system.batch, sizes[system.name]),
            "records": sizes[system.name],
            "sentences_per_s": median(sentences),
            "tokens_per_s": median(tokens),
            "lowest": min(sentences),
            "highest": max(sentences),
            **system.notes,
        })  # fmt: skip
    return rows


def _size(system: System, pool: Pool, options: Options) -> int:
    """How many records take the system about ``options.seconds``; whole batches where it can."""
    system.say(pool.turn(0, 1))  # the first call also pays for what later calls find ready
    n, most = 1, 4 * len(pool.requests)
    while True:
        seconds, _ = timed(system.say, pool.turn(0, n))
        if seconds > options.seconds / 4 or n >= most:
            break
        n *= 4
    wanted = min(max(1, round(n / seconds * options.seconds)), most)
    if system.whole and not options.quick:
        wanted = max(wanted, system.batch)
    size = wanted // system.batch * system.batch or wanted
    print(f"  {system.name}: {size} records a turn", file=sys.stderr)
    return size


def single_requests(
    systems: Sequence[System], pool: Pool, options: Options
) -> list[dict[str, Any]]:
    """Latency of one record at a time in milliseconds; slow systems get fewer, evenly spread."""
    counts = {}
    for system in systems:
        system.say(pool.turn(0, 1))
        seconds, _ = timed(system.say, pool.turn(1, 1))
        counts[system.name] = min(options.singles, max(3, int(options.single_s / seconds)))
    most = max(counts.values())

    def turn(system: System, number: int) -> float | None:
        n = counts[system.name]
        if number * n // most == (number + 1) * n // most:
            return None
        return 1000 * timed(system.say, pool.turn(number + 2, 1))[0]

    return [
        {
            "system": system.name,
            "requests": len(taken),
            "p50_ms": percentile(taken, 50),
            "p95_ms": percentile(taken, 95),
            **system.notes,
        }
        for system, taken in zip(systems, rounds(systems, turn, most), strict=True)
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` % of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


class Child(NamedTuple):
    """One process from start to exit; ``peak_mb`` in 10^6 bytes."""

    wall_s: float
    peak_mb: float
    stdout: str


def run_child(arguments: Sequence[str], text: str = "") -> Child:
    """Run ``python ARGUMENTS`` in the checkout with ``text`` as its input.

    A launcher stands between, because Linux hands the high-water mark of a forking parent down to
    its child: a child of the benchmarks themselves would report their memory, not its own.

    Raises:
        RuntimeError: the process failed; the message ends with the end of its stderr.
    """
    command = [sys.executable, __file__, sys.executable, *arguments]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    errors, _, reply = done.stderr.rstrip("\n").rpartition("\n")
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)}: {errors[-2000:]}")
    return Child(**json.loads(reply), stdout=done.stdout)


def _launch(command: Sequence[str]) -> int:
    """Run the command; wall time and peak memory follow on stderr as a line of JSON.

    The peaks of a command's processes are added up (Linux; elsewhere the largest one counts).
    """
    peaks: dict[int, int] = {}
    started = time.perf_counter()
    child = subprocess.Popen(command)
    threading.Thread(target=_watch, args=(child.pid, peaks), daemon=True).start()
    code = child.wait()
    wall_s = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    largest = unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak_mb = max(largest, sum(list(peaks.values()))) / 1e6
    print("\n" + json.dumps({"wall_s": wall_s, "peak_mb": peak_mb}), file=sys.stderr)
    return code


def _watch(pid: int, peaks: dict[int, int]) -> None:
    while True:
        time.sleep(0.1)
        _note_peaks(pid, peaks)


def _note_peaks(pid: int, peaks: dict[int, int]) -> None:
    """The most bytes that the process and all below it have had in memory so far."""
    with suppress(OSError):  # one of them has ended meanwhile
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                peaks[pid] = 1024 * int(line.split()[1])
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text(encoding="utf-8").split():
                _note_peaks(int(child), peaks)


if __name__ == "__main__":
    sys.exit(_launch(sys.argv[1:]))
