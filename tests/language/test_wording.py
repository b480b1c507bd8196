"""What a text calls by name, and what stands beside its values: as in the references, or odd."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.language.habits.wording import Wording
from d2t.language.template import template_words

NAME = "<val:name>"
REFERENCES = (
    ["<val:name> is a cheap pub near <val:near>."] * 200
    + ["Near <val:near> is a pub called <val:name>. The place is <val:name>."] * 100
    + ["The cheap pub near <val:near> is called <val:name>, and serves Thai food."] * 100
    + ["The food is cheap at <val:name> in the centre. The pub is a good place."] * 100
    + ["The food at <val:name>, near <val:near>, is Thai."] * 100
    + ["It is called <val:name>. The rating is high. It is near <val:near>."] * 100
    + ["The food is <val:name>."] * 2
)


@pytest.fixture(scope="module")
def wording() -> Wording:
    found = Wording.fit(map(template_words, REFERENCES))
    assert found is not None
    return found


def test_what_is_read_from_the_references(wording: Wording) -> None:
    assert wording.subject == NAME
    assert wording.things == {"pub", "place"}, "food and ratings are, but are not called"
    assert wording.after["<val:near>"] == {"is", ".", ","}
    assert wording.before["<val:near>"] == {"near"}
    assert {"called", "is", "at", ""} <= wording.before[NAME]


@pytest.mark.parametrize("text", sorted(set(REFERENCES) - {"The food is <val:name>."}))
def test_references_hold(wording: Wording, text: str) -> None:
    assert wording.fault(template_words(text)) is None
    assert wording.holds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<val:name> is a place near <val:near> pub.", "odd_neighbour"),
        ("<val:name> is a 5 star <val:near> pub.", "odd_neighbour"),
        ("Near <val:near> is a <val:name>.", "odd_neighbour"),
        ("Near <val:near> is a cheap pub, called the <val:near>.", "odd_neighbour"),
        ("<val:name> is not not cheap.", "doubled"),
        ("Thai food near <val:near> is a pub called <val:name>.", "not_a_thing"),
        ("Thai food is not Thai.", "not_a_thing"),
        ("Cheap food near <val:near> is <val:name>.", "not_a_thing"),
        ("A cheap centre near <val:near> is a pub.", "not_a_thing"),
    ],
)
def test_odd_texts(wording: Wording, text: str, expected: str) -> None:
    assert wording.fault(template_words(text)) == expected
    assert not wording.holds(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Near <val:near> is a cheap <val:name>.", False),
        ("Near <val:near> is a highly rated child - friendly <val:name> pub.", False),
        ("There is a cheap pub <val:name>.", False),
        ("There is a cheap pub called <val:name>.", True),
        ("There is a cheap pub, the <val:name>.", True),
        ("With a rating of 5 <val:name> is cheap.", True),
        ("With a rating of 5 the cheap <val:name> is near <val:near>.", True),
        ("With a low price, <val:name> is near <val:near>.", True),
        ("Near <val:near> is the highly rated <val:name> pub.", True),
    ],
)
def test_a_name_has_no_indefinite_article(text: str, holds: bool) -> None:
    anything = Wording(NAME, {}, {}, frozenset())
    assert anything.holds(text) is holds
    assert holds or anything.fault(template_words(text)) == "article"


@pytest.mark.parametrize(
    "text",
    [
        "It is a pub.",  # a pronoun
        "<val:name> is a pub.",  # the name
        "Near <val:near> is a pub.",  # an inversion
        "There is a pub.",
        "Which food is a pub?",
        "Food, though cheap, is a pub.",  # more than a noun phrase
        "Thai food is",
        "Thai food is served.",
    ],
)
def test_what_is_not_asked_whether_it_has_a_name(text: str) -> None:
    assert Wording(NAME, {}, {}, frozenset()).holds(text)


def test_rare_placeholders_have_no_usual_neighbours() -> None:
    texts = [*REFERENCES, "A pub by <val:owner>."] * 2
    found = Wording.fit(map(template_words, texts))
    assert found is not None
    assert "<val:owner>" not in found.before
    assert found.holds("<val:owner> is cheap.")


def test_nothing_is_held_to_what_references_do_not_do() -> None:
    assert Wording.fit([]) is None
    assert Wording.fit([["it", "is"]] * 100) is None, "texts about nothing"
    odd = [*REFERENCES, *["A <val:name> is a cheap pub."] * 100]
    assert Wording.fit(map(template_words, odd)) is None, "a name that is no name"


def test_kept_as_json(wording: Wording) -> None:
    assert Wording.from_dict(json.loads(json.dumps(wording.to_dict()))) == wording


@given(st.lists(st.sampled_from(["a", "is", "food", ".", ",", NAME, "<val:near>", "it"])))
def test_any_words_are_judged(words: list[str]) -> None:
    anything = Wording(NAME, {}, {}, frozenset({"food"}))
    assert anything.fault(words) in {None, "doubled", "article", "not_a_thing"}
    if NAME not in words:
        assert anything.fault(words) != "article"
