from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.corpus.load import load_split
from d2t.language.symbols import KINDS
from d2t.mr.domain import load_domain

CORPUS = """mr,ref
"name[Aromi], eatType[pub], area[riverside]",Aromi is a pub by the riverside.
"name[Cotto], eatType[pub], food[French]",Cotto is a pub that serves French food.
"name[Cotto], near[Aromi], area[riverside]","Cotto is near Aromi. It is located by the riverside."
"name[The Mill], eatType[pub], area[riverside]",The Mill is a riverside pub in the city centre.
"name[Zizzi], food[Thai], priceRange[cheap]","Zizzi serves French food. It has a low price range."
"""
TEST = 'mr,ref\n"area[riverside]",It is by the riverside.\n'


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(CORPUS, encoding="utf-8")
    return str(path)


def run(*args: str):
    return CliRunner().invoke(app, ["augment", "phrases", *args])


def test_pairs_on_stdout_and_counts_on_stderr(corpus):
    result = run("--corpus", corpus)
    assert result.exit_code == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {record["kind"] for record in records} <= set(KINDS)
    by_text = {record["references"][0]: record for record in records}
    assert by_text["a pub by the riverside"]["plan"] == ["eatType[pub]", "area[riverside]"]
    assert by_text["It is located by the riverside."]["breaks"] == []
    assert "5 references" in result.stderr
    assert f"written: {len(records)}" in result.stderr


def test_the_file_is_read_back_as_a_corpus(corpus, tmp_path):
    out = tmp_path / "phrases.jsonl"
    result = run("--corpus", corpus, "--out", str(out), "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    read = load_split(str(out), "train", load_domain("restaurant"))
    assert len(read) == report["written"] == sum(report["kinds"].values())
    assert all(example.kind and example.plan for example in read)
    assert report["dropped"]["duplicate"] > 0


def test_mrs_of_a_test_file_are_left_out(corpus, tmp_path):
    test = tmp_path / "test.csv"
    test.write_text(TEST, encoding="utf-8")
    free, held = run("--corpus", corpus), run("--corpus", corpus, "--test", str(test))
    assert '"by the riverside"' in free.stdout
    assert '"by the riverside"' not in held.stdout
    assert "test mr" in held.stderr


def test_subsamples_follow_the_seed(corpus):
    def lines(seed: int) -> list[str]:
        return run("--corpus", corpus, "--limit", "5", "--seed", str(seed)).stdout.splitlines()

    assert len(lines(1)) == 5
    assert lines(1) == lines(1)
    assert any(lines(seed) != lines(1) for seed in range(2, 6))


def test_a_report_and_pairs_cannot_share_stdout(corpus):
    result = run("--corpus", corpus, "--json")
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert result.stdout == ""


def test_no_share_of_the_corpus_is_a_usage_error(corpus):
    result = run("--corpus", corpus, "--share", "0")
    assert result.exit_code == 2
    assert "--share" in str(result.exception) + result.stderr
