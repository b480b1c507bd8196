"""Slot metrics against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from literal_checker import TOY, LiteralChecker, judged

from d2t.score.metric import FAMILIES, METRICS
from d2t.score.slots import (
    ErrorsPerUtterance,
    ExactUtterances,
    SlotErrorRate,
    SlotF1,
    SlotPrecision,
    SlotRecall,
    break_down,
)


def score(metric, items):
    scorer = metric(TOY, LiteralChecker())
    return float(scorer.scores(scorer.statistics(items).sum(axis=0, keepdims=True))[0])


@pytest.mark.parametrize(
    ("wanted", "said", "row"),
    [
        ("a b c", "c a b", [0, 0, 0, 0, 3]),  # order is no slot error
        ("a b c", "a b", [1, 0, 0, 0, 3]),
        ("a b c", "a b c d", [0, 1, 0, 0, 3]),
        ("a b c", "a b[9] c", [0, 0, 1, 0, 3]),  # one error, not wrong plus missing
        ("a b c", "a b a c", [0, 0, 0, 1, 3]),
        ("a b c", "a a b c", [0, 0, 0, 0, 3]),  # adjacent mentions are one (variant A)
        ("a b c", "", [3, 0, 0, 0, 3]),
        ("a b", "c d a[2] a[2]", [1, 2, 1, 0, 2]),
    ],
)
def test_slot_error_statistics(wanted, said, row):
    assert SlotErrorRate(TOY, LiteralChecker()).row(judged(wanted, said)) == row


def test_ser_divides_all_errors_by_all_slots():
    items = [judged("a b c", "a b"), judged("a b c d e", "a b c d e f a"), judged("a b", "a b")]
    assert score(SlotErrorRate, items) == pytest.approx(100 * 3 / 10)


def test_ser_may_exceed_one_hundred():
    assert score(SlotErrorRate, [judged("a", "b c d")]) == pytest.approx(400.0)


def test_exact_utterances_need_everything_once_and_nothing_else():
    items = [
        judged("a b", "b a"),
        judged("a b", "a"),
        judged("a b", "a b c"),
        judged("a b", "a b a"),
    ]
    assert score(ExactUtterances, items) == pytest.approx(25.0)


def test_papers_error_counts_a_wrong_value_twice_and_a_repeat_not_at_all():
    assert score(ErrorsPerUtterance, [judged("a b", "a[2] b")]) == pytest.approx(200.0)
    assert score(ErrorsPerUtterance, [judged("a b", "a b a")]) == 0.0
    assert score(
        ErrorsPerUtterance, [judged("a b", "a b c"), judged("a b", "a b")]
    ) == pytest.approx(50.0)


def test_slot_precision_recall_f1_by_multisets():
    items = [judged("a b c d", "a b[2] e a")]  # 4 mentions, one true positive, 4 slots
    assert score(SlotPrecision, items) == pytest.approx(25.0)
    assert score(SlotRecall, items) == pytest.approx(25.0)
    assert score(SlotF1, items) == pytest.approx(25.0)
    items.append(judged("a b", "a b"))  # tp 3 of 6 mentions, 6 slots
    assert score(SlotF1, items) == pytest.approx(50.0)


def test_precision_of_silence_is_zero_not_undefined():
    assert score(SlotPrecision, [judged("a b", "")]) == 0.0
    assert score(SlotF1, [judged("a b", "")]) == 0.0


def test_breakdown_adds_up_to_the_totals():
    items = [
        judged("a b c", "a b[2] d"),  # missing c, wrong b, added d
        judged("a b", "a b a"),  # repeated a
    ]
    rows = {row.slot: row for row in break_down(items, TOY.slot_names)}
    assert list(rows) == ["a", "b", "c", "d"]
    assert (rows["a"].n_slots, rows["a"].repeated) == (2, 1)
    assert (rows["b"].wrong, rows["b"].missing) == (1, 0)
    assert rows["c"].missing == 1
    assert (rows["d"].n_slots, rows["d"].added, rows["d"].error_rate) == (0, 1, None)
    assert rows["a"].error_rate == pytest.approx(50.0)
    totals = SlotErrorRate(TOY, LiteralChecker()).statistics(items).sum(axis=0)
    assert sum(row.n_errors for row in rows.values()) == totals[:4].sum()


def test_signature_names_domain_lexicon_and_repeats():
    from d2t import __version__

    signature = SlotErrorRate(TOY, LiteralChecker()).signature()
    assert signature == f"SER|dom:toy@{TOY.digest[:4]}|lex:0123|rep:yes|syn:no|v:{__version__}"


def test_signature_is_the_checkers_own():
    from d2t.mr.domain import load_domain
    from d2t.slots.checker import SlotChecker

    domain = load_domain("restaurant")
    assert SlotErrorRate(domain).signature() == SlotChecker.for_domain(domain).signature()


def test_nothing_scored_is_undefined_not_perfect():
    for metric in map(METRICS.get, FAMILIES["slots"]):
        if metric is not SlotPrecision:
            scorer = metric(TOY, LiteralChecker())
            assert np.isnan(scorer.scores(np.zeros((1, scorer.width)))).all()
