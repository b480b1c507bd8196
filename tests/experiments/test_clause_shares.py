"""The clause experiment counts texts by fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from experiments.clauses import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_faulty_texts_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = (
        "Aromi is a pub.", "There is a pub is called Aromi.", "A pub called Aromi.", "Aromi is.",
    )  # fmt: skip
    outputs = tmp_path / "outputs.jsonl"
    rows = [{"mr": "name[Aromi], eatType[pub]", "text": text} for text in texts]
    outputs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main([str(outputs), "--corpus", "mini", "--references"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[0] == {
        "texts": str(outputs), "n": 4, "faulty": 50.0,
        "faults": {"too_many_verbs": 25.0, "no_verb": 25.0}, "bad": 0,
    }  # fmt: skip
    assert [entry["texts"] for entry in found[1:]] == [
        "mini, train references",
        "mini, dev references",
    ]
    assert all(entry["n"] > 100 for entry in found[1:])


def test_a_missing_file_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.jsonl", "--corpus", "mini"]) != 0
    assert "nowhere.jsonl" in capsys.readouterr().err
