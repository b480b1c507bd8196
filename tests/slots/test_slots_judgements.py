"""Judgements in passing, refusals at a distance, other places' attributes, spaced punctuation."""

from __future__ import annotations

import pytest

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.lexicon.lexicon import lexicon_from_dict

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def said(text: str, mr: str | None = None) -> list[str]:
    given = None if mr is None else parse_mr(mr, DOMAIN)
    return [str(span.slot) for span in CHECKER.align(text, given).spans]


def marked(text: str) -> list[str]:
    return [text[span.start : span.end] for span in CHECKER.align(text).spans]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is an average place.", "average"),
        ("an average, family-friendly spot", "average"),
        ("Aromi is average.", "average"),
        ("Aromi is average but nice.", "average"),
        ("It is only average.", "average"),
        ("a decent place", "average"),
        ("Customers rate Cotto, a place of note, as average.", "average"),
        ("a low quality place", "low"),
        ("It is not very good.", "low"),
        ("a terrible venue", "low"),
        ("It is an excellent venue.", "high"),
        ("Customers are highly satisfied.", "high"),
        ("Everyone likes it.", "high"),
        ("The customer ratings so far are average.", "average"),
    ],
)
def test_a_bare_judgement_of_the_place_is_its_rating(text, value):
    assert [slot for slot in said(text) if "rating" in slot] == [f"customer rating[{value}]"]


@pytest.mark.parametrize(
    "text",
    [
        "The food is average.",
        "On average, people come twice.",
        "an above average place",
        "your usual place",
        "an excellent place for a stroll",
        "a decent place for a stroll",
    ],
)
def test_other_judgements_are_no_rating(text):
    assert said(text) == []


def test_prices_and_ratings_that_are_told_outweigh_a_bare_judgement():
    assert said("an average priced venue") == ["priceRange[moderate]"]
    assert said("an average venue, rated 5 out of 5") == ["customer rating[5 out of 5]"]
    assert said("an average venue with average reviews") == ["customer rating[average]"]
    assert said("a moderate rating of 3 out of 5", "priceRange[moderate]") == [
        "customer rating[3 out of 5]"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It is far from child friendly.",
        "It is anything but family-friendly.",
        "It is not a good choice if you have children.",
        "I wouldn't take my kids there.",
        "It is not suitable for customers looking for a family friendly eating house.",
        "It may not be the right choice for people with kids.",
        "If you want a family friendly place, this is not it.",
        "It is exclusively for grown-ups.",
        "It caters strictly to adults.",
    ],
)
def test_refusals(text):
    assert said(text) == ["familyFriendly[no]"]


@pytest.mark.parametrize(
    "text",
    [
        "It is not only for families.",
        "Why not bring your kids?",
        "It is for children and grown-ups alike.",
        "It is not famous, but good for kids.",
    ],
)
def test_welcomes_that_look_like_refusals(text):
    assert said(text) == ["familyFriendly[yes]"]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("just outside the city centre", []),
        ("It is away from the city centre, on the banks of the Cam.", ["area[riverside]"]),
        ("two miles from the city centre", []),
        ("north of the city centre, by the river", ["area[riverside]"]),
        ("not far from the city centre", ["area[city centre]"]),
        ("steps away from the city centre", ["area[city centre]"]),
        ("in the centre of Clare Hall", ["near[Clare Hall]"]),
        ("The staff are English speaking.", []),
        ("It has an English owner.", []),
        ("It is run by a family.", []),
        ("Adults rated it 3 out of 5.", ["customer rating[3 out of 5]"]),
        ("It does not come cheap.", ["priceRange[high]"]),
        ("food for less", ["priceRange[cheap]"]),
        ("It does not cost much.", ["priceRange[cheap]"]),
        ("The prices of their English food are high.", ["food[English]", "priceRange[high]"]),
        ("near the Italian restaurant The Sorrento", ["near[The Sorrento]"]),
        ("Unlike the cheap Cotto, Aromi is a pub.", ["name[Cotto]", "name[Aromi]", "eatType[pub]"]),
    ],
)
def test_what_is_said_of_something_else(text, slots):
    assert sorted(said(text)) == sorted(slots)


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("It isn't child-friendly.", "It isn ' t child - friendly ."),
        ("Don't bring kids!", "Don ' t bring kids !"),
        ("Aromi's prices: £20-25", "Aromi ' s prices : £ 20 - 25"),
        ("from £30.99, rated 5/5", "from £ 30 . 99 , rated 5 / 5"),
    ],
)
def test_spaced_punctuation_changes_nothing(text, spaced):
    assert said(text)
    assert said(spaced) == said(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("It has prices of £20 or less.", "prices of £20 or less"),
        ("Its customer rating is 'average'.", "customer rating is 'average'"),
        ('It has a "low" customer rating.', '"low" customer rating'),
        ("It serves family-friendly meals.", "family-friendly"),
        ("It is moderate price ranged.", "moderate price ranged"),
    ],
)
def test_spans_are_the_words_that_say_it(text, span):
    assert marked(text) == [span]


def test_a_span_does_not_begin_with_the_link_behind_a_name():
    assert marked("Customer rating for Aromi is 1 out of 5.") == ["Aromi", "1 out of 5"]


@pytest.mark.parametrize(
    ("mr", "text"),
    [
        ("name[Zum Anker], food[Thai], area[riverside]", "a riverside Thai place, Zum Anker"),
        ("food[Ethiopian]", "It is Ethiopian."),
        ("name[Zizzi], food[Ethiopian]", "Zizzi cooks Ethiopian."),
        ("priceRange[less than £15]", "less than £15"),
        ("food[Fast food]", "It has fast food."),
        ("near[Thai Palace]", "near Thai Palace"),
    ],
)
def test_values_beyond_the_domain_need_no_context(mr, text):
    report = CHECKER.check(text, parse_mr(mr, DOMAIN))
    assert report.ok, report


@pytest.mark.parametrize(
    ("mr", "text"),
    [
        ("customer rating[outstanding]", "It has an outstanding customer rating."),
        ("customer rating[mixed]", "It has a customer rating of mixed."),
        ("priceRange[expensive]", "It is an expensive place."),
        ("area[central]", "It is in a central location."),
    ],
)
def test_an_unlisted_value_that_was_asked_for_outweighs_the_lexicon(mr: str, text: str) -> None:
    """Elsewhere the same words are one of the listed values."""
    assert said(text, mr) == [mr]
    assert said(text) != [mr]
    listed = {"customer rating": "low", "priceRange": "cheap", "area": "riverside"}
    name = mr.partition("[")[0]
    assert said(text, f"{name}[{listed[name]}]") == said(text)


@pytest.mark.parametrize(
    ("mr", "text", "slot"),
    [
        ("priceRange[£15]", "Meals cost less than £15.", "priceRange[less than £15]"),
        ("food[food]", "It has fast food.", "food[Fast food]"),
        ("food[Thai]", "It is near Thai Palace.", "near[Thai Palace]"),
    ],
)
def test_longer_values_are_not_robbed_of_a_part(mr, text, slot):
    assert said(text, mr) == [slot]


def test_sole_and_firm_entries_and_negating_phrases_of_a_lexicon():
    lexicon = lexicon_from_dict(
        {
            "negation": {"phrases": ["far from"], "transparent": ["a"]},
            "entry": [
                {"slot": "priceRange", "values": ["high"], "say": ["dear"], "negated": ["cheap"]},
                {"slot": "priceRange", "values": ["cheap"], "say": ["plain"], "sole": True},
            ],
            "ignore": [{"say": ["my ..2 friend"], "firm": True}],
        },
        DOMAIN,
    )
    checker = SlotChecker(DOMAIN, lexicon)

    def slots(text: str) -> list[str]:
        return [str(span.slot) for span in checker.align(text).spans]

    assert slots("plain") == ["priceRange[cheap]"]
    assert slots("plain and dear") == ["priceRange[high]"]
    assert slots("far from dear") == ["priceRange[cheap]"]
    assert slots("not far from dear") == ["priceRange[high]"]
    assert slots("my dear old friend") == []


@pytest.mark.parametrize(
    ("mr", "text", "faint"),
    [
        ("customer rating[5 out of 5]", "An average pub, rated 5 out of 5.", ["average"]),
        ("customer rating[3 out of 5]", "An average pub, rated 3 out of 5.", []),
        ("customer rating[average]", "An average pub.", []),
        ("area[riverside]", "It is in the city, by the river.", ["city centre"]),
        ("area[city centre]", "It is in the city.", []),
        ("name[Aromi]", "Aromi is popular.", ["high"]),
    ],
)
def test_vague_words_that_nothing_asks_for_are_told_apart(mr, text, faint):
    found = CHECKER.align(text, parse_mr(mr, DOMAIN)).faint
    assert [span.slot.value for span in found] == faint
