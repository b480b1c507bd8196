"""Sources and targets of models whose decoder says the plan first."""

from __future__ import annotations

import pytest

from d2t.errors import BundleError, DataError
from d2t.language.symbols import COUNTERFACTUAL, FACTUAL, SAY
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer, PlanFirst
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Plan, Slot

DOMAIN = load_domain("restaurant")
MR = parse_mr("name[Aromi], food[Italian], near[The Mill]", DOMAIN)
NAME, FOOD, NEAR = MR.slots


def linearizer(first: PlanFirst | None) -> Linearizer:
    return Linearizer(DOMAIN, make_strategy("random"), Inventory.of_domain(DOMAIN), first)


def test_tag_on_both_sides_and_the_plan_in_its_own_order() -> None:
    written = linearizer(PlanFirst()).linearize(
        MR, Plan((NAME, FOOD, NEAR)), said=Plan((NEAR, NAME, FOOD), (1,))
    )
    assert written.pieces[:3] == (FACTUAL, "<slot:name>", "<val:name>")
    assert written.prefix == (
        FACTUAL, "<slot:near>", "<val:near>", "<break>", "<slot:name>", "<val:name>",
        "<slot:food>", "Italian", "<break>", SAY,
    )  # fmt: skip
    assert written.bindings == {"<val:name>": "Aromi", "<val:near>": "The Mill"}


def test_a_counterfactual_plan_has_the_other_tag_and_what_the_mr_lacks() -> None:
    without = parse_mr("name[Aromi], food[French]", DOMAIN)
    written = linearizer(PlanFirst()).linearize(
        without, Plan(without.slots), said=Plan((NEAR, NAME, FOOD)), factual=False
    )
    assert written.pieces[0] == written.prefix[0] == COUNTERFACTUAL
    assert "French" in written.pieces
    assert "Italian" in written.prefix
    assert written.bindings["<val:near>"] == "The Mill"


def test_without_tags_only_the_plan_and_its_end_are_said() -> None:
    plain = linearizer(None).linearize(MR, Plan(MR.slots))
    written = linearizer(PlanFirst(tags=False)).linearize(MR, Plan(MR.slots))
    assert plain.prefix == ()
    assert written.pieces == plain.pieces
    assert written.prefix[0] == "<slot:name>"
    assert written.prefix[-1] == SAY


def test_values_are_numbered_alike_in_source_and_plan() -> None:
    mr = parse_mr("name[Aromi], near[The Mill], near[Zizzi]", DOMAIN)
    name, mill, zizzi = mr.slots
    written = linearizer(PlanFirst()).linearize(mr, Plan(mr.slots), said=Plan((zizzi, mill, name)))
    assert written.prefix[1:5] == ("<slot:near>", "<val:near:2>", "<slot:near>", "<val:near>")
    assert written.bindings["<val:near:2>"] == "Zizzi"


@pytest.mark.parametrize(
    "slots", [(NAME, FOOD), (NAME, FOOD, NEAR, Slot("eatType", "pub")), (NAME, NEAR, NAME)]
)
def test_a_factual_plan_must_be_an_order_of_the_mr(slots: tuple[Slot, ...]) -> None:
    with pytest.raises(DataError, match="not an order of the MR's slots") as caught:
        linearizer(PlanFirst()).linearize(MR, Plan(MR.slots), said=Plan(slots))
    assert caught.value.code == "plan_mismatch"


def test_the_state_is_kept_and_absent_where_there_is_none() -> None:
    assert "plan_first" not in linearizer(None).state()
    state = linearizer(PlanFirst(tags=False)).state()
    restored = Linearizer.from_state(state, DOMAIN)
    assert restored.plan_first == PlanFirst(tags=False)
    assert restored.needs_planner
    assert restored.plans_sentences
    with pytest.raises(BundleError):
        Linearizer.from_state({**state, "plan_first": {}}, DOMAIN)
