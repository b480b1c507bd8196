"""``d2t self-train`` as a command: its configuration, its mistakes, and (slow) a whole run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MINI = Path(__file__).resolve().parents[2] / "experiments" / "self_training" / "mini.toml"


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from d2t.cli.main import main; main()", "self-train"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_shows_a_configuration_that_it_reads_back(tmp_path: Path) -> None:
    shown = run(str(MINI), "--show-config", "--set", "sample.target=77")
    assert shown.returncode == 0, shown.stderr
    assert "target = 77" in shown.stdout
    copy = tmp_path / "copy.toml"
    copy.write_text(shown.stdout, encoding="utf-8")
    assert run(str(copy), "--show-config").stdout == shown.stdout


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[sample]\ntargt = 3\n", encoding="utf-8")
    done = run(str(path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "unknown key 'sample.targt'; did you mean 'target'?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_whole_run_on_the_embedded_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    small = ["retrain.train.epochs=2", "sample.target=60", "base.run.threads=1"]
    sets = [part for assignment in small for part in ("--set", assignment)]
    done = run(str(MINI), "--out", str(folder), *sets, timeout=1700)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'round-1' / 'training' / 'bundle'}\n"
    report = json.loads((folder / "round-1" / "report.json").read_text(encoding="utf-8"))
    assert report["accepted"] >= 60
    assert report["retrained"]["select_metric"] == "score"
    again = run(str(MINI), "--out", str(folder), *sets, "--resume")
    assert again.returncode == 0
    assert again.stdout == done.stdout
