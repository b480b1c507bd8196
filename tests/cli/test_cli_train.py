"""``d2t train`` as a command: stdout is the bundle, errors are one line with the right code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = Path(__file__).parents[1] / "support" / "train_small"
FAST = [
    "--train", f"{SMALL}/train.csv", "--dev", f"{SMALL}/dev.csv", "--threads", "1",
    "--set", "data.vocab_size=400", "--set", "model.width=16", "--set", "model.ffn=16",
    "--set", "model.heads=2", "--set", "train.batch_size=8", "--set", "select.n_mrs=2",
    "--set", "select.n_pairs=10",
]  # fmt: skip


def d2t(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from d2t.cli.main import main; main()", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(d2t(*arguments), capture_output=True, text=True, timeout=120, check=False)


def test_trains_and_prints_the_bundle(tmp_path: Path) -> None:
    done = run("train", *FAST, "--strategy", "if", "--set", "train.max_steps=4",
               "--out", str(tmp_path / "run"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'run' / 'bundle'}\n"
    assert "BLEU" in done.stderr
    again = run("train", *FAST, "--out", str(tmp_path / "run"))
    assert again.returncode == 1
    assert again.stdout == ""
    assert again.stderr.splitlines()[-1].startswith("d2t: error: ")
    assert "another --out" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "train.lrr=1"], "unknown key 'train.lrr'"),
        (["--strategy", "atx"], "unknown linearization strategy 'atx'"),
        (["nowhere.toml"], "no configuration file nowhere.toml"),
        (["--architecture", "lstm"], "model"),
        (["--pretrained", "x", "--set", "model.heads=3"], "model.heads"),
        (["--epochs", "inf"], "train.epochs: Input should be a finite number"),
        (
            ["--objective", "foo"],
            "objective: unknown training objective 'foo' (known: counterfactual",
        ),
        (["--objective", "conseq"], "defaults: contrastive training begins where"),
        (
            ["--objective", "counterfactual", "--set", "objective.pairs=a.jsonl"],
            """--set 'objective.pairs=["a.jsonl"]'""",
        ),
        (["--threads", "100000"], "--threads"),
    ],
)
def test_wrong_configurations_are_usage_errors(arguments: list[str], message: str) -> None:
    done = run("train", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_data_and_device(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "run")]
    done = run("train", "--train", "nowhere.csv", "--dev", "nowhere.csv", *out)
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr
    done = run("train", "--device", "toaster", *out)
    assert done.returncode == 1
    assert "toaster" in done.stderr


def test_show_config_needs_no_torch() -> None:
    code = (
        "import sys; from d2t.cli.main import app\n"
        "try: app(['train', '--show-config', '--seed', '7'])\n"
        "except SystemExit: pass\n"
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "seed = 7" in done.stdout
    assert "[train]" in done.stdout


def test_ctrl_c_saves_and_resume_finishes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = d2t("train", *FAST, "--set", "train.max_steps=60", "--set", "select.every=50",
                  "--set", "run.log_every=1", "--out", str(folder))  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    deadline = time.monotonic() + 60
    for line in process.stderr:
        if line.startswith("step 3/") or time.monotonic() > deadline:
            break
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert not (folder / "run.json").exists()
    assert not list(folder.rglob("*.tmp"))
    resumed = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, timeout=120, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming at step" in resumed.stderr
    assert (folder / "run.json").exists()


def test_help_ends_with_an_example() -> None:
    assert "d2t train --corpus mini" in run("train", "--help").stdout
