"""`d2t train-qa` and `d2t evaluate qa` as commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tiny_qa import tiny_model
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.judges.qa.model import QAModel

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

RECORDS = [
    {"id": "a", "mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."},
    {"id": "b", "mr": "name[Zizzi], food[Thai]", "text": "Zizzi serves Thai food."},
]


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=input, catch_exceptions=True)


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qa") / "model"
    tiny_model().save(folder)
    return folder


def test_train_qa_writes_a_model(tmp_path: Path) -> None:
    out = tmp_path / "qa"
    arguments = ["--corpus", "mini", "--limit", "12", "--epochs", "0.5", "--width", "16"]
    result = run(
        "train-qa", *arguments, "--out", str(out), "--json", "--seed", "3", "--distracted", "0.9"
    )
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["path"] == str(out)
    assert facts["utterances"] == 12
    assert facts["settings"]["seed"] == 3
    assert facts["dev"]["dev_loss"] > 0
    assert 0.9 in facts["settings"]["draws"]
    assert len(facts["distractors"]) == 64
    assert QAModel.load(out).network.config.width == 16


def test_train_qa_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    result = run("train-qa", "--corpus", "mini", "--out", str(tmp_path / "x"), "--width", "11")
    assert result.exit_code == 2
    assert "--width 11" in result.stderr
    result = run("train-qa", "--corpus", "mini", "--out", str(tmp_path / "x"), "--epochs", "inf")
    assert result.exit_code == 2
    assert "--epochs inf" in result.stderr
    (tmp_path / "thesis.tex").write_text("years of work")
    result = run("train-qa", "--corpus", "mini", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    folder = tmp_path / "domain"
    folder.mkdir()
    (folder / "domain.toml").write_text('name = "d"\n[slots.name]\nkind = "open"\n')
    out = str(tmp_path / "y")
    result = run("train-qa", "--corpus", "mini", "--domain", str(folder), "--out", out)
    assert result.exit_code == 1
    assert "questions.toml" in result.stderr


def test_evaluate_qa_writes_a_line_a_record_and_the_summary_on_stderr(model: Path) -> None:
    result = run("evaluate", "qa", "-", "--model", str(model), input=lines(*RECORDS))
    assert result.exit_code == 0, result.stderr
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["id"], second["id"]) == ("a", "b")
    assert first["text"] == RECORDS[0]["text"]
    assert set(first["quals"]) == {
        "precision", "recall", "sum", "mean", "worst", "pairs", "failing"
    }  # fmt: skip
    assert set(first["consistency"]) >= {"precision", "recall", "f1", "missing", "worst_log_p"}
    assert set(first["questeval"]) == {"precision", "recall", "score"}
    assert "consistency_f1: " in result.stderr
    assert "2 records; records/s: quals" in result.stderr
    assert "QA|dom:restaurant@" in result.stderr


def test_lines_do_not_depend_on_the_batch_nor_on_the_mode(model: Path) -> None:
    def scored(*options: str) -> list[dict[str, Any]]:
        result = run("evaluate", "qa", "--model", str(model), *options, input=lines(*RECORDS))
        assert result.exit_code == 0, result.stderr
        return [json.loads(line)["consistency"] for line in result.stdout.splitlines()]

    alone = scored("--batch-size", "1", "--mode", "consistency")
    assert len(alone) == len(RECORDS)
    for one, other in zip(scored(), alone, strict=True):
        assert one["f1"] == other["f1"]
        assert one["mean_log_p"] == pytest.approx(other["mean_log_p"], abs=1e-3)


def test_json_prints_the_summary_alone(model: Path) -> None:
    arguments = ["--model", str(model), "--mode", "quals", "--propose", "diverse", "--json"]
    result = run("evaluate", "qa", *arguments, "--seed", "5", input=lines(RECORDS[0]))
    summary = json.loads(result.stdout)
    assert summary["n"] == 1
    assert summary["bad_lines"] == 0
    assert "quals_worst" in summary["metrics"]
    assert "propose:diverse" in summary["signature"]
    assert set(summary["records_per_s"]) == {"quals"}


def test_a_bad_line_is_an_error_object_in_its_place_and_the_stream_goes_on(model: Path) -> None:
    data = lines(RECORDS[0], {"id": "x", "text": "no MR"}) + "{\n" + lines(RECORDS[1])
    arguments = ["--model", str(model), "--mode", "consistency", "--batch-size", "2"]
    result = run("evaluate", "qa", *arguments, input=data)
    assert result.exit_code == 3
    read = list(map(json.loads, result.stdout.splitlines()))
    assert [line["id"] for line in read] == ["a", "x", "2", "b"]
    assert [line.get("error", {}).get("line") for line in read] == [None, 2, 3, None]
    assert "2 records, 2 bad lines" in result.stderr
    assert run("evaluate", "qa", *arguments, "--strict", input=data).exit_code == 1


def test_gates_and_usage(model: Path) -> None:
    data = lines(*RECORDS)
    arguments = ["--model", str(model), "--mode", "consistency"]
    assert run("evaluate", "qa", *arguments, "--min-f1", "0", input=data).exit_code == 0
    missed = run("evaluate", "qa", *arguments, "--min-f1", "101", input=data)
    assert missed.exit_code == 4
    assert "below --min-f1 101" in missed.stderr
    assert run("evaluate", "qa", *arguments, "--min-f1", "1", input="").exit_code == 4
    assert run("evaluate", "qa", input=data).exit_code == 2
    assert run("evaluate", "qa", *arguments, "--threshold", "nan", input=data).exit_code == 2
    assert run("evaluate", "qa", *arguments, "--threads", "100000", input=data).exit_code == 2
    wrong_mode = ["--model", str(model), "--mode", "quals", "--min-f1", "1"]
    assert run("evaluate", "qa", *wrong_mode, input=data).exit_code == 2


def test_a_folder_that_holds_no_model_says_how_to_train_one(tmp_path: Path) -> None:
    result = run("evaluate", "qa", "--model", str(tmp_path), input=lines(*RECORDS))
    assert result.exit_code == 1
    assert "d2t train-qa" in result.stderr
