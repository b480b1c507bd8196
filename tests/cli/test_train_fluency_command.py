"""`d2t train-fluency` as a command."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.judges.fluency.classifier import FluencyClassifier
from d2t.judges.fluency.corruptions import CORRUPTIONS


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_it_writes_a_classifier_and_says_what_it_finds(tmp_path):
    folder = tmp_path / "fluency"
    arguments = ["--corpus", "mini", "--limit", "80", "--epochs", "1", "--out", str(folder)]
    result = run("train-fluency", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["path"] == str(folder)
    assert facts["settings"]["epochs"] == 1
    assert set(facts["dev_auc"]) == {*CORRUPTIONS, "all"}
    assert "area under the curve: cut_right" in result.stderr
    loaded = FluencyClassifier.load(folder)
    assert loaded.info == {key: value for key, value in facts.items() if key != "path"}
    assert 0 < loaded.score("<val:name> is a cheap pub.") < 1


def test_a_folder_of_other_files_is_refused_before_any_training(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    result = run("train-fluency", "--corpus", "mini", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    assert "reading" not in result.stderr
