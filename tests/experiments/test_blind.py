"""Blind reading: what readers see names no arm, and their labels and the judges' are counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import DataError, UsageError
from experiments.engine.command import Places
from experiments.engine.steps import keep
from experiments.faithfulness import blind
from experiments.faithfulness.conseq import ConseqExperiment, Workspace, arm_file, outputs_file

if TYPE_CHECKING:
    from pathlib import Path

EXPERIMENT = ConseqExperiment.model_validate(
    {"title": "T", "results": "t", "corpus": "mini", "split": "dev", "n_mrs": 6, "seeds": [1],
     "base": {"strategy": "fp"}, "arms": [
         {"name": "mle", "label": "MLE", "kind": "base"}, {"name": "ser", "label": "SER"}]}
)  # fmt: skip
MR = "name[Aromi], eatType[pub], area[riverside]"


def places(tmp_path: Path) -> Places:
    """Outputs of both arms, and the statistics of what judges found: an error in every third."""
    made = Places(tmp_path / "out", tmp_path / "runs")
    space = Workspace(EXPERIMENT, made)
    for arm in EXPERIMENT.arms:
        path = outputs_file(made.runs, arm.name, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"id": str(at), "mr": MR, "text": f"Aromi, text {at}."}) for at in range(6)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        none = [[0.0, 3.0]] * 6
        rows: dict[str, Any] = dict.fromkeys(("missing", "wrong", "added", "repeated"), none)
        rows["missing"] = [[float(at % 3 == 0), 3.0] for at in range(6)]
        facts: dict[str, Any] = {"variety": {}, "training": None, "samples": []}
        keep(arm_file(made.out, arm, 1), space.identity(arm, 1), facts, rows)
    return made


def test_readers_see_no_arm_and_are_counted(tmp_path: Path) -> None:
    made, folder = places(tmp_path), tmp_path / "blind"
    blind.draw(EXPERIMENT, made, folder, ["mle", "ser"], 3, 1)
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    assert [set(item) for item in items] == [{"key", "mr", "text"}] * 6
    assert len({item["text"] for item in items}) == 6, "no MR twice"
    assert items[0]["mr"] == MR
    key = json.loads((folder / "key.json").read_text("utf-8"))
    assert sorted(whose["arm"] for whose in key.values()) == ["mle"] * 3 + ["ser"] * 3
    for name in ("A", "B"):  # A finds what the checker finds, B one slot more in the first text
        labels = []
        for item in items:
            error = key[str(item["key"])]["at"] % 3 == 0
            more = name == "B" and item["key"] == 0
            labels.append({"key": item["key"], "missing": ["area"] * error, "wrong": [],
                           "added": ["food"] * more, "broken": name == "A" and error})  # fmt: skip
        lines = "\n".join(map(json.dumps, labels))
        (folder / f"labels-{name}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "labels-C.jsonl").write_text(json.dumps(labels[0]), encoding="utf-8")  # not all
    again = folder / "labels-D.jsonl"
    again.write_text((folder / "labels-A.jsonl").read_text("utf-8"), encoding="utf-8")
    with pytest.raises(DataError, match="one reader, twice"):
        blind.report(EXPERIMENT, made, folder)
    again.unlink()
    text = blind.report(EXPERIMENT, made, folder)
    assert "missing (A)" in text
    assert "missing (C)" not in text
    found = {line.split(" | ")[0]: line.split(" | ") for line in text.splitlines()}
    header = found["| arm"]
    broken = [int(found[row][header.index("broken (A)")]) for row in found if "MLE" in row]
    expected = [w for w in key.values() if w["arm"] == "mle" and w["at"] % 3 == 0]
    assert broken == [len(expected)]
    [checker] = [line for line in text.splitlines() if line.startswith("| slot checker")]
    first_is_wrong = key["0"]["at"] % 3 == 0
    assert "100.0" in checker if first_is_wrong else "83.3" in checker
    with pytest.raises(UsageError, match="holds labels"):
        blind.draw(EXPERIMENT, made, folder, ["mle"], 3, 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"key": 0, "missing": 1}', "line 1: expected lists"),
        (
            '{"key": 0, "missing": [], "wrong": [], "added": [], "broken": false}\n{"key"',
            "line 2: no JSON",
        ),
        ('{"key": 7, "missing": [], "wrong": [], "added": []}', "drawn 'key'"),
        ("[0]", "drawn 'key'"),
        ('{"key": 0, "missing": [], "wrong": [], "added": []}', "true or false"),
        (None, "no reader"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(
    tmp_path: Path, lines: str | None, message: str
) -> None:
    if lines is not None:
        (tmp_path / "labels-A.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        blind.read_labels(tmp_path, {"0"})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([True, False], [True, False], 1.0),
        ([False, False], [False, False], 1.0),
        ([True, False, True, False], [True, True, False, False], 0.0),
        ([True, False], [False, True], -1.0),
    ],
)
def test_kappa_by_hand(first: list[bool], second: list[bool], expected: float) -> None:
    assert blind.kappa(first, second) == pytest.approx(expected)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--folder", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert blind.main(["draw", *arguments, "--arms", "nobody"]) == 2
    assert "no arm 'nobody'" in capsys.readouterr().err
    assert blind.main(["report", *arguments]) == 1
    assert "nothing was drawn" in capsys.readouterr().err
