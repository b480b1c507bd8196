"""Counterfactual pairs: siblings, substitution, noise, and what is no pair."""

from __future__ import annotations

from dataclasses import replace

import pytest

from d2t.augment.counterfactual import (
    KIND,
    CounterfactualCounts,
    SiblingIndex,
    counterfactual_pairs,
    fault,
    to_record,
)
from d2t.corpus.records import example_from_record
from d2t.corpus.types import Example
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def aligned(id: str, mr: str, text: str) -> Example:
    parsed = parse_mr(mr, DOMAIN)
    return Example(id, parsed, (text,), CHECKER.align(text, parsed).plan())


def pairs(examples, sources, **options):
    alignments = [CHECKER.align(e.references[0], e.mr) for e in examples]
    found = counterfactual_pairs(examples, alignments, CHECKER, DOMAIN, sources=sources, **options)
    return list(found)


ITALIAN = aligned("a", "name[Aromi], eatType[pub], food[Italian]", "Aromi is an Italian pub.")
FRENCH = aligned("b", "name[Aromi], eatType[pub], food[French]", "Aromi is a French pub.")
NO_FOOD = aligned("c", "name[Aromi], eatType[pub]", "Aromi is a pub.")
OTHER_NAME = aligned("d", "name[Zizzi], eatType[pub], food[Italian]", "Zizzi is an Italian pub.")


def test_siblings_differ_in_one_value_or_slot_but_not_in_a_name_alone() -> None:
    index = SiblingIndex([e.mr for e in (ITALIAN, FRENCH, NO_FOOD, OTHER_NAME)], DOMAIN)

    def of(example):
        return {mr.key() for mr in index.siblings(example.mr)}

    assert of(ITALIAN) == {FRENCH.mr.key(), NO_FOOD.mr.key()}
    assert of(NO_FOOD) == {ITALIAN.mr.key(), FRENCH.mr.key()}
    assert of(OTHER_NAME) == set()


def test_a_sibling_pair_keeps_the_text_and_its_plan_and_reads_the_others_mr() -> None:
    found = pairs([ITALIAN, FRENCH], ["siblings"])
    assert [p.parent for p in found] == ["a", "b"]
    example = found[0].example
    assert example.references == ITALIAN.references
    assert example.plan == ITALIAN.plan
    assert example.mr.key() == FRENCH.mr.key()
    record = to_record(found[0], DOMAIN)
    assert record["only_in_mr"] == ["food[French]"]
    assert record["only_in_plan"] == ["food[Italian]"]
    assert record["made_by"] == "siblings"
    assert example_from_record(record, DOMAIN) == example


def test_a_substituted_value_takes_its_article_along() -> None:
    found = pairs([ITALIAN, FRENCH], ["substitution"])
    assert [p.example.references[0] for p in found] == [
        "Aromi is a French pub.",
        "Aromi is an Italian pub.",
    ]
    assert [p.example.mr for p in found] == [ITALIAN.mr, FRENCH.mr]
    assert found[0].example.plan == FRENCH.plan
    assert {p.example.kind for p in found} == {KIND}


def test_a_value_is_put_only_between_words_that_it_has_stood_between() -> None:
    cheap = aligned("a", "name[Aromi], priceRange[cheap]", "Aromi is a cheap place.")
    band = aligned("b", "name[Aromi], priceRange[£20-25]", "Aromi has a price range of £20-25.")
    assert pairs([cheap, band], ["substitution"]) == []


def test_a_value_of_the_first_word_gets_its_capital() -> None:
    first = aligned("a", "name[Aromi], food[French]", "French food is served at Aromi.")
    second = aligned("b", "name[Aromi], food[Fast food]", "fast food food is served at Aromi.")
    found = pairs([first, second], ["substitution"])
    assert [p.example.references[0] for p in found][:1] == ["Fast food food is served at Aromi."]


def test_noisy_pairs_are_those_that_do_not_say_their_mr() -> None:
    noisy = replace(FRENCH, id="n", mr=ITALIAN.mr, plan=None)
    counts = CounterfactualCounts()
    found = pairs([], ["noisy"], raw=[ITALIAN, noisy], counts=counts)
    assert [(p.parent, p.source) for p in found] == [("n", "noisy")]
    assert found[0].example.plan == FRENCH.plan
    assert counts.dropped == {"no_contradiction": 1}


@pytest.mark.parametrize(
    ("mr", "text", "reason"),
    [
        (
            "name[Aromi], eatType[pub], food[Italian]",
            "Aromi is an Italian pub.",
            "no_contradiction",
        ),
        ("name[Aromi], food[Italian]", "Aromi is a French restaurant.", "reads_otherwise"),
        ("name[Aromi], eatType[pub], food[Italian]", "Nothing to see.", "says_nothing"),
    ],
)
def test_what_is_no_pair(mr: str, text: str, reason: str) -> None:
    plan = CHECKER.align(text).plan()
    if reason == "reads_otherwise":  # the plan leaves out what the text says
        plan = replace(plan, slots=plan.slots[:-1])
    assert fault(Example("x", parse_mr(mr, DOMAIN), (text,), plan), CHECKER) == reason


def test_a_synonym_is_no_contradiction() -> None:
    merged = [g for spec in DOMAIN.slots for g in spec.synonyms if spec.name == "priceRange"]
    first, second = merged[0][:2]
    text = aligned("a", f"name[Aromi], priceRange[{first}]", f"Aromi is {first}.")
    other = parse_mr(f"name[Aromi], priceRange[{second}]", DOMAIN)
    assert fault(replace(text, mr=other), CHECKER) in ("no_contradiction", "reads_otherwise")


def test_test_mrs_are_neither_read_nor_said() -> None:
    examples = [ITALIAN, FRENCH]
    for held in (ITALIAN, FRENCH):
        for source in ("siblings", "substitution"):
            assert pairs(examples, [source], held_out={held.mr.key()}) == []
    noisy = replace(FRENCH, mr=ITALIAN.mr, plan=None)
    assert pairs([], ["noisy"], raw=[noisy], held_out={FRENCH.mr.key()}) == []
