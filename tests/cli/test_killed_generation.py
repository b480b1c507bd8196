"""A process that is killed, not asked to stop: its file is a prefix, ``--resume`` completes it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

N = 70
WINDOW = 16  # 8 batches of 2
PATIENCE_S = 120
RECORDS = [f'{{"id": "r{i}", "mr": "name[N{i}], area[riverside]"}}\n' for i in range(N)]


def command(output: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "d2t.cli.main", "generate", "--batch-size", "2", *options,
        "-o", str(output),
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_run_leaves_a_prefix_that_is_completed_without_duplicates(tmp_path: Path) -> None:
    """Its input stays open, so that it is killed while it waits, whatever the machine's speed."""
    whole, path = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    everything = "".join(RECORDS)
    done = subprocess.run(command(whole), input=everything, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr

    process = subprocess.Popen(command(path), stdin=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write("".join(RECORDS[: 2 * WINDOW + 5]))
    process.stdin.flush()
    partial = path.with_name("out.jsonl.partial")
    until = time.monotonic() + PATIENCE_S
    while not partial.exists() or partial.read_bytes().count(b"\n") < 2 * WINDOW:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()

    assert not path.exists()
    kept = partial.read_bytes()
    assert whole.read_bytes().startswith(kept)
    with open(partial, "ab") as stream:
        stream.write(whole.read_bytes()[len(kept) : len(kept) + 30])  # killed while it wrote
    resumed = subprocess.run(
        command(path, "--resume"), input=everything, text=True, capture_output=True
    )
    assert resumed.returncode == 0, resumed.stderr
    assert path.read_bytes() == whole.read_bytes()
    ids = [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]
    assert ids == [f"r{i}" for i in range(N)]
