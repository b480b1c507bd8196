"""QUALS, consistency and Data-QuestEval against cases computed by hand, with a scripted model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from scripted_answerer import TINY_SOURCE, ScriptedAnswerer

from d2t.judges.qa.consistency import consistency, questeval
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import QualsOptions, quals, select_pairs
from d2t.judges.qa.questions import questions_from_dict
from d2t.judges.qa.report import QAOptions, QAReport, judge_records, signature
from d2t.judges.qa.types import PairLogs, QAPair
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation
from d2t.score.records import EvaluationRecord

if TYPE_CHECKING:
    from d2t.judges.qa.types import ContextPair

DOMAIN = load_domain("restaurant")
TINY = questions_from_dict(TINY_SOURCE, DOMAIN)
TXT, MR = "<txt", "<mr>"
NOTHING = MeaningRepresentation(())


def record(mr: str, text: str) -> ContextPair:
    return context_pair(parse_mr(mr, DOMAIN) if mr else NOTHING, text, DOMAIN, TINY)


def scripted(
    known: dict[tuple[str, str], str],
    logs: dict[tuple[str, str, str], tuple[float, float]],
    proposed: dict[str, list[QAPair]] | None = None,
) -> ScriptedAnswerer:
    return ScriptedAnswerer(known, logs, questions=TINY, proposed=proposed)


RECORD = record("food[Italian], area[riverside]", "Indian food by the river.")
# One wording of each question is answered (" a?"), the other is not (" b?").
KNOWN = {
    (TXT, "food a?"): "indian",
    (TXT, "area a?"): "riverside",
    (MR, "food a?"): "italian",
    (MR, "area a?"): "riverside",
}
LOGS = {
    (TXT, "food a?", "indian"): (-0.5, -0.1),
    (MR, "food a?", "indian"): (-0.5, -6.1),
    (TXT, "area a?", "riverside"): (-0.4, -0.2),
    (MR, "area a?", "riverside"): (-0.6, -0.4),
    (MR, "food a?", "italian"): (-0.7, -0.1),
    (TXT, "food a?", "italian"): (-0.3, -4.5),
}


def test_quals_is_the_mean_difference_of_mean_log_probabilities() -> None:
    (score,) = quals([RECORD], scripted(KNOWN, LOGS))
    food, area = -6.6 / 2 - -0.6 / 2, -1.0 / 2 - -0.6 / 2
    assert score.precision == pytest.approx((food + area) / 2)
    food_back, area_back = -4.8 / 2 - -0.8 / 2, -0.6 / 2 - -1.0 / 2
    assert score.recall == pytest.approx((food_back + area_back) / 2)
    assert score.total == pytest.approx((food + area + food_back + area_back) / 2)
    assert score.mean == pytest.approx((food + area + food_back + area_back) / 4)
    assert score.worst == pytest.approx(food)
    failing = score.failing(-0.5)
    assert [(f.side, f.pair.slot, f.pair.answer) for f in failing] == [
        ("text", "food", "indian"),
        ("mr", "food", "italian"),
    ]
    assert failing[0].answer_difference == pytest.approx(-6.0)


def test_the_sum_of_sides_that_propose_the_same_pairs_is_zero_and_the_worst_pair_is_not() -> None:
    known = {(tag, "area a?"): "riverside" for tag in (TXT, MR)}
    (score,) = quals([RECORD], scripted(known, LOGS))
    assert score.total == score.mean == pytest.approx(0.0)
    assert score.worst == pytest.approx(-0.2)


def test_pairs_answered_none_are_no_pairs_and_a_side_without_pairs_is_undefined() -> None:
    known = {key: answer for key, answer in KNOWN.items() if key[0] == MR}
    (score,) = quals([RECORD], scripted(known, LOGS))
    assert score.precision is None
    assert score.total == score.recall
    (nothing,) = quals([RECORD], scripted({}, LOGS))
    assert nothing.total is nothing.mean is nothing.worst is nothing.recall is None
    assert nothing.failing(0.0) == []


def test_diverse_proposals_must_survive_the_round_trip() -> None:
    proposed = {
        TXT: [
            QAPair("food a?", "indian"),
            QAPair("food a?", "indian"),  # said twice, counted once
            QAPair("area a?", "city centre"),  # asked again the model answers riverside
            QAPair("name b?", "none"),
            QAPair("anything else?", "none"),
        ]
    }
    answerer = scripted(KNOWN, LOGS, proposed=proposed)
    (score,) = quals([RECORD], answerer, QualsOptions(propose="diverse"))
    assert [(p.pair.slot, p.pair.answer) for p in score.pairs] == [("food", "indian")]
    assert "proposals" in answerer.calls


def test_many_records_are_asked_about_in_as_many_calls_as_one() -> None:
    one, many = scripted(KNOWN, LOGS), scripted(KNOWN, LOGS)
    (alone,) = quals([RECORD], one)
    together = quals([RECORD] * 5, many)
    assert one.calls == many.calls
    assert all(score == alone for score in together)


def test_selection_is_round_robin_over_answers_and_keeps_each() -> None:
    def pair(question: str, answer: str, slot: str | None = None) -> QAPair:
        return QAPair(question, answer, slot)

    candidates = [
        (pair("q1", "A"), -1.0),
        (pair("q2", "A"), -2.0),
        (pair("q3", "a"), -1.5),
        (pair("q4", "B"), -9.0),
        (pair("q1", "a"), -7.0),  # the question is held for this answer
    ]
    kept = select_pairs(candidates, 3)
    # pass 1: A/q1, B/q4; pass 2: a/q3, after which three are held
    assert [(p.question, p.answer) for p in kept] == [("q1", "A"), ("q4", "B"), ("q3", "a")]
    assert len(select_pairs(candidates, 1)) == 2  # every distinct answer at least once
    assert len(select_pairs(candidates, 99)) == 4
    assert select_pairs([], 10) == []
    yes = [(pair("q1", "yes", "one"), -1.0), (pair("q2", "yes", "two"), -2.0)]
    assert len(select_pairs(yes, 1)) == 2  # the same answer to another slot is another answer


def test_logs_of_a_pair() -> None:
    logs = PairLogs((-1.0, -2.0, -3.0, -4.0), n_question=3)
    assert logs.total == -10.0
    assert logs.mean == -2.5
    assert logs.answer == -4.0


def test_consistency_counts_each_kind_of_error() -> None:
    rec = record("food[Italian], area[riverside], priceRange[cheap]", "An Indian pub for £20.")
    known = {
        (TXT, "food a?"): "indian",  # wrong
        (TXT, "eattype a?"): "pub",  # added
        (TXT, "pricerange a?"): "less than £20",  # a synonym
    }  # and the area is missing
    logs = {(TXT, "area a?", "riverside"): (-1.0, -5.0), (TXT, "area a?", "none"): (-1.0, -0.1)}
    (score,) = consistency([rec], scripted(known, logs), n_wordings=1)
    assert score.precision == pytest.approx(1 / 3)
    assert score.recall == pytest.approx(1 / 3)
    assert score.f1 == pytest.approx(1 / 3)
    assert score.errors() == {"wrong": 1, "added": 1, "missing": 1, "ok": 5}
    failing = [(f.kind("none"), f.asked.slot) for f in score.failing()]
    assert failing[0] == ("missing", "area")
    assert set(failing[1:]) == {("wrong", "food"), ("added", "eatType")}
    assert score.worst_log_p == pytest.approx(-5.0)
    area = next(a for a in score.answered if a.asked.slot == "area")
    assert area.p_none == pytest.approx(math.exp(-0.1))
    price = next(a for a in score.answered if a.asked.slot == "priceRange")
    assert price.log_p == pytest.approx(math.log(2 * math.exp(-1.0)))  # either synonym


def test_names_agree_by_token_f1_and_closed_values_by_identity() -> None:
    rec = record("name[Rice House]", "The Rice Boat.")
    (score,) = consistency([rec], scripted({(TXT, "name a?"): "<ent:2>"}, {}), n_wordings=1)
    assert score.precision == pytest.approx(0.5)
    (wrong,) = consistency(
        [record("customer rating[5 out of 5]", "3 out of 5")],
        scripted({(TXT, "customer rating a?"): "3 out of 5"}, {}),
        n_wordings=1,
    )
    assert wrong.precision == 0.0


def test_saying_nothing_of_nothing_is_perfect_and_of_something_is_not() -> None:
    (empty,) = consistency([record("", "Hello.")], scripted({}, {}), n_wordings=1)
    assert empty.f1 == 1.0
    (silent,) = consistency([record("food[Thai]", "Hello.")], scripted({}, {}), n_wordings=1)
    assert silent.precision is None
    assert silent.f1 == 0.0


def test_held_out_wordings_can_be_asked() -> None:
    answerer = scripted({(TXT, "food c?"): "italian"}, {})
    (score,) = consistency([record("food[Italian]", "x")], answerer, held_out=True)
    assert score.recall == 1.0


def test_questeval_averages_answerability_and_agreement_in_both_directions() -> None:
    logs = {
        **LOGS,
        (TXT, "food a?", "none"): (0.0, math.log(0.2)),
        (TXT, "area a?", "none"): (0.0, math.log(0.1)),
        (MR, "food a?", "none"): (0.0, math.log(0.3)),
        (MR, "area a?", "none"): (0.0, math.log(0.4)),
    }
    (score,) = questeval([RECORD], scripted(KNOWN, logs), n_wordings=1)
    assert score.recall == pytest.approx(((0.8 + 0) / 2 + (0.9 + 1) / 2) / 2)
    assert score.precision == pytest.approx(((0.7 + 0) / 2 + (0.6 + 1) / 2) / 2)
    assert score.score == pytest.approx((score.recall + score.precision) / 2)
    (nothing,) = questeval([record("", "x")], scripted({}, {}), n_wordings=1)
    assert nothing.score == 0.0


def test_questeval_proposes_as_it_is_told_and_the_signature_says_so() -> None:
    proposed = {TXT: [QAPair("food a?", "indian", "food")]}
    answerer = scripted(KNOWN, LOGS, proposed)
    diverse = QAOptions(modes=("questeval",), quals=QualsOptions("diverse", n_groups=5))
    report = QAReport(signature(answerer, diverse))
    asked = EvaluationRecord("0", RECORD.mr, "Indian food by the river.")
    list(judge_records([asked], answerer, diverse, report))
    assert "proposals" in answerer.calls
    assert "|propose:diverse/5/0.5|" in report.signature
    assert "|propose:closed|" in signature(answerer, QAOptions())


def test_a_report_has_means_intervals_costs_and_a_signature() -> None:
    records = [
        EvaluationRecord(str(at), parse_mr(f"food[Italian], name[N{at}]", DOMAIN), "Indian food.")
        for at in range(6)
    ]
    answerer = scripted(KNOWN, LOGS)
    options = QAOptions(batch_size=4)
    report = QAReport(signature(answerer, options))
    lines = list(judge_records(records, answerer, options, report))
    assert [line["id"] for line in lines] == [str(at) for at in range(6)]
    failing = lines[0]["quals"]["failing"]
    assert failing[0] == {
        "from": "text", "slot": "food", "question": "food a?", "answer": "indian",
        "difference": -3.0,
    }  # fmt: skip
    assert lines[0]["consistency"]["wrong"] == 1
    summary = report.as_dict(seed=1, n_resamples=50)
    assert summary["n"] == 6
    f1 = summary["metrics"]["consistency_f1"]
    assert f1["low"] <= f1["score"] <= f1["high"] <= 100
    assert set(summary["seconds"]) == {"quals", "consistency", "questeval"}
    assert "dom:restaurant@" in summary["signature"]
    assert summary == {**report.as_dict(seed=1, n_resamples=50)}
    empty = QAReport("s").as_dict(seed=1)
    assert empty["n"] == 0
    assert empty["metrics"] == {}


def test_what_is_undefined_everywhere_has_no_score() -> None:
    report = QAReport("s")
    options = QAOptions(modes=("quals",))
    records = [EvaluationRecord("0", NOTHING, "")]
    list(judge_records(records, scripted({}, {}), options, report))
    assert report.as_dict(seed=1)["metrics"]["quals_sum"] == {"score": None, "n": 0}
