"""Whole processes, measured from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Child:
    """One process from start to exit; ``peak_mb`` in 10^6 bytes."""

    wall_s: float
    peak_mb: float
    stdout: str


def run_child(arguments: Sequence[str], text: str = "") -> Child:
    """Run ``python ARGUMENTS`` in the checkout with ``text`` as its input.

    Raises:
        RuntimeError: it failed; the message ends as its stderr does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        reply = Path(scratch) / "reply.json"
        done = subprocess.run(
            [sys.executable, str(_LAUNCHER), str(reply), sys.executable, *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        measured = json.loads(reply.read_text(encoding="utf-8")) if reply.is_file() else {"code": 1}
    if measured["code"]:
        raise RuntimeError(f"python {' '.join(arguments)}: {done.stderr[-2000:]}")
    return Child(measured["wall_s"], measured["peak_mb"], done.stdout)
