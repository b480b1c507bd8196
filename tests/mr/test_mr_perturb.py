"""MRs made less true: only the values that a domain knows, and never the true ones."""

from __future__ import annotations

from random import Random

import pytest

from d2t.mr.domain import Domain, domain_from_dict, load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.perturb import PERTURBATIONS, perturbed_mr, perturbed_plan, slot_changes
from d2t.mr.plans import parse_plan
from d2t.mr.types import MeaningRepresentation, Plan, Slot

MR = "name[Aromi], eatType[pub], food[Thai], priceRange[cheap], familyFriendly[yes], near[Zizzi]"


@pytest.fixture
def domain() -> Domain:
    return load_domain("restaurant")


def lists() -> Domain:
    slots = {
        "title": {"kind": "open"},
        "genres": {"kind": "list", "values": ["a", "b", "c", "d"]},
        "year": {"kind": "numeric"},
        "only": {"kind": "categorical", "values": ["x"]},
    }
    return domain_from_dict({"name": "lists", "slots": slots})


def test_dropped_leaves_what_the_text_is_about(domain: Domain) -> None:
    mr = parse_mr(MR, domain)
    changes = slot_changes(mr, domain, "dropped", values={}, rng=Random(1))
    assert [slot.name for slot in changes] == list(mr.names[1:])
    assert perturbed_mr(mr, changes).slots == (Slot("name", "Aromi"),)


def test_null_empties_values(domain: Domain) -> None:
    mr = parse_mr(MR, domain)
    changes = slot_changes(mr, domain, "null", values={}, rng=Random(1))
    assert str(perturbed_mr(mr, changes).slots[-1]) == "near[]"
    assert perturbed_mr(mr, changes).names == mr.names


def test_a_wrong_value_is_a_known_other_one(domain: Domain) -> None:
    mr = parse_mr(MR, domain)
    drawn = set()
    for seed in range(40):
        changes = slot_changes(mr, domain, "wrong", values={"food": ["Thai"]}, rng=Random(seed))
        other = {slot.name: new.value for slot, new in changes.items() if new is not None}
        assert set(other) == {"eatType", "priceRange", "familyFriendly"}  # no open ones, one food
        assert other["familyFriendly"] == "no"
        drawn.add(other["priceRange"])
    assert drawn == {"moderate", "£20-25", "high", "more than £30"}  # no synonym of cheap


def test_values_of_a_list_are_all_replaced_by_others() -> None:
    domain = lists()
    mr = MeaningRepresentation(
        (Slot("genres", "a"), Slot("title", "T"), Slot("genres", "c"), Slot("year", "1999"),
         Slot("only", "x"))
    )  # fmt: skip
    changes = slot_changes(mr, domain, "wrong", values={}, rng=Random(2))
    assert set(changes) == {Slot("genres", "a"), Slot("genres", "c")}
    assert {slot.value for slot in changes.values() if slot is not None} <= {"b", "d"}


def test_without_the_first_slot_the_next_stays() -> None:
    mr = MeaningRepresentation((Slot("year", "1999"), Slot("genres", "a"), Slot("genres", "b")))
    changes = slot_changes(mr, lists(), "dropped", values={}, rng=Random(0))
    assert perturbed_mr(mr, changes).slots == (Slot("genres", "a"),)
    assert (
        slot_changes(MeaningRepresentation(()), lists(), "dropped", values={}, rng=Random(0)) == {}
    )


def test_requests_without_a_value_stay_as_they_are() -> None:
    mr = MeaningRepresentation((Slot("title", "T"), Slot("genres", "")))
    for kind in ("wrong", "null"):
        assert slot_changes(mr, lists(), kind, values={}, rng=Random(0)) == {}


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_plans_follow(domain: Domain, kind: str) -> None:
    mr = parse_mr(MR, domain)
    plan = parse_plan("food, name | eatType | priceRange, familyFriendly | near", mr, domain)
    changes = slot_changes(mr, domain, kind, values={}, rng=Random(3))  # type: ignore[arg-type]
    made = perturbed_plan(plan, changes)
    assert sorted(made.slots) == sorted(perturbed_mr(mr, changes).slots)
    assert (made.names == plan.names) == (kind != "dropped")


def test_sentences_without_slots_go() -> None:
    a, b, c, d = (Slot("s", value) for value in "abcd")
    plan = Plan((a, b, c, d, a), (2, 3))
    assert perturbed_plan(plan, {c: None}) == Plan((a, b, d, a), (2,))
    assert perturbed_plan(plan, {a: None, b: None}) == Plan((c, d), (1,))
    assert perturbed_plan(plan, {c: None, d: None, a: Slot("s", "x")}) == Plan(
        (Slot("s", "x"), b, Slot("s", "x")), (2,)
    )
    assert perturbed_plan(Plan((a, b)), {a: None}) == Plan((b,))
    assert perturbed_plan(plan, dict.fromkeys((a, b, c, d))) == Plan((), ())
