"""Processes of d2t that are ended from outside: records for them, and a search for orphans."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

D2T = [sys.executable, "-m", "d2t"]
PATIENCE_S = 120
_MARKER = "D2T_TEST_RUN"
_VALUES = {
    "eatType": ("pub", "restaurant", "coffee shop"),
    "food": ("Chinese", "English", "French", "Indian", "Italian", "Japanese"),
    "priceRange": ("cheap", "moderate", "high", "less than £20", "more than £30"),
    "customer rating": ("low", "average", "high", "1 out of 5", "5 out of 5"),
    "area": ("city centre", "riverside"),
    "familyFriendly": ("yes", "no"),
    "near": ("Burger King", "Café Rouge", "The Bakers"),
}


def restaurants(n: int, seed: int = 0) -> list[str]:
    """``n`` JSON lines with slots drawn at random."""
    rng = random.Random(seed)
    lines = []
    for at in range(n):
        record = {"id": f"r{at}", "name": rng.choice(("Aromi", "Zizzi", "The Mill", "Blue Spice"))}
        for slot, values in _VALUES.items():
            if rng.random() < 0.5:
                record[slot] = rng.choice(values)
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return lines


class Marked:
    """A process in a group of its own, whose children can be found by a mark they inherit."""

    def __init__(self, command: Sequence[str]) -> None:
        self._mark = f"{_MARKER}={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, name: value}, start_new_session=True,
        )  # fmt: skip

    def signal(self, number: signal.Signals) -> None:
        """Ctrl-C reaches the whole group, as at a terminal; the others the first process only."""
        if self.process.poll() is not None:
            return
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def end(self) -> str:
        """Wait for the end; what it wrote on standard error."""
        return self.process.communicate(timeout=PATIENCE_S)[1]

    def running(self) -> list[int]:
        """Processes that carry the mark."""
        mine = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and self._mark.encode() in (
                    (folder / "environ").read_bytes().split(b"\0")
                ):
                    mine.append(int(folder.name))
            except OSError:  # it ended, or is another user's
                continue
        return mine

    def orphans(self, patience_s: float = 20) -> list[int]:
        """Processes that are left some time after the end of the first."""
        until = time.monotonic() + patience_s
        while (left := self.running()) and time.monotonic() < until:
            time.sleep(0.02)
        return left
