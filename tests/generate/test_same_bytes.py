"""The same bytes whatever the batch, the threads, the workers, the processes and the hash seed.

The records are of kinds that need repairs. The model is the shipped one without its frames, so that
samples are among the repairs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from d2t.io.resources import shipped_model

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("Bistro 21", "No. 9", "The Hand and Flowers", "8 Dragons", "Zest 44")
VALUES = {
    "food": ("burgers", "seafood", "Thai"),
    "priceRange": ("from £8", "$10-20", "cheap"),
    "customer rating": ("three stars", "A+", "low"),
    "area": ("Soho", "District 5", "riverside"),
    "familyFriendly": ("yes", "no"),
    "near": ("Pier 1", "Burger King"),
}
SETTINGS = {
    "batch 5": ["--batch-size", "5"],
    "one thread": ["--threads", "1"],
    "one worker": ["--workers", "1"],
    "two processes": ["--processes", "2"],
}


def records(n: int) -> str:
    draw = random.Random(7)
    lines = []
    for i in range(n):
        slots = {"name": f"{draw.choice(NAMES)} {i}"}
        slots |= {name: draw.choice(values) for name, values in VALUES.items()}
        order = draw.sample(list(slots), len(slots))
        plan = f"{', '.join(order[:4])} | {', '.join(order[4:])}"
        lines.append(json.dumps({"id": f"r{i}", **slots, "plan": plan}) + "\n")
    return "".join(lines)


def generate(model: Path, source: Path, *options: str, hash_seed: str = "0") -> bytes:
    command = [sys.executable, "-m", "d2t", "generate", str(source), "--model", str(model)]
    command += options
    return subprocess.run(
        command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}
    ).stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("same") / "records.jsonl"
    path.write_text(records(90), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    shutil.copytree(shipped_model(), folder)
    (folder / "domain" / "frames.toml").unlink()
    contents = json.loads((folder / "d2t.json").read_text(encoding="utf-8"))
    del contents["files"]["domain/frames.toml"]
    (folder / "d2t.json").write_text(json.dumps(contents), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def expected(model: Path, source: Path) -> bytes:
    return generate(model, source)


def test_some_texts_are_sampled(expected: bytes) -> None:
    stages = [json.loads(line)["stage"] for line in expected.splitlines()]
    assert {"sampled", "resampled"} & set(stages)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_bytes_do_not_depend_on_how_the_work_is_done(
    model: Path, source: Path, expected: bytes, setting: str
) -> None:
    assert generate(model, source, *SETTINGS[setting], hash_seed="7") == expected
