"""``d2t augment counterfactual``, ``d2t train --objective counterfactual``, generation, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.corpus.load import load_split
from d2t.mr.domain import load_domain

TRAIN = """mr,ref
"name[Aromi], eatType[pub], food[Italian]",Aromi is an Italian pub.
"name[Aromi], eatType[pub], food[French]",Aromi is a French pub.
"name[Cotto], eatType[pub], area[riverside]",Cotto is a pub by the riverside.
"name[Cotto], eatType[pub]",Cotto is a pub.
"name[Zizzi], food[French]",Zizzi serves French food.
"""
TEST = 'mr,ref\n"name[Aromi], eatType[pub], food[French]",Aromi is a French pub.\n'


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(TRAIN, encoding="utf-8")
    return str(path)


def run(*args: str, **options):
    return CliRunner().invoke(app, list(args), **options)


def augment(*args: str):
    return run("augment", "counterfactual", *args)


def test_pairs_on_stdout_and_counts_on_stderr(corpus) -> None:
    result = augment("--corpus", corpus)
    assert result.exit_code == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {r["kind"] for r in records} == {"counterfactual"}
    assert {r["made_by"] for r in records} == {"siblings", "substitution"}
    assert all(r["only_in_mr"] or r["only_in_plan"] for r in records)
    assert "5 references" in result.stderr
    assert f"written: {len(records)}" in result.stderr


def test_a_report_a_source_a_limit_and_no_test_mr(corpus, tmp_path) -> None:
    out, test = tmp_path / "out.jsonl", tmp_path / "test.csv"
    test.write_text(TEST, encoding="utf-8")
    result = augment("--corpus", corpus, "--source", "siblings", "--out", str(out), "--json")
    report = json.loads(result.stdout)
    assert report["made_by"] == {"siblings": report["written"]}
    read = load_split(str(out), "train", load_domain("restaurant"))
    assert len(read) == report["written"] > 2
    assert all(example.plan for example in read)
    held = augment("--corpus", corpus, "--test", str(test))
    assert "French pub" not in held.stdout
    assert len(augment("--corpus", corpus, "--limit", "1").stdout.splitlines()) == 1


def test_usage_errors(corpus) -> None:
    for args, named in (
        (["--source", "sibling"], "siblings"),
        (["--json"], "--out"),
        (["--share", "0"], "--share"),
        (["--out", corpus], "is also the input file"),
    ):
        result = augment("--corpus", corpus, *args)
        assert result.exit_code == 2
        assert named in str(result.exception) + result.stderr
    assert Path(corpus).read_text(encoding="utf-8") == TRAIN


def test_why_there_are_no_pairs(corpus, tmp_path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    common = ["--objective", "counterfactual", "--train", corpus, "--dev", corpus]
    for change, why in (
        (f'objective.pairs=["{empty}"]', "empty.jsonl is empty"),
        ('objective.sources=["noisy"]', "the corpus gives none by noisy"),
    ):
        result = run("train", *common, "--set", change, "--out", str(tmp_path / "run"))
        assert result.exit_code != 0
        assert why in str(result.exception) + result.stderr


def test_from_corpus_to_utterance(corpus, tmp_path) -> None:
    sets = [
        "model.width=16", "model.ffn=16", "model.heads=2", "train.max_steps=2",
        "model.encoder_layers=1", "model.decoder_layers=1", "select.n_mrs=2", "select.n_pairs=4",
    ]  # fmt: skip
    pairs = tmp_path / "pairs.jsonl"
    assert augment("--corpus", corpus, "--out", str(pairs)).exit_code == 0
    sets.append(f'objective.pairs=["{pairs}"]')
    options = [word for item in sets for word in ("--set", item)]
    options += ["--train", corpus, "--dev", corpus, "--out", str(tmp_path / "run")]
    trained = run("train", "--objective", "counterfactual", "--device", "cpu", *options)
    assert trained.exit_code == 0, trained.stderr
    bundle = trained.stdout.strip()
    record = '{"id": "a", "mr": {"name": "Aromi", "eatType": "pub"}, "plan": "eatType > name"}\n'
    said = run("generate", "--model", bundle, "--max-length", "6", input=record)
    answer = json.loads(said.stdout)
    assert answer["plan"] == ["eatType", "name"]
    assert "<" not in answer["text"]
    refused = run("export", bundle)
    assert refused.exit_code != 0
    assert "reads the plan" in str(refused.exception) + refused.stderr
    contrasted = run("generate", "--model", bundle, "--contrast", "dropped", input=record)
    assert contrasted.exit_code != 0
    assert "reads the plan" in str(contrasted.exception) + contrasted.stderr
