"""A command in a process of its own, with its memory watched while it runs."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generate_command import D2T

if TYPE_CHECKING:
    from collections.abc import Sequence

PERIOD = 0.05
"""Seconds between two looks."""


@dataclass(frozen=True)
class Watched:
    """What a command did.

    Attributes:
        exit_code: of the process.
        seconds: from its start to its end.
        work: seconds of its processor time, which a busy machine does not lengthen.
        first: most memory (MB) that it held in the first half of its time.
        second: and in the second half.
        stderr: the last 2,000 characters.
    """

    exit_code: int
    seconds: float
    work: float
    first: float
    second: float
    stderr: str

    @property
    def peak(self) -> float:
        """Most memory, MB."""
        return max(self.first, self.second)

    @property
    def growth(self) -> float:
        """By how much the second half needed more memory than the first, MB."""
        return self.second - self.first


def watched(command: Sequence[str], output: Path, *, seconds: float = 1200) -> Watched:
    """Run ``d2t`` with its standard output in a file.

    Raises:
        TimeoutError: it did not end in that time.
    """
    errors = output.with_suffix(".stderr")
    with output.open("wb") as out, errors.open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen([*D2T, *command], stdout=out, stderr=err)
        seen: list[tuple[float, float]] = []
        try:
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                at = time.monotonic() - began
                seen.append((at, _resident(process.pid)))
                if at > seconds:
                    raise TimeoutError(f"d2t {command[0]} ran for more than {seconds:g} s")
                time.sleep(PERIOD)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        took = time.monotonic() - began
    work = ended[2].ru_utime + ended[2].ru_stime
    halves = [[held for at, held in seen if (at < took / 2) == first] for first in (True, False)]
    first, second = (max(held, default=0.0) for held in halves)
    told = errors.read_text(encoding="utf-8", errors="replace")[-2000:]
    return Watched(process.returncode, took, work, first, second, told)


def _resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:  # it has just ended
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0
