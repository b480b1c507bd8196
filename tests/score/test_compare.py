"""Pairing of two files, and what a comparison says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from literal_checker import TOY, LiteralChecker, plan, record, say

from d2t.errors import DataError
from d2t.score.bootstrap import Resampling
from d2t.score.report.compare import compare_records, pair_records

FAST = Resampling(n_resamples=300)


def compare(a, b, **options):
    pairs, _ = pair_records(a, b)
    return compare_records(pairs, TOY, checker=LiteralChecker(), **{"resampling": FAST, **options})


def system(n, broken):
    """``n`` outputs, of which ``broken(i)`` lack a slot and swap two others."""
    return [
        record(
            f"a[{i}] b c",
            "c b d" if broken(i) else f"a[{i}] b c",
            f"a[{i}] b c",
            say("a b c"),
            id=str(i),
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("test", ["bootstrap", "randomization"])
def test_identical_outputs_do_not_differ(test):
    outputs = system(30, lambda i: i % 3 == 0)
    comparison = compare(outputs, outputs, test=test)
    assert comparison.n_identical == 30
    assert comparison.pairs == ()
    assert len(comparison.rows) == 13
    for row in comparison.rows:
        assert row.result.difference == 0
        assert row.result.p_value == 1.0


@pytest.mark.parametrize("test", ["bootstrap", "randomization"])
def test_a_planted_difference_is_found_in_every_metric(test):
    comparison = compare(
        system(60, lambda i: i % 2 == 0), system(60, lambda i: i % 10 == 0), test=test
    )
    assert comparison.rows
    for row in comparison.rows:
        better = row.result.difference > 0 if row.higher_is_better else row.result.difference < 0
        assert better, row.key
        assert row.result.p_value < 0.01, row.key
        assert row.result.low * row.result.high > 0, row.key


def test_the_most_different_sentences_come_first():
    a = system(6, lambda i: False)
    b = [*a]
    b[1] = replace(a[1], text=say("a[1] c b"))  # order only
    b[4] = replace(a[4], text="")  # three slots missing
    b[5] = replace(a[5], text=a[5].text + " indeed")  # words only
    comparison = compare(a, b)
    assert [pair.id for pair in comparison.pairs] == ["4", "1", "5"]
    assert comparison.pairs[0].b.errors == ("missing a[4]", "missing b[1]", "missing c[1]")
    assert comparison.pairs[1].b.order == pytest.approx(0.25)
    assert [pair.id for pair in compare(a, b, n_pairs=1).pairs] == ["4"]


def test_records_are_matched_by_id_whatever_their_order():
    a = [record("a", "a", id="x"), record("b", "b", id="y"), record("c", "c", id="only a")]
    b = [record("b", "", id="y"), record("d", "d", id="only b"), record("a", "a", id="x")]
    pairs, lonely = pair_records(a, b)
    assert [(first.id, second.text) for first, second in pairs] == [("x", say("a")), ("y", "")]
    assert lonely == ["only a", "only b"]


def test_records_without_shared_ids_are_matched_by_position():
    a, b = [record("a b", "a", id="x")], [record("b a", "b", id="0")]
    pairs, lonely = pair_records(a, b)
    assert pairs[0][1].text == say("b")
    assert lonely == []
    with pytest.raises(DataError, match="share no id and have 1 and 2 records"):
        pair_records(a, [*b, record("a", "a", id="1")])


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="different MRs"):
        pair_records([record("a", "a")], [record("b", "b")])
    with pytest.raises(DataError, match="the first file has the id '0' twice"):
        pair_records([record("a", "a"), record("a", "a")], [record("a", "a")])
    with pytest.raises(DataError, match="different references"):
        pair_records([record("a", "a", None, "one")], [record("a", "a", None, "two")])
    with pytest.raises(DataError, match="nothing to compare"):
        compare_records([], TOY, checker=LiteralChecker())


def test_references_of_one_file_judge_both():
    pairs, _ = pair_records([record("a", "a", None, "one", "two")], [record("a", "a")])
    assert pairs[0][1].references == ("one", "two")


def test_order_is_compared_where_both_have_plans_and_different_plans_are_counted():
    a = [record("a b", "a b", "a b", id="0"), record("a b", "a b", "a b", id="1")]
    b = [record("a b", "b a", "b a", id="0"), record("a b", "b a", id="1")]
    comparison = compare(a, b)
    order = next(row for row in comparison.rows if row.key == "order_accuracy")
    assert order.n == 1
    assert comparison.n_plans_differ == 1
    assert a[0].plan == plan("a b")
    assert "1 asked for different orders" in comparison.as_markdown()


def test_json_and_markdown():
    comparison = compare(
        system(40, lambda i: i % 2 == 0), system(40, lambda i: False), names=("old", "new")
    )
    data = json.loads(json.dumps(comparison.as_dict(), allow_nan=False))
    assert (data["a"], data["b"], data["n_records"]) == ("old", "new", 40)
    row = data["metrics"]["slot_error_rate"]
    assert row["difference"] == pytest.approx(row["score_b"] - row["score_a"], abs=1e-3)
    assert set(data["pairs"][0]) == {"id", "mr", "a", "b"}
    text = comparison.as_markdown()
    assert "A = old, B = new: 40 records, 20 with the same text" in text
    assert "missing a[" in text
    assert "paired bootstrap" in text
