"""Reports: what is scored, what is left out, and in which form it is said."""

from __future__ import annotations

import json

import pytest
from literal_checker import TOY, LiteralChecker, record, say

from d2t.errors import DataError
from d2t.score.bootstrap import Resampling
from d2t.score.records import BadRecord
from d2t.score.report.report import evaluate_records, resampling_units

FAST = Resampling(n_resamples=200)


def evaluate(records, **options):
    return evaluate_records(
        records, TOY, checker=LiteralChecker(), **{"resampling": FAST, **options}
    )


def mixed():
    return [
        record("a b c", "a b c", "a b c", say("a b c"), id="0"),
        record("a b", "b", "a b", id="1"),
        record("d e f", "f d e d", id="2"),
        record("a b c d", "", "d c b a", say("d c b a"), "and more", id="3"),
    ]


def test_report_counts_what_entered_each_metric():
    report = evaluate(mixed())
    assert (report.n_records, report.n_mrs, report.n_empty) == (4, 4, 1)
    assert (report.n_plans, report.n_references) == (3, 2)
    assert report.metrics["slot_error_rate"].n == 4
    assert report.metrics["order_accuracy"].n == 3
    assert report.metrics["bleu"].n == 2
    assert report.score("slot_error_rate") == pytest.approx(100 * 6 / 12)
    assert report.score("exact_utterances") == pytest.approx(25.0)
    assert report.counts == {"n_slots": 12, "missing": 5, "added": 0, "wrong": 0, "repeated": 1}


def test_report_is_the_same_every_time():
    assert evaluate(mixed()).as_dict() == evaluate(mixed()).as_dict()


def test_intervals_hold_their_scores_and_another_seed_moves_them():
    records = [record("a b c", "a b" if i % 3 else "a b c", id=str(i)) for i in range(60)]
    one = evaluate(records, parts=("slots",))
    other = evaluate(records, parts=("slots",), resampling=Resampling(n_resamples=200, seed=1))
    for key, result in one.metrics.items():
        assert result.low <= result.score <= result.high
        assert result.score == other.metrics[key].score
    assert one.metrics["slot_error_rate"].low != other.metrics["slot_error_rate"].low


def test_json_is_plain_and_complete():
    report = evaluate(mixed(), bad=[BadRecord("7", 8, DataError("no text"))])
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert data["metrics"]["slot_error_rate"]["score"] == 50.0
    assert data["metrics"]["slot_error_rate"]["signature"].startswith("SER|dom:toy@")
    errors = {"missing": 2, "added": 0, "wrong": 0, "repeated": 0}
    assert data["slots"]["a"] == {"n_slots": 3, **errors, "slot_error_rate": 66.6667}
    assert data["intervals"] == {
        "method": "percentile bootstrap",
        "level": 95.0,
        "n_resamples": 200,
        "unit": "mr",
        "seed": 12345,
    }
    assert data["n_bad"] == 1
    assert data["bad"][0]["line"] == 8


def test_markdown_shows_scores_slots_and_signatures():
    report = evaluate(mixed(), bad=[BadRecord("7", 8, DataError("no text"))])
    text = report.as_markdown()
    assert "4 records, 4 MRs, domain toy, 1 empty texts, 1 bad line not scored" in text
    assert "| SER " in text
    assert "| all " in text
    assert report.metrics["bleu"].signature in text
    widths = {len(line) for line in text.split("\n\n")[1].splitlines()}
    assert len(widths) == 1  # the table is aligned


def test_no_intervals():
    report = evaluate(mixed(), resampling=Resampling(n_resamples=0))
    result = report.metrics["slot_error_rate"]
    assert result.low == result.score == result.high
    assert "intervals: off" in report.as_markdown()


def test_parts_that_cannot_be_computed_alone_are_errors():
    bare = [record("a b", "a b")]
    with pytest.raises(DataError, match="no record has a 'plan'"):
        evaluate(bare, parts=("order",))
    with pytest.raises(DataError, match="no record has references"):
        evaluate(bare, parts=("text",))
    assert set(evaluate(bare).metrics) == {
        "slot_error_rate", "exact_utterances", "errors_per_utterance",
        "slot_precision", "slot_recall", "slot_f1",
    }  # fmt: skip


def test_an_undefined_metric_is_left_out_rather_than_made_up():
    report = evaluate([record("a", "a", "a")], parts=("order",))
    assert "kendall_tau" not in report.metrics
    assert report.score("order_accuracy") == 100.0
    with pytest.raises(DataError, match="no 'kendall_tau' in this report"):
        report.score("kendall_tau")


def test_nothing_to_evaluate():
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate([])
    with pytest.raises(DataError, match="all 1 lines are bad; the first: no text"):
        evaluate([], bad=[BadRecord("0", 1, DataError("no text"))])


def test_copies_of_an_mr_are_one_unit():
    records = [record("a b", "a", id="0"), record("b a", "b", id="1"), record("c d", "c", id="2")]
    assert resampling_units(records, Resampling(unit="mr")) == [0, 0, 1]
    assert resampling_units(records, Resampling(unit="record")) == [0, 1, 2]
    assert resampling_units(records[:2], Resampling(unit="mr")) == [0, 1]


def test_repeating_every_record_does_not_narrow_the_interval():
    records = [record(f"a[{i}] b c", "b c" if i % 4 else f"a[{i}] b c") for i in range(40)]
    once, thrice = evaluate(records, parts=("slots",)), evaluate(records * 3, parts=("slots",))
    first, second = once.metrics["slot_error_rate"], thrice.metrics["slot_error_rate"]
    assert (first.low, first.high) == pytest.approx((second.low, second.high))
