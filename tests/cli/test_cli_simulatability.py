"""`d2t evaluate simulatability`: reports, bad input, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

pytestmark = pytest.mark.usefixtures("hasty")

NAMES = ("Aromi", "Zizzi", "Cotto", "Strada", "Cocum", "Giraffe", "Wildwood", "Clowns")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observers that learn next to nothing: the numbers are tested elsewhere."""
    monkeypatch.setattr("d2t.judges.observer.simulator._FEWEST_STEPS", 2)


def outputs(path: Path, *, said: bool = True) -> Path:
    lines = []
    for k, name in enumerate(NAMES):
        kind, price = ("pub", "coffee shop")[k % 2], ("cheap", "high")[k % 3 % 2]
        text = f"{name} is a {price} {kind}." if said or k % 2 else f"{name} is a {kind}."
        mr = f"name[{name}], eatType[{kind}], priceRange[{price}]"
        lines.append(json.dumps({"mr": mr, "text": text, "plan": "name,priceRange,eatType"}))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def run(*args: str | Path) -> Result:
    words = ["evaluate", "simulatability", *map(str, args), "--folds", "2", "--n-resamples", "20"]
    return CliRunner().invoke(app, words)


def test_json_report(tmp_path: Path) -> None:
    result = run(outputs(tmp_path / "o.jsonl"), "--json", "--seed", "3")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["target"], report["n_items"], report["n_units"]) == ("value", 16, 8)
    assert report["leaking"]["n"] + report["nonleaking"]["n"] == 16
    assert set(report["accuracy"]) == {"both", "input", "rationale"}
    assert set(report["by_slot"]) == {"eatType", "priceRange"}
    assert "|y:value|folds:2|" in report["signature"]
    assert run(outputs(tmp_path / "o.jsonl"), "--json", "--seed", "3").stdout == result.stdout


def test_table_of_what_is_verbalised(tmp_path: Path) -> None:
    result = run(outputs(tmp_path / "o.jsonl", said=False), "--target", "verbalised")
    assert result.exit_code == 0, result.stderr
    assert "| priceRange |" in result.stdout
    assert "balanced accuracy" in result.stdout
    assert "|y:verbalised|" in result.stdout


def test_bad_lines_are_counted(tmp_path: Path) -> None:
    path = outputs(tmp_path / "o.jsonl")
    path.write_text(path.read_text("utf-8") + '{"mr": "name["}\n', "utf-8")
    result = run(path)
    assert result.exit_code == 3
    assert "line 9" in result.stderr
    assert run(path, "--strict").exit_code == 1


@pytest.mark.parametrize("target", ["value", "verbalised"])
def test_bad_lines_are_why_there_is_nothing_to_simulate(tmp_path: Path, target: str) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"mr": "name[Aromi], eatType[pub]"}\n' * 3, "utf-8")
    result = run(path, "--target", target)
    assert result.exit_code == 1
    assert "all 3 lines are bad; the first: " in result.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [("value", "no value to be simulated"), ("verbalised", "nothing to predict")],
)
def test_what_cannot_be_simulated(tmp_path: Path, target: str, message: str) -> None:
    path = tmp_path / "o.jsonl"
    line = {"mr": "name[Aromi]", "text": "Aromi.", "plan": ["name"]}
    path.write_text(json.dumps(line) + "\n", "utf-8")
    result = run(path, "--target", target)
    assert result.exit_code == 1
    assert message in result.stderr


def test_usage(tmp_path: Path) -> None:
    assert run(outputs(tmp_path / "o.jsonl"), "--target", "plan").exit_code == 2
    assert run(tmp_path / "none.jsonl").exit_code == 1
    same = outputs(tmp_path / "o.jsonl")
    result = run(same, "--train", same)
    assert result.exit_code == 1
    assert "other MRs" in result.stderr
