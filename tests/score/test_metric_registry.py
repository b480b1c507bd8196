"""Metrics by name: the built-in families, and those that other packages add."""

from __future__ import annotations

import json

import numpy as np
import pytest
from literal_checker import TOY, LiteralChecker
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.errors import ConfigError
from d2t.score.metric import ALL_PARTS, FAMILIES, METRICS, RecordMetric, make_scorers
from tests.support.plugins import install, undo_registrations


class Words(RecordMetric):
    """Mean number of words; columns: words, utterances."""

    key = "words"
    label = "Words"
    width = 2

    def row(self, checked):
        return [float(len(checked.record.text.split())), 1.0]

    def scores(self, totals):
        return np.asarray(totals[:, 0] / totals[:, 1])


@pytest.fixture(params=["decorator", "entry point"])
def words(request, monkeypatch):
    undo_registrations(monkeypatch, METRICS)
    if request.param == "decorator":
        METRICS.register("words")(Words)
    else:
        install(monkeypatch, "d2t.metrics", {"words": Words})


def outputs(path, *texts):
    rows = [{"id": str(i), "mr": "name[Aromi]", "text": text} for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.usefixtures("words")
def test_another_metric_is_evaluated_by_its_name(tmp_path):
    source = outputs(tmp_path / "a.jsonl", "Aromi.", "It is Aromi.")
    command = ["evaluate", "slots", source, "--json", "--n-resamples", "0"]
    done = CliRunner().invoke(app, [*command, "--metric", "words"])
    assert done.exit_code == 0, done.output
    metrics = json.loads(done.stdout)["metrics"]
    assert list(metrics) == [*FAMILIES["slots"], "words"]
    assert metrics["words"]["score"] == 2.0
    assert metrics["words"]["signature"].startswith("Words|dom:restaurant@")
    assert "words" not in json.loads(CliRunner().invoke(app, command).stdout)["metrics"]


@pytest.mark.usefixtures("words")
def test_another_metric_is_compared_by_its_name(tmp_path):
    first = outputs(tmp_path / "a.jsonl", "Aromi.", "It is Aromi.")
    second = outputs(tmp_path / "b.jsonl", "It is Aromi.", "It is Aromi.")
    command = ["compare", first, second, "--json", "--n-resamples", "10", "--metric", "words"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["metrics"]["words"]["difference"] == 1.0


def test_an_unknown_metric_is_answered_with_near_ones(tmp_path):
    source = outputs(tmp_path / "a.jsonl", "Aromi.")
    done = CliRunner().invoke(app, ["evaluate", "slots", source, "--metric", "slot_error"])
    assert done.exit_code == 2
    assert "unknown metric 'slot_error'; did you mean 'slot_error_rate'" in done.stderr
    with pytest.raises(ConfigError) as caught:
        make_scorers(TOY, [], LiteralChecker(), ["slot_error"])
    assert caught.value.code == "unknown_metric"


def test_families_hold_all_built_in_metrics_and_each_is_made_once():
    scorers = make_scorers(TOY, ALL_PARTS, LiteralChecker(), ["bleu", "Slot-F1"])
    assert [scorer.key for scorer in scorers] == [n for names in FAMILIES.values() for n in names]
    assert set(METRICS.builtin) == {scorer.key for scorer in scorers}
    only = make_scorers(TOY, ["order"], LiteralChecker(), ["bleu"])
    assert [scorer.key for scorer in only] == [*FAMILIES["order"], "bleu"]
