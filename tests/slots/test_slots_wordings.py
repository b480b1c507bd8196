"""What English sentences say: one line a phenomenon, in tables."""

from __future__ import annotations

import pytest

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def said(text: str, mr: str | None = None) -> list[str]:
    given = None if mr is None else parse_mr(mr, DOMAIN)
    return [str(span.slot) for span in CHECKER.align(text, given).spans]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is cheap.", "cheap"),
        ("It costs less than £20.", "less than £20"),
        ("under twenty pounds", "less than £20"),
        ("meals for £20 or less", "less than £20"),
        ("It is low-priced.", "cheap"),
        ("Prices, which are low, matter.", "cheap"),
        ("The price range is moderate.", "moderate"),
        ("mid-range prices", "moderate"),
        ("an average price range", "moderate"),
        ("prices between twenty and twenty-five pounds", "£20-25"),
        ("in the £20-25 price range", "£20-25"),
        ("meals at £20 - £25", "£20-25"),
        ("a high price range", "high"),
        ("a high-end place", "high"),
        ("above average prices", "high"),
        ("It's more expensive than average.", "high"),
        ("over 30 euros", "more than £30"),
        ("£30 and up", "more than £30"),
        ("an average price of more than £30", "more than £30"),
        ("a cheap price range of £20-25", "£20-25"),
        ("it isn't cheap", "high"),
        ("not too expensive", "moderate"),
        ("about £15 a head", "£15"),
    ],
)
def test_prices(text, value):
    assert said(text) == [f"priceRange[{value}]"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rated 5 out of 5", "5 out of 5"),
        ("a five-star place", "5 out of 5"),
        ("a customer rating of three out of five", "3 out of 5"),
        ("customers rate it 1/5", "1 out of 5"),
        ("with a 4 out of 5 rating", "4 out of 5"),
        ("highly rated", "high"),
        ("a high customer rating of 5 out of 5", "5 out of 5"),
        ("an average customer rating of 1 out of 5", "1 out of 5"),
        ("It has excellent reviews.", "high"),
        ("Its customer rating is low.", "low"),
        ("poorly rated", "low"),
        ("not highly rated", "low"),
        ("lower than average ratings", "low"),
        ("Customer ratings for this location are average.", "average"),
        ("high customer satisfaction", "high"),
    ],
)
def test_ratings(text, value):
    assert said(text) == [f"customer rating[{value}]"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is family-friendly.", "yes"),
        ("kid friendly", "yes"),
        ("Children are welcome.", "yes"),
        ("bring the whole family", "yes"),
        ("a family place", "yes"),
        ("great for children and adults alike", "yes"),
        ("It isn't family friendly.", "no"),
        ("a non-family-friendly place", "no"),
        ("not a place for kids", "no"),
        ("adults only", "no"),
        ("for adults", "no"),
        ("No children allowed.", "no"),
        ("not suitable for families with small children", "no"),
        ("They do not allow children.", "no"),
        ("Children are not welcome here.", "no"),
        ("I would not recommend bringing your family.", "no"),
        ("It is not only family friendly.", "yes"),
        ("not the type of place people bring their kids", "no"),
    ],
)
def test_families(text, value):
    assert said(text) == [f"familyFriendly[{value}]"]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("in the city centre", ["area[city centre]"]),
        ("in the center of town", ["area[city centre]"]),
        ("by the river", ["area[riverside]"]),
        ("near Riverside", ["area[riverside]"]),
        ("It is not in the city centre.", []),
        ("a public place", []),
        ("publicly praised", []),
        ("British food in a café", ["food[English]", "eatType[coffee shop]"]),
        ("It does not serve Chinese food.", []),
        ("Thai cuisine", ["food[Thai]"]),
        ("high prices and low ratings", ["priceRange[high]", "customer rating[low]"]),
        ("price range is average customer rating is high",
         ["priceRange[moderate]", "customer rating[high]"]),
        ("an average customer rating in the high price range",
         ["customer rating[average]", "priceRange[high]"]),
        ("low priced and rated", ["priceRange[cheap]", "customer rating[low]"]),
        ("neither cheap nor family friendly", ["priceRange[high]", "familyFriendly[no]"]),
        ("a coffe shop, costumer rating: low", ["eatType[coffee shop]", "customer rating[low]"]),
    ],
)  # fmt: skip
def test_the_rest(text, slots):
    assert said(text) == slots


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("The Rice Boat is near The Rice Boat.", ["name[The Rice Boat]", "near[The Rice Boat]"]),
        ("the rice boat is by burger king .", ["name[The Rice Boat]", "near[Burger King]"]),
        ("Near the river and The Rice Boat is Cotto.",
         ["area[riverside]", "near[The Rice Boat]", "name[Cotto]"]),
        ("Aromi, with The Rice Boat nearby", ["name[Aromi]", "near[The Rice Boat]"]),
        ("Cotto is near The Eagle.", ["name[Cotto]", "near[The Eagle]"]),
        ("Near Cotto is Burger King.", ["name[Cotto]", "near[Burger King]"]),
        ("next to Raja Indian Cuisine", ["near[Raja Indian Cuisine]"]),
        ("Cafe Rouge is opposite.", ["near[Café Rouge]"]),
        ("The Portland Arms, Crown Plaza Hotel",
         ["near[The Portland Arms]", "near[Crowne Plaza Hotel]"]),
        ("Travellers Rest is a pub.", ["name[Travellers Rest Beefeater]", "eatType[pub]"]),
        ("The Eagles is here.", []),  # another name, not The Eagle
        ("Aromi is near Thai Palace.", ["name[Aromi]", "near[Thai Palace]"]),
        ("Aromi is near the Old Court of St. Giles.", ["name[Aromi]", "near[Old Court of St]"]),
        ("aromi is near old court.", ["name[Aromi]"]),
        ("a pub called Old Oak", ["eatType[pub]", "name[Old Oak]"]),
        ("near Cambridge", []),
    ],
)  # fmt: skip
def test_names_and_landmarks(text, slots):
    assert said(text) == slots


@pytest.mark.parametrize(
    ("mr", "text"),
    [
        ("name[Zorba's], near[Kings Cross]", "Zorba's is near Kings Cross."),
        ("name[Burger King], near[The Eagle]", "Burger King is a place near The Eagle."),
        ("name[寿司屋], near[Ćevapi & Co.]", "寿司屋 lies near Ćevapi & Co. today."),
        ("food[Ethiopian]", "ethiopian dishes"),
        ("priceRange[about £15]", "prices are about £15"),
        ("priceRange[about £15]", "meals for around £15"),
        ("priceRange[under £10]", "for less than £10"),
        ("customer rating[4 out of 5]", "rated four out of five"),
        ("customer rating[4 out of 5]", "a 4-star place"),
        ("eatType[wine bar], area[old town]", "a wine bar in the old town"),
    ],
)
def test_values_that_nobody_has_seen(mr, text):
    report = CHECKER.check(text, parse_mr(mr, DOMAIN))
    assert report.ok, report


@pytest.mark.parametrize(
    ("mr", "text", "ok"),
    [
        ("priceRange[less than £20]", "low prices", True),
        ("priceRange[cheap]", "low prices", True),
        ("priceRange[less than £20]", "cheap", False),
        ("priceRange[cheap]", "less than £20", False),
        ("priceRange[moderate]", "£20-25", False),
        ("customer rating[5 out of 5]", "highly rated", True),
        ("customer rating[high]", "5 out of 5 stars", False),
        ("customer rating[3 out of 5]", "average reviews", True),
        ("priceRange[moderate]", "a moderate price range of £20-25", True),
        ("priceRange[£20-25]", "a moderate price range of £20-25", True),
        ("eatType[coffee shop]", "a place that serves coffee", True),
        ("eatType[pub]", "a pub that serves coffee", True),
    ],
)
def test_the_mr_decides_among_shared_wordings_only(mr, text, ok):
    parsed = parse_mr(mr, DOMAIN)
    assert CHECKER.check(text, parsed).ok is ok
    if not ok:
        assert CHECKER.check(text, parsed, merge_synonyms=True).ok


def test_the_span_of_a_name_is_the_name_letter_for_letter():
    text = "Go to the Rice Boat, near the café rouge."
    alignment = CHECKER.align(text, parse_mr("name[The Rice Boat], near[Café Rouge]", DOMAIN))
    assert [text[s.start : s.end] for s in alignment.spans] == ["the Rice Boat", "café rouge"]


@pytest.mark.parametrize(
    ("mr", "text", "ok"),
    [
        ("name[Pub], eatType[pub]", "Pub is a pub.", True),
        ("name[Riverside], area[riverside]", "Riverside is in the riverside area.", True),
        ("name[Riverside], near[riverside]", "Riverside is near riverside.", True),
        ("name[A], name[B]", "There is a place called B.", False),
        ("name[A], food[Thai]", "It is a Thai place.", False),
        ("name[pub], eatType[pub]", "pub is nice.", False),
        ("name[Zorba], eatType[pub]", "The pub is called zorba.", True),
    ],
)
def test_ordinary_words_are_no_names_without_their_capitals(mr, text, ok):
    assert CHECKER.check(text, parse_mr(mr, DOMAIN)).ok is ok


@pytest.mark.parametrize(
    ("mr", "text", "ok"),
    [
        ("customer rating[4.5]", "It has a customer rating of 4.5.", True),
        ("customer rating[4]", "It is rated 4 by customers.", True),
        ("customer rating[4 out of 5]", "It is rated 4 by customers.", True),
        ("customer rating[4]", "It is rated 5 by customers.", False),
        ("customer rating[4]", "It is rated 4 out of 5.", True),  # the scale of the slot is 5
        ("customer rating[4]", "It is rated 4 out of 10.", False),
        ("customer rating[4]", "It is not rated 4 by customers.", False),
        ("customer rating[4]", "It serves 4 cakes.", False),
        ("customer rating[4 stars]", "It has a customer rating of 4 stars.", True),
        ("customer rating[4.5/5]", "It has a customer rating of 4.5/5.", True),
        ("customer rating[3 out of 10]", "It has a customer rating of 3 out of 10.", True),
        ("name[Zorba], customer rating[0]", "Zorba serves 0 quality food.", False),
    ],
)
def test_a_bare_figure_is_a_rating_where_a_rating_is_told(mr, text, ok):
    assert CHECKER.check(text, parse_mr(mr, DOMAIN)).ok is ok


@pytest.mark.parametrize("text", ["It is family friendly.", "It is not family friendly."])
def test_neither_yes_nor_no_is_not_yes(text):
    assert not CHECKER.check(text, parse_mr("familyFriendly[maybe]", DOMAIN)).ok


@pytest.mark.parametrize(
    ("word", "kind", "food"),
    [
        ("trattoria", "restaurant", "Italian"),
        ("pizzeria", "restaurant", "Italian"),
        ("brasserie", "restaurant", "French"),
        ("izakaya", "restaurant", "Japanese"),
        ("chippy", "restaurant", "English"),
        ("curry house", "restaurant", "Indian"),
    ],
)
def test_one_word_may_tell_the_kind_of_place_and_the_food(word, kind, food):
    text = f"Aromi is a {word}."
    both = f"name[Aromi], eatType[{kind}], food[{food}]"
    assert set(said(text, both)) == {"name[Aromi]", f"eatType[{kind}]", f"food[{food}]"}
    assert f"food[{food}]" in said(text, f"name[Aromi], food[{food}]")
    assert f"eatType[{kind}]" in said(text, f"name[Aromi], eatType[{kind}]")
