"""The shapes experiment: every trained row is timed and reported, one with fewer pieces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.resources import shipped_model
from d2t.mr.domain import load_domain
from experiments.shapes.__main__ import main, restricted_generator
from experiments.table import TableConfig

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_shapes_differ() -> None:
    table = TableConfig.read(ROOT / "experiments" / "shapes" / "shapes.toml")
    assert len({table.train_config(row).digest() for row in table.rows}) == len(table.rows)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = ['title = "Two"', 'results = "two"', "[train.data]", 'corpus = "mini"']
    for name in ("one", "two", "absent"):
        lines += ["[[rows]]", f'name = "{name}"', f'label = "The {name}"']
    path = tmp_path / "two.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def trained(folder: Path, bleu: float) -> None:
    """A row as ``experiments.table`` leaves it, with the weights that ship."""
    shutil.copytree(shipped_model(), folder / "training" / "bundle")
    run = {"git": {"sha": "0"}, "seeds": [1], "metrics": {}, "train_wall_s": 1.0}
    (folder / "training" / "run.json").write_text(json.dumps(run))
    names = ("bleu", "slot_error_rate", "order_accuracy")
    report = {"report": {"metrics": {name: {"score": bleu} for name in names}}}
    for setting in ("own", "random"):
        (folder / f"scores-{setting}.json").write_text(json.dumps(report))


def test_trained_rows_are_timed_and_stand_beside_their_scores(
    table: Path, tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    trained(runs / "one", 40.0)
    trained(runs / "two", 39.0)
    asked = ["--table", str(table), "--runs", str(runs), "--out", str(out)]
    assert main([*asked, "--rounds", "1", "--seconds", "0.01", "--pool", "16"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    found = json.loads((out / "speed.json").read_text())["metrics"]["shapes"]
    assert [entry["system"] for entry in found] == [
        "The one", "The two", "no more pieces than needed",
    ]  # fmt: skip
    assert [entry.get("scores", {}).get("BLEU", {}).get("score") for entry in found] == [
        40,
        39,
        None,
    ]
    assert all(entry["sentences_per_s"] > 0 and entry["p50_ms"] > 0 for entry in found)
    assert "| 39.00 | 39.00 | 39.00 | 39.00 |" in (out / "speed.md").read_text()


def test_nothing_to_time_is_an_error(
    table: Path, tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    assert main(["--table", str(table), "--runs", str(tmp_path)]) == 1
    assert "experiments.table" in capsys.readouterr().err


def test_a_restricted_vocabulary_leaves_the_other_pieces_out(tmp_path: Path) -> None:
    """With the pieces of its answers it says the same; without one of them it cannot."""
    pytest.importorskip("ctranslate2")
    domain = load_domain("restaurant")
    mr = load_split("mini", "dev", domain)[0].mr
    generator = load(shipped_model(), engine="ctranslate2", threads=1)
    tokenizer = generator.bundle.tokenizer
    free = generator.candidates([GenerationRequest("1", mr)])[0][0]
    needed = list(dict.fromkeys(tokenizer.pieces(tokenizer.encode_target(free.template))))

    def said(allowed: list[str], name: str) -> str:
        folder = tmp_path / name
        shutil.copytree(shipped_model() / "ctranslate2", folder)
        restricted = restricted_generator(generator.bundle, folder, allowed)
        return restricted.candidates([GenerationRequest("1", mr)])[0][0].template

    assert said(needed, "all") == free.template
    assert said(needed[1:], "fewer") != free.template
