"""Words that stand twice in a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.language.habits.flaws import stutters
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.types import Alignment

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


@pytest.mark.parametrize(
    "text",
    [
        "Aromi is a cheap restaurant restaurant.",
        "Aromi Aromi is a pub.",
        "It is cheap. It is cheap.",
        "IT IS CHEAP. It is cheap",
        "It's called the name of the name of the river.",
        "Aromi is near near the river.",
        "Aromi, Aromi, is cheap.",
    ],
)
def test_the_same_words_twice_in_a_row(text: str) -> None:
    mr = parse_mr("name[Aromi], eatType[pub], eatType[restaurant], priceRange[cheap]", DOMAIN)
    assert stutters(CHECKER.align(text, mr))
    assert stutters(Alignment(text, ()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Aromi ... is a pub.",
        "It is cheap. It is a pub.",
        "It is a pub, it is cheap, it is near Aromi.",
        "It has 10 10 20 20.",
        "İİ is İ.",
    ],
)
def test_words_that_come_again_later(text: str) -> None:
    assert not stutters(CHECKER.align(text, parse_mr("name[Aromi], eatType[pub]", DOMAIN)))


def test_a_value_may_have_a_word_twice() -> None:
    text = "Duran Duran serves Cous Cous food near Bora Bora."
    mr = parse_mr("name[Duran Duran], food[Cous Cous], near[Bora Bora]", DOMAIN)
    assert CHECKER.check(text, mr).ok
    assert not stutters(CHECKER.align(text, mr))
    assert stutters(CHECKER.align(text.replace("food", "food food"), mr))


WORDS = st.lists(st.sampled_from(["it", "is", "a", "pub", "cheap", ",", ".", "20"]), max_size=12)


@given(WORDS)
def test_it_is_what_trying_every_run_finds(words: list[str]) -> None:
    units = ["." if word == "," else word for word in words]
    units += [] if units and units[-1] == "." else ["."]  # the end of the text
    runs = [
        (units[at : at + size], units[at + size : at + 2 * size])
        for size in range(1, len(units) // 2 + 1)
        for at in range(len(units) - 2 * size + 1)
    ]
    expected = any(a == b and any(w.isalpha() for w in a) for a, b in runs)
    assert stutters(Alignment(" ".join(words), ())) == expected
