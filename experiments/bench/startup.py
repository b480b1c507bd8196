"""How long the commands that must start fast take to start."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import Any

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
