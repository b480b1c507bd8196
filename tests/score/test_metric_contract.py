"""What every metric owes: perfect, empty and mismatched outputs, additivity, errors."""

from __future__ import annotations

import numpy as np
import pytest
from literal_checker import TOY, LiteralChecker, mr, plan, record, say

from d2t.errors import DataError
from d2t.score.bootstrap import Resampling
from d2t.score.metric import FAMILIES, METRICS
from d2t.score.records import check_records
from d2t.score.report.report import evaluate_records
from d2t.score.text import RougeL, reference_streams

MRS = ("a b c", "c b d e", "c a", "d e f a b")
REFERENCES = [
    (say(text), "another wording of it") if i else (say(text),) for i, text in enumerate(MRS)
]


class MetricContract:
    """Subclass with ``metrics``, the names of metrics."""

    metrics: tuple[str, ...] = ()

    def pytest_generate_tests(self, metafunc):
        if "scorer" in metafunc.fixturenames:
            made = [METRICS.get(name)(TOY, LiteralChecker()) for name in self.metrics]
            metafunc.parametrize("scorer", made, ids=self.metrics)

    @staticmethod
    def outputs(said):
        records = [
            record(wanted, text, wanted, *refs)
            for wanted, text, refs in zip(MRS, said, REFERENCES, strict=True)
        ]
        return check_records(records, LiteralChecker())

    @staticmethod
    def score(scorer, items):
        return float(scorer.scores(scorer.statistics(items).sum(axis=0, keepdims=True))[0])

    def test_identical_outputs_get_the_best_score(self, scorer):
        best = 100.0 if scorer.higher_is_better else 0.0
        assert self.score(scorer, self.outputs(MRS)) == pytest.approx(best)

    def test_empty_outputs_get_the_worst_score_and_no_crash(self, scorer):
        score = self.score(scorer, self.outputs([""] * len(MRS)))
        assert np.isnan(score) or (score == 0.0 if scorer.higher_is_better else score >= 100.0)

    def test_mismatched_outputs_score_worse_than_the_right_ones(self, scorer):
        rotated = self.score(scorer, self.outputs([*MRS[1:], MRS[0]]))
        perfect = self.score(scorer, self.outputs(MRS))
        assert rotated < perfect if scorer.higher_is_better else rotated > perfect

    def test_statistics_add_up(self, scorer):
        items = self.outputs(["a b", "e d c b", "c a", "d e f"])
        rows = scorer.statistics(items)
        assert rows.shape[0] == len(items)
        parts = np.vstack([scorer.statistics(items[:1]), scorer.statistics(items[1:])])
        np.testing.assert_allclose(rows, parts)

    def test_signature_begins_with_the_label_and_has_a_version(self, scorer):
        scorer.statistics(self.outputs(MRS))
        assert scorer.signature().startswith(scorer.label + "|")
        assert "|v:" in scorer.signature() or "|version:" in scorer.signature()


class TestSlotMetrics(MetricContract):
    metrics = FAMILIES["slots"]

    def test_as_a_sacrebleu_metric(self, scorer):
        said = ["a b", "e d c b", "c a", "d e f"]
        texts = [say(text) for text in said]
        items = self.outputs(said)
        answer = scorer.corpus_score(texts, [[mr(text) for text in MRS]], n_bootstrap=50)
        assert answer.score == pytest.approx(self.score(scorer, items))
        assert f"{scorer.label}|bs:50" in answer.format(signature=str(scorer.get_signature()))
        single = scorer.sentence_score(texts[0], [mr(MRS[0])])
        assert single.score == pytest.approx(self.score(scorer, items[:1]))

    def test_as_a_sacrebleu_metric_refuses_bad_arguments(self, scorer):
        with pytest.raises(DataError, match="empty"):
            scorer.corpus_score([], [[]])
        with pytest.raises(DataError, match="2 texts but 1"):
            scorer.corpus_score(["", ""], [[mr("a")]])
        with pytest.raises(DataError, match="expected a MeaningRepresentation or a Plan, got str"):
            scorer.corpus_score([""], [["a[1]"]])


class TestOrderMetrics(MetricContract):
    metrics = FAMILIES["order"]

    def test_as_a_sacrebleu_metric(self, scorer):
        said = ["a b", "e d c b", "c a", "d e f"]
        answer = scorer.corpus_score([say(text) for text in said], [[plan(text) for text in MRS]])
        assert answer.score == pytest.approx(self.score(scorer, self.outputs(said)))

    def test_needs_plans(self, scorer):
        with pytest.raises(DataError, match="scored against a Plan"):
            scorer.corpus_score([say("a b")], [[mr("a b")]])


class TestTextMetrics(MetricContract):
    metrics = FAMILIES["text"]

    def test_records_without_references_are_not_scored(self, scorer):
        items = check_records(
            [record("a b", "a b"), record("a b", "a b", None, say("a b"))], LiteralChecker()
        )
        assert [scorer.applies(item) for item in items] == [False, True]
        rows = scorer.statistics(items)
        assert not rows[0].any()
        assert rows[1].any()

    def test_no_references_at_all(self, scorer):
        rows = scorer.statistics(check_records([record("a b", "a b")], LiteralChecker()))
        assert np.isnan(scorer.scores(rows)).all()

    def test_signature_says_that_reference_counts_vary(self, scorer):
        scorer.statistics(self.outputs(MRS))
        assert "|nrefs:var|" in scorer.signature()


def test_streams_are_transposed_and_padded():
    assert reference_streams([["r1", "r2"], ["s1"]], 2) == [["r1", "s1"], ["r2", None]]


def test_transposed_references_are_refused():
    with pytest.raises(DataError, match="look transposed"):
        reference_streams([["a1", "b1", "c1"], ["a2", "b2", "c2"]], 3)


@pytest.mark.parametrize(
    ("references", "n", "what"),
    [
        (["one", "two"], 2, "list of strings"),
        ([["one"]], 2, "2 texts but references for 1"),
        ([["one"], []], 2, "segment 1 .* no reference"),
    ],
)
def test_wrong_references_are_refused(references, n, what):
    with pytest.raises(DataError, match=what):
        reference_streams(references, n)


def test_rouge_of_texts_without_any_word_is_zero():
    assert RougeL().corpus_score(["..."], [["!!!"]]).score == 0.0


def test_same_text_and_mr_are_checked_once():
    checker = LiteralChecker()
    evaluate_records(
        [record("a b", "a b", id=str(i)) for i in range(20)],
        TOY,
        parts=("slots",),
        checker=checker,
        resampling=Resampling(n_resamples=10),
    )
    assert checker.n_calls == 1
