from __future__ import annotations

import pytest

from d2t.corpus.correct import align_examples, correct_examples, restrict_plan, split_references
from d2t.corpus.group import remove_overlap
from d2t.corpus.types import Example
from d2t.errors import UsageError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
NAME, PUB, CHEAP = Slot("name", "Aromi"), Slot("eatType", "pub"), Slot("priceRange", "cheap")
AREA = Slot("area", "riverside")


def example(text: str, mr: str, own_id: str = "0") -> Example:
    return Example(own_id, parse_mr(mr, DOMAIN), (text,))


def test_the_mr_becomes_what_the_text_says_and_the_plan_its_order() -> None:
    given = example("A cheap pub is Aromi.", "name[Aromi], area[riverside]")
    (corrected,) = correct_examples([given], CHECKER, DOMAIN)
    assert corrected.mr == MeaningRepresentation((NAME, PUB, CHEAP))  # display order
    assert corrected.plan is not None
    assert corrected.plan.slots == (CHEAP, PUB, NAME)
    assert (corrected.id, corrected.references) == (given.id, given.references)


def test_the_given_mr_decides_between_values_of_one_wording() -> None:
    """Low prices are said of ``cheap`` and ``less than £20``: the value that was given stays."""
    text = "Aromi has low prices."
    for value in ("cheap", "less than £20"):
        given = example(text, f"name[Aromi], priceRange[{value}]")
        (corrected,) = correct_examples([given], CHECKER, DOMAIN)
        assert corrected.mr.values("priceRange") == (value,)
    (corrected,) = correct_examples([example(text, "name[Aromi]")], CHECKER, DOMAIN)
    assert corrected.mr.values("priceRange") == ("cheap",)


def test_open_values_that_nobody_has_seen_stay() -> None:
    given = example("Quux & Baz is a pub.", "name[Quux & Baz], eatType[restaurant]")
    (corrected,) = correct_examples([given], CHECKER, DOMAIN)
    assert corrected.mr.values("name") == ("Quux & Baz",)
    assert corrected.mr.values("eatType") == ("pub",)


def test_a_text_that_says_nothing_is_dropped() -> None:
    assert correct_examples([example("Hello there.", "eatType[pub]")], CHECKER, DOMAIN) == []


def test_correction_is_idempotent() -> None:
    given = [
        example("Aromi is a cheap pub by the river.", "name[Aromi], priceRange[high]"),
        example("There is a family-friendly place near Clare Hall.", "eatType[pub]", "1"),
    ]
    once = correct_examples(given, CHECKER, DOMAIN)
    assert correct_examples(once, CHECKER, DOMAIN) == once


def test_act_and_empty_values_are_kept() -> None:
    viggo = load_domain("viggo")
    mr = parse_mr("request(developer[], specifier[fun])", viggo)
    given = Example("0", mr, ("What is a fun one?",))
    (corrected,) = correct_examples([given], SlotChecker.for_domain(viggo), viggo)
    assert corrected.mr.dialogue_act == "request"
    assert Slot("developer", "") in corrected.mr.slots


def test_test_sets_are_refused() -> None:
    with pytest.raises(UsageError, match="never changed"):
        correct_examples([], CHECKER, DOMAIN, split="test")


def test_each_reference_is_corrected_on_its_own() -> None:
    mr = parse_mr("name[Aromi]", DOMAIN)
    given = Example("7", mr, ("Aromi is a pub.", "Aromi is cheap."), Plan((NAME,)))
    corrected = correct_examples([given], CHECKER, DOMAIN)
    assert [ex.id for ex in corrected] == ["7-0", "7-1"]
    assert [ex.mr.slots for ex in corrected] == [(NAME, PUB), (NAME, CHEAP)]
    assert [ex.plan for ex in split_references([given])] == [None, None]


def test_correction_can_bring_overlap_back_and_removal_after_it_finds_it() -> None:
    train = [example("Aromi is a pub.", "name[Aromi], eatType[pub], food[Chinese]")]
    test = [example("The pub Aromi.", "eatType[pub], name[Aromi]", "t")]
    assert remove_overlap(train, test) == train
    assert remove_overlap(correct_examples(train, CHECKER, DOMAIN), test) == []


def test_align_keeps_the_mr_and_plans_only_what_it_has() -> None:
    given = example("A cheap pub is Aromi.", "name[Aromi], priceRange[cheap], area[riverside]")
    (aligned,) = align_examples([given], CHECKER)
    assert aligned.mr == given.mr
    assert aligned.plan is not None
    assert aligned.plan.slots == (CHEAP, NAME)


def test_restricting_joins_neighbours_and_moves_breaks() -> None:
    plan = Plan((NAME, PUB, NAME, AREA, CHEAP), (2, 3, 4))
    mr = MeaningRepresentation((NAME, CHEAP))
    assert restrict_plan(plan, mr) == Plan((NAME, CHEAP), (1,))
    assert restrict_plan(plan, MeaningRepresentation((AREA,))) == Plan((AREA,), ())
