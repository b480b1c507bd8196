from __future__ import annotations

import json
from itertools import permutations
from math import exp, log
from random import Random
from time import perf_counter

import pytest

from d2t.corpus.types import Example
from d2t.errors import BundleError, DataError, DomainError
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.bigram import BOUNDARY, BigramPlanner
from d2t.plan.untrained import display_plan, random_plan, random_plans

DOMAIN = load_domain("restaurant")
NAME, PUB, FRENCH = Slot("name", "Aromi"), Slot("eatType", "pub"), Slot("food", "French")


def mr(*slots: Slot) -> MeaningRepresentation:
    return MeaningRepresentation(slots)


def fitted(*plans: tuple[Slot, ...]) -> BigramPlanner:
    examples = [Example(str(i), mr(*set(plan)), plan=Plan(plan)) for i, plan in enumerate(plans)]
    return BigramPlanner().fit(examples, DOMAIN)


def test_learns_the_order_it_saw():
    planner = fitted((NAME, PUB, FRENCH), (NAME, PUB, FRENCH), (FRENCH, NAME, PUB))
    assert planner.plan(mr(FRENCH, PUB, NAME)).slots == (NAME, PUB, FRENCH)


def test_open_slots_are_one_token():
    planner = fitted((FRENCH, Slot("name", "Aromi")))
    assert planner.plan(mr(Slot("name", "Never Seen"), FRENCH)).names == ("food", "name")


def test_an_unseen_filler_goes_where_its_slot_goes():
    planner = fitted((PUB, FRENCH, NAME), (PUB, Slot("food", "Thai"), NAME))
    plan = planner.plan(mr(NAME, Slot("food", "Ethiopian"), PUB))
    assert plan.names == ("eatType", "food", "name")


def test_fillers_have_orders_of_their_own():
    cheap, dear = Slot("priceRange", "cheap"), Slot("priceRange", "high")
    planner = fitted(*[(cheap, PUB)] * 3, *[(PUB, dear)] * 3)
    assert planner.plan(mr(PUB, cheap)).slots == (cheap, PUB)
    assert planner.plan(mr(PUB, dear)).slots == (PUB, dear)


def test_how_a_plan_ends_counts():
    planner = fitted((NAME, FRENCH, PUB), (NAME, FRENCH, PUB), (FRENCH, NAME))
    assert planner.plan(mr(NAME, FRENCH)).slots == (FRENCH, NAME)


def test_values_that_the_model_cannot_tell_apart_stay_in_alphabetical_order():
    near = [Slot("near", value) for value in "CAB"]
    planner = fitted((NAME, *near))
    assert [s.value for s in planner.plan(mr(*near, NAME)).slots] == ["Aromi", "A", "B", "C"]


def test_score_by_hand():
    planner = fitted((NAME, PUB), (NAME, FRENCH))
    # c(@, name) = 2 of 2, one follower; c(name, eatType) = 1 of 2, two followers, slot share 1/2.
    score = planner.log_prob(Plan((NAME,))) - planner._score(("name", None), BOUNDARY)
    assert exp(score) == pytest.approx(1, abs=1e-5)
    assert planner._score(("name", None), ("eatType", "pub")) == pytest.approx(
        log((1 + 2 * 0.5) / 4), abs=1e-5
    )


def test_beam_is_exact_on_a_small_mr():
    rng = Random(7)
    slots = [NAME, PUB, FRENCH, *(Slot(n, "x") for n in ("near", "area", "priceRange"))]
    plans = [tuple(rng.sample(slots, 6)) for _ in range(30)]
    planner = fitted(*plans)
    best = max(planner.log_prob(Plan(order)) for order in permutations(slots))
    assert planner.log_prob(planner.plan(mr(*slots))) == pytest.approx(best)


def test_a_narrow_beam_still_permutes():
    planner = BigramPlanner(beam=1).fit([Example("1", mr(NAME), plan=Plan((NAME, PUB)))], DOMAIN)
    assert set(planner.plan(mr(NAME, PUB, FRENCH)).slots) == {NAME, PUB, FRENCH}


def test_ten_slots_take_milliseconds():
    slots = [Slot(name, value) for name in DOMAIN.slot_names for value in ("a", "b")][:10]
    planner = fitted(tuple(slots[::-1]))
    start = perf_counter()
    assert planner.plan(mr(*slots)).slots[0].name == slots[-1].name
    assert perf_counter() - start < 1.0


def test_state_round_trip_plans_the_same():
    planner = fitted((NAME, PUB, FRENCH), (FRENCH, NAME), (PUB, NAME))
    state = json.loads(json.dumps(planner.state()))
    restored = BigramPlanner.from_state(state)
    assert restored.state() == planner.state()
    for slots in ((NAME, PUB), (FRENCH, PUB, NAME), (Slot("area", "moon"), NAME)):
        assert restored.plan(mr(*slots)) == planner.plan(mr(*slots))
        assert restored.log_prob(Plan(slots)) == planner.log_prob(Plan(slots))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"beam": 1, "hidden": [], "tokens": [["a", None]], "bigrams": [[0, 9, 1]]},
        {"beam": None},
    ],
)
def test_damaged_state_is_a_bundle_error(state):
    with pytest.raises(BundleError, match="bigram planner"):
        BigramPlanner.from_state(state)


def test_a_corpus_without_plans_cannot_be_fitted():
    with pytest.raises(DataError, match="align"):
        BigramPlanner().fit([Example("1", mr(NAME))], DOMAIN)


def test_display_order_is_the_domains():
    slots = (
        Slot("near", "X"),
        Slot("food", "Zulu"),
        Slot("food", "Indian"),
        Slot("food", "English"),
        NAME,
    )
    plan = display_plan(mr(*slots), DOMAIN)
    assert plan.labels() == ["name", "food[English]", "food[Indian]", "food[Zulu]", "near"]
    assert display_plan(mr(*plan.slots), DOMAIN) == plan


def test_display_of_an_unknown_slot_is_a_domain_error():
    with pytest.raises(DomainError):
        display_plan(mr(Slot("colour", "red")), DOMAIN)


def test_random_plans_are_distinct_while_possible_then_repeat():
    two = mr(NAME, PUB)
    plans = random_plans(two, 5, seed=1)
    assert len(plans) == 5
    assert set(plans[:2]) == set(plans) == {Plan((NAME, PUB)), Plan((PUB, NAME))}
    assert random_plans(mr(NAME), 3, seed=0) == [Plan((NAME,))] * 3


@pytest.mark.parametrize("size", [3, 6, 7, 8])
def test_random_plans_of_larger_mrs_are_distinct(size):
    slots = tuple(Slot(name, "v") for name in DOMAIN.slot_names[:size])
    assert len(set(random_plans(mr(*slots), 6, seed=2))) == 6


def test_random_plans_depend_on_seed_and_mr_not_on_order():
    slots = tuple(Slot(name, "v") for name in DOMAIN.slot_names)
    assert random_plans(mr(*slots), 3, 1) == random_plans(mr(*slots[::-1]), 3, 1)
    assert random_plans(mr(*slots), 3, 1) != random_plans(mr(*slots), 3, 2)
    assert random_plan(mr(*slots), Random(1)) == random_plan(mr(*slots[::-1]), Random(1))


def test_no_plans_asked_for():
    assert random_plans(mr(NAME, PUB), 0, 1) == []


def test_random_plans_of_a_long_mr_with_repeated_slots_come_to_an_end() -> None:
    slots = (NAME, *[PUB] * 6)  # seven slots, seven distinct orders
    plans = random_plans(mr(*slots), 10, seed=0)
    assert len(plans) == 10
    assert len(set(plans)) == 7
