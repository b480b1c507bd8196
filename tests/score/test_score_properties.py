"""What must hold of metrics, intervals and comparisons whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal_checker import TOY, LiteralChecker

from d2t.errors import D2TError
from d2t.mr.domain import load_domain
from d2t.mr.reader import read_fields
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.score.bootstrap import Resampling
from d2t.score.metric import FAMILIES, METRICS
from d2t.score.order import BigramF1, KendallTau
from d2t.score.records import EvaluationRecord, check_records, evaluation_record
from d2t.score.report.compare import compare_records, pair_records
from d2t.score.report.report import evaluate_records
from d2t.score.slots import SlotErrorRate
from d2t.score.text import lcs_length

FEW = Resampling(n_resamples=40)
SLOTS = st.builds(Slot, st.sampled_from("abcdef"), st.sampled_from("12"))
MRS = st.lists(SLOTS, min_size=1, max_size=6, unique=True)
CASES = settings(deadline=None, max_examples=15)


@st.composite
def records(draw, id="0"):
    wanted = draw(MRS)
    said = draw(st.one_of(st.just(wanted), st.permutations(wanted), st.lists(SLOTS, max_size=7)))
    asked = draw(st.one_of(st.none(), st.permutations(wanted)))
    references = tuple(draw(st.lists(st.text("ab ", min_size=1).filter(str.strip), max_size=3)))
    return EvaluationRecord(
        id,
        MeaningRepresentation(tuple(wanted)),
        " then ".join(map(str, said)),
        None if asked is None else Plan(tuple(asked)),
        references,
    )


CORPORA = st.integers(1, 6).flatmap(lambda n: st.tuples(*(records(id=str(i)) for i in range(n))))


@CASES
@given(records(), st.randoms(use_true_random=False))
def test_slot_metrics_are_invariant_to_the_order_of_the_mr(item, rng):
    shuffled = list(item.mr.slots)
    rng.shuffle(shuffled)
    other = EvaluationRecord("1", MeaningRepresentation(tuple(shuffled)), item.text)
    judged = check_records([item, other], LiteralChecker())
    for metric in map(METRICS.get, FAMILIES["slots"]):
        rows = metric(TOY, LiteralChecker()).statistics(judged)
        np.testing.assert_array_equal(rows[0], rows[1])


@CASES
@given(CORPORA)
def test_every_score_lies_in_its_range_and_in_its_interval(corpus):
    report = evaluate_records(corpus, TOY, checker=LiteralChecker(), resampling=FEW)
    for key, result in report.metrics.items():
        assert result.low <= result.score <= result.high
        lowest = -100 if key == "kendall_tau" else 0
        highest = np.inf if key in ("slot_error_rate", "errors_per_utterance") else 100 + 1e-9
        assert lowest - 1e-9 <= result.low
        assert result.high <= highest


@CASES
@given(CORPORA, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(corpus, rng):
    shuffled = list(corpus)
    rng.shuffle(shuffled)
    one, other = (
        evaluate_records(x, TOY, checker=LiteralChecker(), resampling=FEW)
        for x in (corpus, shuffled)
    )
    for key, result in one.metrics.items():
        assert result.score == pytest.approx(other.metrics[key].score)


@CASES
@given(CORPORA)
def test_a_system_compared_with_itself_does_not_differ(corpus):
    pairs, lonely = pair_records(corpus, corpus)
    comparison = compare_records(pairs, TOY, checker=LiteralChecker(), resampling=FEW)
    assert not lonely
    assert all(row.result.difference == 0 and row.result.p_value == 1 for row in comparison.rows)


@CASES
@given(CORPORA, st.data())
def test_a_comparison_turned_round_has_opposite_differences(corpus, data):
    texts = data.draw(st.permutations([item.text for item in corpus]))
    other = [
        EvaluationRecord(item.id, item.mr, text, item.plan, item.references)
        for item, text in zip(corpus, texts, strict=True)
    ]
    there, back = (
        compare_records(pair_records(*sides)[0], TOY, checker=LiteralChecker(), resampling=FEW)
        for sides in ((corpus, other), (other, corpus))
    )
    for one, two in zip(there.rows, back.rows, strict=True):
        assert one.result.difference == pytest.approx(-two.result.difference)
        assert one.result.low - 1e-9 <= one.result.difference <= one.result.high + 1e-9
        assert 0 < one.result.p_value <= 1


@CASES
@given(records())
def test_slot_error_counts_agree_with_the_report(item):
    (judged,) = check_records([item], LiteralChecker())
    row = SlotErrorRate(TOY, LiteralChecker()).row(judged)
    assert sum(row[:4]) == judged.report.n_errors
    assert row[4] == len(item.mr.slots)


@CASES
@given(st.lists(SLOTS, max_size=7), st.lists(SLOTS, max_size=7))
def test_order_metrics_are_perfect_on_equal_plans_and_symmetric(first, second):
    one, two = Plan(tuple(first)), Plan(tuple(second))
    for metric in map(METRICS.get, FAMILIES["order"]):
        scorer = metric(TOY, LiteralChecker())
        assert scorer.compare(one, one) in (1.0, None)
        assert scorer.compare(one, two) == pytest.approx(scorer.compare(two, one))


@CASES
@given(st.lists(SLOTS, min_size=2, max_size=7, unique=True))
def test_a_reversed_plan_has_tau_minus_one_and_no_common_inner_bigram(order):
    one, two = Plan(tuple(order)), Plan(tuple(reversed(order)))
    assert KendallTau(TOY, LiteralChecker()).compare(one, two) == -1
    assert BigramF1(TOY, LiteralChecker()).compare(one, two) == 0


@CASES
@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_lcs_length_is_that_of_the_table(first, second):
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, x in enumerate(first, 1):
        for j, y in enumerate(second, 1):
            best = max(table[i - 1][j], table[i][j - 1])
            table[i][j] = table[i - 1][j - 1] + 1 if x == y else best
    assert lcs_length(first, second) == table[-1][-1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
MRISH = st.one_of(JSON, st.sampled_from(["name[Aromi]", "name[Aromi], area[riverside]"]))


@settings(deadline=None, max_examples=100)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "mr": MRISH,
            "text": JSON,
            "plan": JSON,
            "references": JSON,
            "ref": JSON,
            "error": JSON,
        },
    )
)
def test_any_record_is_read_or_refused_with_our_own_error(fields):
    refused = ""
    try:
        domain = load_domain("restaurant")
        record = evaluation_record(read_fields(fields, domain), domain)
    except D2TError as error:
        refused = error.message
    assert refused or (isinstance(record.text, str) and record.mr.slots)
