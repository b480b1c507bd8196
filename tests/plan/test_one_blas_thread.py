"""Threads of two libraries wait for each other on a busy machine; a planner needs only its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from threadpoolctl import threadpool_info
import numpy
import d2t
d2t.load()("name[Aromi], food[Thai], area[riverside]")
print({p["num_threads"] for p in threadpool_info() if "numpy" in p["filepath"]} or {1})
"""


def test_numpy_multiplies_in_one_thread_once_a_planner_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{1}"
