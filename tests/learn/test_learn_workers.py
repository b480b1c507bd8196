"""Two processes train the model that one process trains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.slow
SMALL = Path(__file__).parents[1] / "support" / "train_small"
RUN = "import sys; from d2t.cli.main import main; main()"
SETTINGS = [
    "--train", f"{SMALL}/train.csv", "--dev", f"{SMALL}/dev.csv", "--threads", "1",
    "--device", "cpu", "--set", "data.vocab_size=400", "--set", "model.width=16",
    "--set", "model.ffn=16", "--set", "model.heads=2", "--set", "train.batch_size=8",
    "--set", "select.n_mrs=2", "--set", "select.n_pairs=10", "--set", "train.max_steps=12",
    "--set", "model.dropout=0", "--set", "train.precision=fp32", "--set", "select.every=6",
]  # fmt: skip


def test_two_workers_compute_what_one_computes(tmp_path: Path) -> None:
    script = tmp_path / "entry.py"
    script.write_text(RUN, encoding="utf-8")
    one = [sys.executable, str(script), "train", *SETTINGS, "--out", str(tmp_path / "one")]
    # On CPUs `accelerate launch` wants MPI; torch's launcher sets the same environment.
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2",
              "--master_port", "29511"]  # fmt: skip
    two = [*launch, str(script), "train", *SETTINGS, "--out", str(tmp_path / "two")]
    for command in (one, two):
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "two" / "run.json").read_text(encoding="utf-8").count('"workers": 2') == 1
    first, second = (final_metrics(tmp_path / name) for name in ("one", "two"))
    assert second["train_loss"] == pytest.approx(first["train_loss"], abs=1e-4)
    assert second["dev_loss"] == pytest.approx(first["dev_loss"], abs=1e-4)
    mine, theirs = (
        load_file(tmp_path / name / "bundle" / "model.safetensors") for name in ("one", "two")
    )
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        # The bias of attention keys has no gradient but rounding, which Adam blows up to its step.
        if not name.endswith(("qkv.bias", "kv.bias")):
            torch.testing.assert_close(theirs[name], tensor, atol=1e-3, rtol=1e-2, msg=name)


def final_metrics(folder: Path) -> dict[str, float]:
    last = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return dict(json.loads(last))
