"""`d2t generate --processes N`: the lines of one process, in its order, whatever happens in one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from d2t.errors import BackendError, DataError
from d2t.generate.job import answer_here, answering, is_bulk
from d2t.generate.stream import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N = 45
LINES = [
    json.dumps({"id": i, "mr": f"name[N{i}], priceRange[cheap], priceRange[high], eatType[pub]"})
    for i in range(N)
]
LINES[7] = '{"mr": "name["}'
GENERATE = [sys.executable, "-m", "d2t", "generate", "--batch-size", "2"]


def run(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GENERATE, *options, str(path)], capture_output=True, text=True)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(LINES) + "\n", "utf-8")
    return path


def test_two_processes_say_what_one_says(records: Path) -> None:
    one, two = run(records), run(records, "--processes", "2")
    assert one.returncode == two.returncode == 3, two.stderr
    assert two.stdout == one.stdout
    assert one.stdout.count("\n") == N
    assert one.stderr.split(";")[:2] == two.stderr.split(";")[:2]
    assert "1 bad line" in two.stderr


def test_strict_ends_all_at_the_first_bad_record(records: Path) -> None:
    done = run(records, "--processes", "2", "--strict")
    assert (done.returncode, done.stdout.count("\n")) == (1, 7)
    assert "Traceback" not in done.stderr


def _letters(window: str) -> str:
    if window == "die":
        os._exit(1)
    if window == "bad":
        raise DataError("not this one", line=4, code="of_its_own")
    return window.upper()


def _make() -> Callable[[str], str]:
    return partial(_letters)


def test_errors_come_in_their_turn_with_all_they_say() -> None:
    with answering(2, _make) as pool:
        answers = in_turn(answer_here, ["a", "b", "bad", "c"], at_a_time=2, pool=pool)
        assert [next(answers), next(answers)] == ["A", "B"]
        with pytest.raises(DataError, match="not this one") as error:
            next(answers)
    assert error.value.as_dict() == {
        "code": "of_its_own", "message": "not this one", "line": 4, "column": None,
    }  # fmt: skip


def test_a_process_that_dies_is_an_error_that_says_what_to_try() -> None:
    with pytest.raises(BackendError, match="--processes"), answering(2, _make) as pool:
        list(in_turn(answer_here, ["a", "die", "b"], at_a_time=2, pool=pool))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_ctrl_c_ends_all_processes_and_keeps_what_is_finished(tmp_path: Path) -> None:
    """Its input stays open; Ctrl-C reaches the whole group, as at a terminal."""
    path = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [*GENERATE, "--processes", "2", "-o", str(path)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("\n".join(LINES[:40]) + "\n")
    process.stdin.flush()
    partial_path = path.with_name("out.jsonl.partial")
    until = time.monotonic() + 120
    while not partial_path.exists() or partial_path.read_bytes().count(b"\n") < 32:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "--resume" in stderr


def test_only_long_files_are_worth_more_processes(tmp_path: Path, records: Path) -> None:
    assert not is_bulk("-")
    assert not is_bulk(str(records))
    long = tmp_path / "long.csv"
    with long.open("wb") as file:
        file.truncate(4_000_000)
    assert is_bulk(str(long))
