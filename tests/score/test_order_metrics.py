"""Order metrics against values made by hand."""

from __future__ import annotations

import dataclasses

import pytest
from literal_checker import TOY, LiteralChecker, judged, plan

from d2t.errors import DataError
from d2t.mr.types import Plan
from d2t.plan.base import plan_bigrams
from d2t.score.order import BigramF1, KendallTau, OrderAccuracy, SentencePlanAccuracy


def score(metric, items):
    scorer = metric(TOY, LiteralChecker())
    return float(scorer.scores(scorer.statistics(items).sum(axis=0, keepdims=True))[0])


@pytest.mark.parametrize(
    ("asked", "said", "kept"),
    [
        ("a b c", "a b c", 1),
        ("a b c", "a a b c", 1),  # adjacent mentions are one
        ("a b c", "a c b", 0),
        ("a b c", "a b", 0),
        ("a b c", "a b c d", 0),
        ("a b c", "a b c a", 0),
        ("a b c", "a b[2] c", 0),
        ("a b", "", 0),
    ],
)
def test_order_accuracy_is_equality_of_sequences(asked, said, kept):
    assert score(OrderAccuracy, [judged("a b c", said, asked)]) == 100 * kept


@pytest.mark.parametrize(
    ("asked", "said", "tau"),
    [
        ("a b c d", "a b c d", 1),
        ("a b c d", "d c b a", -1),
        ("a b c d", "b a c d", 2 / 3),  # one of six pairs is discordant
        ("a b c d", "a c", 1),  # missing slots do not count
        ("a b c", "a f b c", 1),  # nor do added ones
        ("a b c", "b a b c", 1 / 3),  # first mentions: b a c
        ("a b c", "c a", -1),
    ],
)
def test_kendall_tau_over_first_mentions_of_common_slots(asked, said, tau):
    assert KendallTau(TOY, LiteralChecker()).compare(plan(asked), plan(said)) == pytest.approx(tau)


def test_kendall_tau_is_not_defined_for_fewer_than_two_common_slots():
    tau = KendallTau(TOY, LiteralChecker())
    assert tau.compare(plan("a b"), plan("a")) is None
    assert tau.compare(plan("a b"), plan("a b[2]")) is None
    items = [judged("a b", "b a", "a b"), judged("a b", "a", "a b")]
    assert score(KendallTau, items) == pytest.approx(-100.0)  # the second is not averaged in


def test_bigrams_have_boundaries():
    assert plan_bigrams(plan("")).total() == 1
    assert list(plan_bigrams(plan("a"))) == [("@", plan("a").slots[0]), (plan("a").slots[0], "@")]


@pytest.mark.parametrize(
    ("asked", "said", "f1"),
    [
        ("a b c", "a b c", 1),
        ("a b c", "c b a", 0),
        ("a b c", "a b", 2 * 2 / (4 + 3)),  # @a ab of {@a ab bc c@} and {@a ab b@}
        ("a b", "a b a b", 2 * 3 / (3 + 5)),  # ab counts once: multisets
        ("a", "", 0),
    ],
)
def test_bigram_f1(asked, said, f1):
    assert BigramF1(TOY, LiteralChecker()).compare(plan(asked), plan(said)) == pytest.approx(f1)


def test_order_is_macro_averaged_over_records_with_a_plan():
    items = [judged("a b", "a b", "a b"), judged("a b", "b a", "a b"), judged("a b", "b a")]
    assert score(OrderAccuracy, items) == pytest.approx(50.0)
    assert not OrderAccuracy(TOY, LiteralChecker()).applies(items[2])


def test_scoring_a_record_without_a_plan_is_an_error_with_a_name():
    with pytest.raises(DataError, match="has no plan"):
        OrderAccuracy(TOY, LiteralChecker()).row(judged("a b", "a b"))


def test_signature_says_which_variant():
    assert "|plan:A|agg:macro|" in OrderAccuracy(TOY, LiteralChecker()).signature()


@pytest.mark.parametrize(
    ("asked", "said", "kept"),
    [
        ((1,), (1,), 1.0),
        ((1,), (), 0.0),
        ((), (1,), 0.0),
        ((), (), 1.0),
        ((1,), (2,), 0.0),
        (None, (1,), None),
    ],
)
def test_sentence_plans_compare_order_and_breaks(asked, said, kept):
    metric, slots = SentencePlanAccuracy(TOY, LiteralChecker()), plan("a b c").slots
    assert metric.compare(Plan(slots, asked), Plan(slots, said)) == kept
    if kept:
        assert metric.compare(Plan(slots, asked), Plan(slots[::-1], said)) == 0.0


def test_sentence_plans_are_scored_where_they_were_asked_for():
    metric = SentencePlanAccuracy(TOY, LiteralChecker())
    one = judged("a b", "a b", "a b")
    free = dataclasses.replace(
        one, record=dataclasses.replace(one.record, plan=Plan(plan("a b").slots))
    )
    assert metric.applies(one)
    assert not metric.applies(free)
    assert score(SentencePlanAccuracy, [one, free]) == 100
