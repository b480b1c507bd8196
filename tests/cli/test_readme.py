"""The README's main jobs are executed, on the embedded corpus and with a tiny model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = (
    "--epochs 0.3 --set model.width=32 --set model.ffn=64 --set select.n_mrs=3 "
    "--set select.n_pairs=20 --set data.vocab_size=600"
)


def job_commands() -> list[str]:
    """The command lines of the bash blocks under "The three main jobs", comments cut."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## The three main jobs")[1].split("\n## ")[0]
    lines = "\n".join(re.findall(r"```bash\n(.*?)```", section, re.S)).splitlines()
    return [re.sub(r"\s+#.*$", "", line) for line in lines if line.strip()]


def adapt(command: str) -> str | None:
    """The same command on what a test may use: no network, seconds instead of minutes."""
    if command.startswith("d2t data fetch"):
        return None
    command = command.replace("e2e_cleaned", "mini")
    if command.startswith("d2t train"):
        command += f" {TINY}"
    if command.startswith("d2t evaluate all"):
        command += " --limit 6 --n-resamples 20"
    if command.startswith("d2t compare"):
        command += " --n-resamples 20"
    return command


@pytest.mark.timeout(600)
def test_the_main_jobs_of_the_readme_run(tmp_path: Path) -> None:
    commands = job_commands()
    for job in ("train", "generate", "check", "evaluate", "compare"):
        assert any(f"d2t {job}" in command for command in commands), job
    script = tmp_path / "d2t"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m d2t.cli.main "$@"\n')
    script.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    for command in filter(None, map(adapt, commands)):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # A model trained for seconds misses the gate that the README sets; nothing else may fail.
        allowed = (0, 4) if "--min-order" in command else (0,)
        assert done.returncode in allowed, f"{command}\n{done.stdout}\n{done.stderr}"
    outputs = (tmp_path / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["mr"]["name"] for line in outputs] == ["Aromi", "Zizzi"]


def test_no_placeholder_is_left_in_the_readme() -> None:
    assert "@@" not in (ROOT / "README.md").read_text(encoding="utf-8")
