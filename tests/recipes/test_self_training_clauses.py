"""Clauses: a predicate each, found without a grammar; verbs are read from references."""

from __future__ import annotations

import pytest

from d2t.language.habits.clauses import ClauseChecker
from d2t.language.template import template_words

REFERENCES = (
    "It is a pub. It has a view and they serve fish.",
    "It is near the river, it has a garden and they serve tea.",
    "It is located by the sea. They are located there, and it also has a view.",
    "It located it. You can try it.",
)


@pytest.fixture(scope="module")
def clauses() -> ClauseChecker:
    return ClauseChecker.fit(map(template_words, REFERENCES), min_share=0.5)


def test_verbs_are_what_follows_a_pronoun(clauses: ClauseChecker) -> None:
    """``located`` follows it too, but the copula more often; ``also`` is too rare."""
    assert clauses.verbs == {"is", "has", "serve"}


def test_imperatives_are_what_follows_a_modal_verb() -> None:
    texts = ["You can try it.", "You should try it. It is said."]
    clauses = ClauseChecker.fit(map(template_words, texts), min_share=0.0)
    assert clauses.bare == {"try"}


def test_what_people_seldom_say_behind_a_pronoun_is_no_verb() -> None:
    texts = ["It is a pub with a view with it."] * 150 + ["It with is near it."] * 2
    clauses = ClauseChecker.fit(map(template_words, texts), min_share=0.01)
    assert clauses.verbs == {"is"}


@pytest.mark.parametrize(
    "text",
    [
        "Aromi is a pub.",
        "Aromi is a pub near Ranch that has a garden.",
        "Aromi, which is a pub, has a garden.",
        "It is cheap, but <val:name> has a garden.",
        "It is cheap but small and near <val:near> and <val:near>.",
        "Aromi is cheap and has a garden.",
        "Aromi is cheap and its customer rating is low.",
        "Aromi is cheap, has a garden and is near Ranch.",
        "Near Ranch is a pub called Aromi. It's cheap.",
        "If it is cheap, they serve tea.",
        "It isn't cheap, but has a garden.",
        "Is it cheap? They serve tea!",
        "With a low rating, near Ranch, is a pub.",
        "With a low rating, near Ranch, is <val:name>.",
        "Near Ranch, Aromi, a pub, is cheap.",
        "In the city, there is a pub.",
        "Near Ranch is a pub called <val:name>.",
        "The pub near Ranch is called <val:name>.",
        "With a low price it is not small.",
        "This pub is a place near Ranch.",
        "",
    ],
)
def test_whole_sentences_have_no_fault(clauses: ClauseChecker, text: str) -> None:
    assert clauses.fault(template_words(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "Aromi has received a star.",
        "Aromi has not recently received a star.",
        "Try Aromi.",
        "Near Ranch, try Aromi.",
        "For fish, try Aromi which has received a star.",
        "Near Ranch, it's a pub.",
    ],
)
def test_auxiliaries_and_imperatives_make_one_predicate(text: str) -> None:
    clauses = ClauseChecker({"is", "has", "received"}, {"try"})
    assert clauses.fault(template_words(text)) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Aromi has a star received a star.", "too_many_verbs"),
        ("A pub to try near Ranch.", "no_verb"),
        ("Aromi, try Ranch, has a star.", "too_many_verbs"),
    ],
)
def test_they_make_no_more_than_one(text: str, fault: str) -> None:
    clauses = ClauseChecker({"is", "has", "received"}, {"try"})
    assert clauses.fault(template_words(text)) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Near Ranch is a pub is called Aromi.", "too_many_verbs"),
        ("There is a pub that is cheap is Aromi.", "too_many_verbs"),
        ("Aromi is a pub with a view and a price range of 20 has a garden.", "too_many_verbs"),
        ("Aromi is a pub, it is cheap.", "too_many_verbs"),
        ("It's a pub it's cheap.", "too_many_verbs"),
        ("Aromi, is cheap and is small, Zizzi is a pub.", "too_many_verbs"),
        ("With a low rating, is cheap and is small, Aromi is a pub.", "no_subject"),
        ("With a low rating and is cheap, Aromi.", "nothing_joined"),
        ("It is cheap, but <val:name>.", "nothing_joined"),
        ("With a low rating, near Ranch, is cheap.", "no_subject"),
        ("Not cheap and near Ranch, has a garden.", "no_subject"),
        ("With a low price is called <val:name>.", "no_subject"),
        ("Near Ranch is not cheap.", "no_subject"),
        ("This pub is a place.", "says_nothing"),
        ("A cheap pub near Ranch.", "no_verb"),
        ("A cheap pub that has a garden called Aromi.", "no_verb"),
        ("Aromi is a pub. Low customer rating.", "no_verb"),
    ],
)
def test_faults_are_named(clauses: ClauseChecker, text: str, fault: str) -> None:
    assert clauses.fault(template_words(text)) == fault


def test_the_first_sentence_that_fails_counts(clauses: ClauseChecker) -> None:
    assert clauses.fault(template_words("Aromi is a pub. A pub. It is it is.")) == "no_verb"


def test_odd_wording_is_a_fault_too() -> None:
    """As ``d2t.language.habits.wording`` reads it from the same references."""
    texts = ["<val:name> is a pub.", "The pub is cheap. It is called <val:name>."] * 10
    clauses = ClauseChecker.fit(map(template_words, [*texts, "The food is cheap."] * 5))
    assert clauses.fault(template_words("The food is a pub.")) == "not_a_thing"
    assert clauses.fault(template_words("The food is cheap.")) is None
    assert clauses.fault(template_words("The food.")) == "no_verb", "comes first"
    clauses.wording = None
    assert clauses.fault(template_words("The food is a pub.")) is None
