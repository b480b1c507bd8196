"""The wheel, built from the checkout, installed elsewhere and used there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORD = "name[Aromi], eatType[pub], area[riverside]\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content; the packages that it needs are those of this process."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True)
    return folder


def run(installed: Path, *arguments: str, source: str = "") -> subprocess.CompletedProcess[str]:
    """``python arguments`` away from the checkout, with the installed wheel before all else."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=source,
        capture_output=True,
        text=True,
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )


def test_it_is_the_wheel_that_is_used(installed: Path) -> None:
    done = run(installed, "-c", "import d2t; print(d2t.__file__); print(d2t.__version__)")
    file, version = done.stdout.split()
    assert Path(file).is_relative_to(installed)
    assert version[0].isdigit()


def test_it_generates_checks_and_scores_with_the_data_it_brings(installed: Path) -> None:
    said = run(installed, "-m", "d2t", "generate", "--plan", "area,name,eatType", source=RECORD)
    assert said.returncode == 0, said.stderr
    record = json.loads(said.stdout)
    assert (record["status"], record["order_kept"]) == ("ok", True)
    checked = run(installed, "-m", "d2t", "check", "--max-ser", "0", source=said.stdout)
    assert checked.returncode == 0, checked.stderr
    stats = run(installed, "-m", "d2t", "data", "stats", "mini", "--json")
    assert stats.returncode == 0, stats.stderr
    viggo = run(installed, "-m", "d2t", "check", "--domain", "viggo", source='{"mr": "x"}')
    assert viggo.returncode == 3, "the other domain is there: its record is read, and is malformed"


def test_it_brings_guides_data_and_types_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    guides = {f"d2t/guides/{path.name}" for path in (ROOT / "d2t" / "guides").glob("*.md")}
    assert guides
    assert guides <= names
    assert {"d2t/py.typed", "d2t/_data/restaurant/lexicon.toml", "d2t/_data/corpora.toml"} <= names
    assert {f"d2t/_data/model/{name}" for name in ("d2t.json", "model.safetensors")} <= names
    assert not [name for name in names if name.startswith(("tests", "experiments", "data/"))]
    source = {str(path.relative_to(ROOT)) for path in (ROOT / "d2t").rglob("*.py")}
    assert source == {name for name in names if name.endswith(".py")}
