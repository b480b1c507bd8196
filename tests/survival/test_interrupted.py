"""Runs that are ended at random moments: what is left is a beginning, --resume makes the same."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from survival import D2T, PATIENCE_S, Marked, restaurants

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc"),
]
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
SMALL = Path(__file__).parents[1] / "support" / "train_small"


def generate(source: Path, output: Path, *options: str) -> list[str]:
    return [*D2T, "-q", "generate", str(source), "-o", str(output), "--batch-size", "8", *options]


def seconds_of(command: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - started


def test_generation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(21)
    source, whole = tmp_path / "in.jsonl", tmp_path / "whole.jsonl"
    source.write_text("".join(restaurants(1500)), "utf-8")
    lasts = [seconds_of(generate(source, whole, "--processes", n)) for n in "12"]
    expected = whole.read_bytes()
    counts: Counter[str] = Counter()
    for case in range(60):
        number, processes = SIGNALS[case % 3], 1 + case // 3 % 2
        output = tmp_path / f"out{case}.jsonl"
        partial = output.with_name(output.name + ".partial")
        run = Marked(generate(source, output, "--processes", str(processes)))
        time.sleep(rng.uniform(0, 1.1) * lasts[processes - 1])
        in_time = run.process.poll() is None
        run.signal(number)
        stderr = run.end()
        where = f"case {case}: {number.name}, {processes} processes\n{stderr}"
        assert not run.orphans(), where
        assert "Traceback" not in stderr or number != signal.SIGTERM, where
        if output.exists():
            assert output.read_bytes() == expected, where
            assert not partial.exists(), where
            counts["finished before"] += 1
        elif partial.exists():
            assert expected.startswith(partial.read_bytes().rpartition(b"\n")[0]), where
            counts["within the file"] += 1
        else:
            counts["before the file"] += 1
        assert in_time or output.exists(), where
        counts[number.name] += in_time
        done = subprocess.run(
            generate(source, output, "--processes", str(3 - processes), "--resume"),
            capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, where + done.stderr
        assert output.read_bytes() == expected, where
        assert not list(tmp_path.glob(f"{output.name}.*")), where
        output.unlink()
    with capsys.disabled():
        print(f"\ngenerate: 60 interrupted runs, {dict(counts)}, 0 failures")


def test_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(22)

    def train(folder: Path, *options: str) -> list[str]:
        settings = (
            "data.vocab_size=400", "model.width=16", "model.ffn=16", "model.heads=2",
            "train.batch_size=8", "train.max_steps=200", "select.every=25", "select.n_mrs=2",
            "select.n_pairs=10",
        )  # fmt: skip
        return [
            *D2T, "-q", "train", "--train", f"{SMALL}/train.csv", "--dev", f"{SMALL}/dev.csv",
            "--threads", "1", "--strategy", "if", "--out", str(folder), *options,
            *(word for setting in settings for word in ("--set", setting)),
        ]  # fmt: skip

    def weights(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.glob("bundle/*.safetensors")}

    lasts = seconds_of(train(tmp_path / "whole"))
    expected = weights(tmp_path / "whole")
    assert expected
    counts: Counter[str] = Counter()
    for case in range(10):
        number, folder = SIGNALS[case % 3], tmp_path / f"run{case}"
        run = Marked(train(folder))
        time.sleep(rng.uniform(0.3, 0.95) * lasts)
        run.signal(number)
        stderr = run.end()
        where = f"case {case}: {number.name}\n{stderr}"
        assert not run.orphans(), where
        finished = (folder / "run.json").is_file()
        saved = (folder / "checkpoint").exists()
        counts["finished before" if finished else "with checkpoint" if saved else "without"] += 1
        done = subprocess.run(
            train(folder, "--resume"), capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, where + done.stderr
        assert weights(folder) == expected, where
        assert (folder / "run.json").is_file(), where
    with capsys.disabled():
        print(f"\ntrain: 10 interrupted runs, {dict(counts)}, 0 failures")
