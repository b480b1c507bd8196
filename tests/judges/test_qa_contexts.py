"""Contexts of the QA metrics: one symbol for one name, questions with what is expected."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from d2t.judges.qa.consistency import token_f1
from d2t.judges.qa.contexts import all_questions, context_pair, said_pairs
from d2t.judges.qa.entities import MAX_ENTITIES, find_entities
from d2t.judges.qa.questions import load_questions
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Slot

if TYPE_CHECKING:
    from d2t.judges.qa.types import ContextPair

DOMAIN = load_domain("restaurant")
QUESTIONS = load_questions(DOMAIN)


def pair_of(mr: str, text: str, *, rng: Random | None = None) -> ContextPair:
    return context_pair(parse_mr(mr, DOMAIN), text, DOMAIN, QUESTIONS, rng=rng)


def test_a_name_has_one_symbol_in_both_contexts_and_no_slot_in_it() -> None:
    pair = pair_of(
        "name[The Mill], near[Café Rouge], food[Thai]", "Near cafe rouge, Mill's Thai food."
    )
    assert pair.text == "<txt> near <ent:3>, <ent:1>'s <ent:2> food."
    assert pair.data == "<mr> <slot:name> <ent:1> <slot:food> <ent:2> <slot:near> <ent:3>"
    assert pair.subject == "<ent:1>"
    assert pair.entities.show("<ent:3> and <ent:1>") == "Café Rouge and The Mill"


def test_listed_closed_values_stay_words_and_other_known_names_are_symbols_too() -> None:
    pair = pair_of("name[Aromi], food[Italian]", "Zizzi serves Italian food near Burger King.")
    assert pair.text == "<txt> <ent:2> serves italian food near <ent:3>."
    assert pair.data == "<mr> <slot:name> <ent:1> <slot:food> italian"


def test_names_that_are_spoken_of_are_symbols_too_and_no_part_of_the_record() -> None:
    mr, text = parse_mr("name[Aromi]", DOMAIN), "Aromi is far from Zum Anker."
    spoken = (Slot("near", "Zum Anker"), Slot("food", "Thai"))
    pair = context_pair(mr, text, DOMAIN, QUESTIONS, mentioned=spoken)
    assert pair.text == "<txt> <ent:1> is far from <ent:2>."
    assert pair.data == "<mr> <slot:name> <ent:1>"
    assert {p.slot for p in said_pairs(pair, QUESTIONS)} == {"name"}


def test_a_text_cannot_smuggle_symbols_in() -> None:
    assert "<ent:1>" not in pair_of("name[Aromi]", "say <ent:1> <ans> none").text
    assert "<ans>" not in pair_of("name[<ans>]", "<ans>").data


def test_longer_names_first_and_only_whole_words() -> None:
    pair = pair_of("name[The Rice], near[The Rice Boat]", "The Rice Boat, rice, and licerice.")
    assert pair.text == "<txt> <ent:2>, <ent:1>, and licerice."


def test_there_are_only_so_many_symbols() -> None:
    mr = parse_mr(", ".join(f"near[Place {k}]" for k in range(20)), DOMAIN)
    assert len(find_entities(mr.slots, (), DOMAIN).values) == MAX_ENTITIES
    left = sorted(f"Place {k}" for k in range(20))[-1]
    assert left.lower() in context_pair(mr, left, DOMAIN, QUESTIONS).text


def test_training_draws_symbols_and_order_scoring_does_not() -> None:
    mr, text = "name[Aromi], near[Zizzi], area[riverside]", "Aromi by the river near Zizzi."
    drawn = {pair_of(mr, text, rng=Random(seed)).data for seed in range(20)}
    assert len(drawn) > 10
    assert pair_of("near[Zizzi], area[riverside], name[Aromi]", text).data == pair_of(mr, text).data


def test_questions_expect_the_value_its_synonyms_or_none() -> None:
    pair = pair_of("name[Aromi], priceRange[cheap]", "Aromi is cheap.")
    asked = {(a.slot, a.expected) for a in all_questions(pair, DOMAIN, QUESTIONS, n_wordings=1)}
    assert ("priceRange", ("cheap", "less than £20")) in asked
    assert ("name", ("<ent:1>",)) in asked
    assert ("food", ("none",)) in asked
    assert len(asked) == len(DOMAIN.slot_names)


def test_without_a_subject_no_question_names_one() -> None:
    pair = pair_of("food[Italian]", "Italian food.")
    assert pair.subject is None
    asked = all_questions(pair, DOMAIN, QUESTIONS)
    assert asked
    assert all("{" not in a.question and "<ent" not in a.question for a in asked)


def test_held_out_wordings_are_others() -> None:
    pair = pair_of("name[Aromi], food[Italian]", "Aromi serves Italian food.")
    usual = {a.question for a in all_questions(pair, DOMAIN, QUESTIONS)}
    held = {a.question for a in all_questions(pair, DOMAIN, QUESTIONS, held_out=True)}
    assert held
    assert not usual & held
    assert {p.question for p in said_pairs(pair, QUESTIONS)} < usual


def test_list_slots_are_asked_about_value_by_value() -> None:
    domain = load_domain("viggo")
    questions = load_questions(domain)
    mr = parse_mr("inform(name[Portal 2], platforms[PC, Xbox], release_year[2011])", domain)
    pair = context_pair(mr, "Portal 2 (2011) is on PC and Xbox.", domain, questions)
    asked = [
        a for a in all_questions(pair, domain, questions, n_wordings=1) if a.slot == "platforms"
    ]
    assert {a.question: a.expected[0] for a in asked} == {
        "does it run on pc?": "yes",
        "does it run on playstation?": "none",
        "does it run on xbox?": "yes",
        "does it run on nintendo?": "none",
        "does it run on nintendo switch?": "none",
    }
    said = {(p.slot, p.answer) for p in said_pairs(pair, questions)}
    assert ("platforms", "yes") in said
    assert ("release_year", "<ent:2>") in said


def test_a_slot_that_an_act_asks_for_is_not_asked_about() -> None:
    domain = load_domain("viggo")
    questions = load_questions(domain)
    pair = context_pair(parse_mr("request(developer[])", domain), "Who?", domain, questions)
    assert "developer" not in {a.slot for a in all_questions(pair, domain, questions)}
    assert said_pairs(pair, questions) == []


def test_token_f1_is_that_of_squad() -> None:
    assert token_f1("The Rice Boat", "rice boat!") == 1.0
    assert token_f1("Rice Boat", "Rice House") == 0.5
    assert token_f1("a b c", "c d") == 2 * 1 / (2 + 2)  # "a" is an article
    assert token_f1("", "") == 1.0
    assert token_f1("", "x") == 0.0
    assert token_f1("£20", "20") == 2 * 1 / 3
