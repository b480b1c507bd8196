"""LAS against cases worked out by hand, and its intervals against the truth they should hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from d2t.errors import DataError
from d2t.judges.observer.items import value_items, verbalised_items
from d2t.judges.observer.simulatability import SimulatedItem, simulatability
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.score.bootstrap import Resampling
from d2t.score.records import EvaluationRecord, checker_for

NO_INTERVALS = Resampling(n_resamples=0)


def items(*rows: str) -> list[SimulatedItem]:
    """``"bir"``: right from both, input, rationale; ``-`` where wrong."""
    return [
        SimulatedItem("q", "a", unit, row[0] == "b", row[1] == "i", row[2] == "r")
        for unit, row in enumerate(rows)
    ]


def test_by_hand() -> None:
    """Leaking: d = 1, 0, 0 -> 1/3. Not leaking: d = 1, 1, -1, 0 -> 1/4. LAS = 7/24."""
    found = simulatability(
        items("b-r", "bir", "--r", "b--", "b--", "-i-", "bi-"), NO_INTERVALS, signature="s"
    )
    assert found.las.score == pytest.approx(100 * 7 / 24)
    assert found.leaking.score == pytest.approx(100 / 3)
    assert found.nonleaking.score == pytest.approx(25)
    assert (found.n_items, found.n_units, found.n_leaking) == (7, 7, 3)
    assert found.accuracy["both"].score == pytest.approx(100 * 5 / 7)
    assert found.accuracy["input"].score == pytest.approx(100 * 3 / 7)
    assert found.accuracy["rationale"].score == pytest.approx(100 * 3 / 7)
    assert found.unadjusted.score == pytest.approx(100 * 2 / 7)
    assert found.signature == "s"


def test_groups_count_alike_whatever_their_sizes() -> None:
    """99 leaking items that gain nothing and one other that gains: half of its effect."""
    found = simulatability(items(*["bir"] * 99, "b--"), NO_INTERVALS)
    assert found.las.score == pytest.approx(50)
    assert found.unadjusted.score == pytest.approx(1)


@pytest.mark.parametrize("rows", [("b-r", "bir"), ("b--", "---")])
def test_an_empty_group_leaves_las_undefined(rows: tuple[str, ...]) -> None:
    found = simulatability(items(*rows), Resampling(n_resamples=50))
    assert math.isnan(found.las.score)
    assert found.as_dict()["las"] == {"score": None, "interval": None}
    assert found.unadjusted.score == pytest.approx(50)


def test_balanced_accuracy_and_majority() -> None:
    rare = [SimulatedItem("q", "no", 9, False, False, True)]
    often = [SimulatedItem("q", "yes", k, True, True, False) for k in range(9)]
    found = simulatability(rare + often, NO_INTERVALS)
    assert found.accuracy["both"].score == pytest.approx(90)
    assert found.balanced == pytest.approx({"both": 50, "input": 50, "rationale": 50})
    assert found.majority == pytest.approx(90)


def test_nothing_to_simulate() -> None:
    with pytest.raises(DataError, match="no items"):
        simulatability([], NO_INTERVALS)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """200 worlds of 120 MRs: leak 0.6; d is 1 with 0.2 or 0.5. True LAS: 35."""
    rng = np.random.default_rng(7)
    held = 0
    for world in range(200):
        leaks = rng.random(120) < 0.6
        gains = rng.random(120) < np.where(leaks, 0.2, 0.5)
        rows = [("b-" if gain else "bi") + ("r" if leak else "-")
                for leak, gain in zip(leaks, gains, strict=True)]  # fmt: skip
        las = simulatability(items(*rows), Resampling(n_resamples=200, seed=world)).las
        held += las.low <= 35 <= las.high
    assert 0.88 <= held / 200 <= 0.99


def test_items_of_one_mr_are_drawn_together() -> None:
    once = items(*["b-r", "bir", "b--", "bi-"] * 10)
    many = [
        SimulatedItem(i.question, i.answer, i.unit, i.both, i.input, i.rationale)
        for i in once
        for _ in range(5)
    ]
    narrow = simulatability(once, Resampling(n_resamples=300)).las
    same = simulatability(many, Resampling(n_resamples=300)).las
    assert (same.low, same.high) == pytest.approx((narrow.low, narrow.high))
    assert simulatability(many, NO_INTERVALS).n_units == 40


# --- what is asked ------------------------------------------------------------------------------

MR = "name[Aromi], eatType[pub], priceRange[less than £20], near[Zizzi]"


def record(text: str, plan: str | None = None, mr: str = MR) -> EvaluationRecord:
    domain = load_domain("restaurant")
    parsed = parse_mr(mr, domain)
    return EvaluationRecord(
        "1", parsed, text, None if plan is None else parse_plan(plan, parsed, domain)
    )


def test_value_items_hide_one_value_and_show_the_rest() -> None:
    pub, price = value_items([record("Aromi is a cheap pub.")], load_domain("restaurant"))
    assert (pub.question, pub.answer) == ("eatType", "pub")
    assert pub.input == ("name[Aromi]", "priceRange[less than £20]", "near[Zizzi]")
    assert pub.rationale == ("aromi", "is", "a", "cheap", "pub", ".")
    assert (price.question, price.answer) == ("priceRange", "cheap")  # its synonym
    assert price.mr == pub.mr


def test_no_closed_slot_no_value() -> None:
    with pytest.raises(DataError, match="no value"):
        value_items([record("Aromi.", mr="name[Aromi]")], load_domain("restaurant"))
    lists = {"title": {"kind": "open"}, "genres": {"kind": "list", "values": ["a", "b"]}}
    domain = domain_from_dict({"name": "lists", "slots": lists})
    both = EvaluationRecord("1", parse_mr("title[T], genres[a, b]", domain), "T is a and b.")
    with pytest.raises(DataError):
        value_items([both], domain)


def test_verbalised_items_ask_for_the_most_omitted_slots() -> None:
    plan = "near, name | eatType, priceRange"
    checker = checker_for(load_domain("restaurant"))
    records = [
        record("Near Zizzi is Aromi. It is a pub.", plan),
        record("Near Zizzi is Aromi. It is an expensive pub.", plan),
    ]
    found = verbalised_items(records, checker, most=1)
    assert [(item.question, item.answer) for item in found] == [
        ("priceRange", "omitted"), ("priceRange", "said"),
    ]  # fmt: skip
    assert found[0].rationale == ("near", "name", "|", "eatType", "priceRange")
    assert "priceRange[less than £20]" in found[0].input


def test_verbalised_items_need_plans_and_omissions() -> None:
    checker = checker_for(load_domain("restaurant"))
    with pytest.raises(DataError, match="no plan"):
        verbalised_items([record("Aromi is a pub.")], checker)
    whole = "Aromi is a pub near Zizzi for less than £20."
    with pytest.raises(DataError, match="all its slots"):
        verbalised_items([record(whole, "name, eatType, near, priceRange")], checker)
