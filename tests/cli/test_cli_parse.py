"""`d2t train-parser`, `d2t parse`, `d2t train-lm` and `d2t evaluate --lm` as commands."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.corpus.load import load_split
from d2t.language.ngram import NgramLanguageModel
from d2t.mr.domain import load_domain

TEXTS = ["Aromi is a cheap pub by the river.", "Quux Inn serves Thai food."]


def run(*arguments, input=None):
    return CliRunner().invoke(app, list(arguments), input=input, catch_exceptions=True)


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def parser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parsers") / "parser"
    arguments = ["--corpus", "mini", "--limit", "400", "--epochs", "4", "--out", str(folder)]
    result = run("train-parser", *arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{folder}\n"
    assert "dev against the MRs as given: F1" in result.stderr
    assert "dev against what the rule checker reads: F1" in result.stderr
    return folder


def test_a_learned_parser_reads_texts(parser):
    data = lines({"id": "x", "text": TEXTS[0]}, {"text": TEXTS[1], "mr": "name[Quux Inn]"})
    result = run("parse", "--model", str(parser), "--min-confidence", "1", input=data)
    assert result.exit_code == 0, result.stderr
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["id"] == "x"
    assert first["text"] == TEXTS[0]
    assert first["mr"]["name"] == "Aromi"
    assert second["mr"]["name"] == "Quux Inn"
    assert 0.5 <= first["confidence"] < 1
    assert first["sure"] is False
    likely = {(s["slot"], s["value"]) for s in first["slots"] if s["probability"] >= 0.5}
    assert ("name", None) in likely
    assert set(first["mr"]) <= {name for name, _ in likely}  # a name needs a span as well


def test_the_rules_read_texts_without_an_mr():
    result = run("parse", "--rules", input=lines({"text": TEXTS[0]}))
    (read,) = map(json.loads, result.stdout.splitlines())
    assert read["mr"]["eatType"] == "pub"
    assert read["mr"]["area"] == "riverside"
    assert read["spans"][0] == {"slot": "name", "value": "Aromi", "start": 0, "end": 5}


def test_a_bad_line_is_an_error_object_and_the_stream_goes_on():
    data = (
        lines({"id": 1, "text": TEXTS[0]}, {"id": 2, "mr": "name[A]"})
        + "{\n"
        + lines({"id": 4, "text": ""})
    )
    result = run("parse", "--rules", "--batch-size", "2", input=data)
    assert result.exit_code == 3
    read = list(map(json.loads, result.stdout.splitlines()))
    assert [line["id"] for line in read] == ["1", "2", "2", "4"]
    assert [line.get("error", {}).get("line") for line in read] == [None, 2, 3, None]
    assert read[3]["mr"] == {}
    assert run("parse", "--rules", "--strict", input=data).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--rules", "--model", "somewhere"],
        ["--model", "somewhere", "--domain", "restaurant"],
    ],
)
def test_one_reader_must_be_chosen(arguments):
    result = run("parse", *arguments, input=lines({"text": "a"}))
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_folder_without_a_parser_is_one_line_of_error(tmp_path):
    result = run("parse", "--model", str(tmp_path), input=lines({"text": "a"}))
    assert result.exit_code == 1
    assert "train-parser" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_language_model_is_fitted_saved_and_used(tmp_path):
    path = tmp_path / "lm.npz"
    result = run("train-lm", "--corpus", "mini", "--out", str(path))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{path}\n"
    assert "(chosen: the lowest order within 1% of the best)" in result.stderr
    outputs = tmp_path / "outputs.jsonl"
    mr = "name[Aromi], eatType[pub]"
    good, bad = "Aromi is a pub.", "Aromi a is pub pub."
    outputs.write_text(lines({"mr": mr, "text": good}, {"mr": mr, "text": ""}))
    saved, fitted = (
        json.loads(run("evaluate", "text", str(outputs), "--lm", lm, "--json").stdout)
        for lm in (str(path), "mini")
    )
    metric = saved["metrics"]["lm"]
    assert metric["score"] == pytest.approx(
        NgramLanguageModel.load(path).score("<val:name> is a pub."), abs=1e-4
    )
    assert metric["n"] == 1  # no text has no fluency
    assert metric["low"] <= metric["score"] <= metric["high"] < 0
    assert metric["signature"].startswith("LM (nats/token)|order:")
    assert set(fitted["metrics"]) == set(saved["metrics"]) == {"lm", "lm_window"}
    outputs.write_text(lines({"mr": mr, "text": bad}))
    worse = json.loads(run("evaluate", "text", str(outputs), "--lm", str(path), "--json").stdout)
    for key in ("lm", "lm_window"):
        assert worse["metrics"][key]["score"] < saved["metrics"][key]["score"]


def test_a_language_model_needs_a_name_and_a_corpus(tmp_path):
    assert run("train-lm", "--corpus", "mini", "--out", str(tmp_path / "lm")).exit_code == 2
    outputs = tmp_path / "outputs.jsonl"
    outputs.write_text(lines({"mr": "name[Aromi]", "text": "Aromi."}))
    for lm in ("nowhere", str(tmp_path / "nothing.npz")):
        result = run("evaluate", "text", str(outputs), "--lm", lm)
        assert result.exit_code == 1
        assert result.stderr.startswith("d2t: error: ")


def test_references_score_better_than_scrambled_ones(tmp_path):
    domain = load_domain("restaurant")
    examples = load_split("mini", "dev", domain)[:40]
    paths = []
    for name, change in (("good", str), ("bad", lambda text: " ".join(text.split()[::-1]))):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(lines(*(
            {"mr": ", ".join(map(str, e.mr.slots)), "text": change(e.references[0])}
            for e in examples
        )))  # fmt: skip
        paths.append(str(path))
    good, bad = (
        json.loads(run("evaluate", "slots", path, "--lm", "mini", "--json").stdout)["metrics"]
        for path in paths
    )
    assert good["lm"]["low"] > bad["lm"]["high"]
    assert good["lm_window"]["low"] > bad["lm_window"]["high"]


def test_a_folder_of_something_else_is_refused_before_the_training(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the training began")

    monkeypatch.setattr("d2t.judges.parser.training.train_parser", refuse)
    (tmp_path / "notes.txt").write_text("keep")
    result = run("train-parser", "--corpus", "mini", "--out", str(tmp_path))
    assert result.exit_code != 0
    assert "not overwritten" in str(result.exception) + result.stderr


def test_a_file_has_no_development_split_to_choose_by(tmp_path):
    texts = tmp_path / "texts.csv"
    rows = ["Aromi is a pub.", "Cotto is a pub.", "Zizzi is a pub."]
    names = [text.split()[0] for text in rows]
    pairs = zip(names, rows, strict=True)
    texts.write_text("mr,ref\n" + "".join(f'"name[{n}], eatType[pub]",{t}\n' for n, t in pairs))
    result = run("train-lm", "--corpus", str(texts), "--out", str(tmp_path / "lm.npz"), "--json")
    assert json.loads(result.stdout)["dev_perplexity"] == {}
    assert json.loads(result.stdout)["signature"].startswith("order:5|")
    folder = tmp_path / "parser"
    arguments = ["--corpus", str(texts), "--epochs", "1", "--out", str(folder), "--json"]
    parser = run("train-parser", *arguments)
    assert parser.exit_code == 0, parser.stderr
    assert json.loads(parser.stdout)["dev"] == {}
