"""The figures with a bound: speed of the slot checker, start-up time of two commands."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import Any

from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker

FLOOR = 5000.0
_ROUNDS = 5  # of CPU time: other jobs on the machine do not count


def bench_checker() -> dict[str, Any]:
    """Check cleaned E2E dev where it is fetched, else the embedded corpus; the best of five rounds.

    The first round also pays for building the automaton as phrases occur; it is reported apart.
    """
    domain = load_domain("restaurant")
    data = "e2e_cleaned dev"
    try:
        examples = load_split("e2e_cleaned", "dev", domain)
    except DataError:
        data = "mini train"
        examples = load_split("mini", "train", domain)
    pairs = [(text, example.mr) for example in examples for text in example.references]
    started = time.process_time()
    checker = SlotChecker.for_domain(domain)
    load_s = time.process_time() - started
    speeds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for text, mr in pairs:
            checker.check(text, mr)
        speeds.append(len(pairs) / (time.process_time() - started))
    return {
        "name": "slot checker",
        "value": max(speeds),
        "unit": "utterances/s",
        "floor": FLOOR,
        "ratio": max(speeds) / FLOOR,
        "first_round": speeds[0],
        "load_s": load_s,
        "data": f"{data} ({len(pairs)} utterances)",
        "signature": checker.signature(),
    }


BUDGET_S = 0.4
_RUNS = 7
_COMMANDS = {
    "d2t --help": (["--help"], ""),
    "d2t check, one text": (
        ["check"],
        '{"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."}\n',
    ),
}


def bench_startup() -> list[dict[str, Any]]:
    """Median wall seconds of whole processes, each against the budget."""
    return [
        {
            "name": f"start-up of {name}",
            "value": (seconds := _seconds(arguments, text)),
            "unit": "s",
            "floor": BUDGET_S,
            "ratio": BUDGET_S / seconds,
            "data": f"median of {_RUNS} processes",
        }
        for name, (arguments, text) in _COMMANDS.items()
    ]


def _seconds(arguments: list[str], text: str) -> float:
    taken = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "d2t", *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        taken.append(time.perf_counter() - started)
    return median(taken)
