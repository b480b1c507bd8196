from __future__ import annotations

import pytest

from d2t.errors import DomainError
from d2t.slots.lexicon.automaton import Automaton
from d2t.slots.lexicon.matcher import locate
from d2t.slots.lexicon.pattern import parse_pattern
from d2t.slots.lexicon.tokens import Tokenizer

WORDS = Tokenizer().words


def spans(pattern: str, text: str, **macros: str) -> set[str]:
    """All substrings (words joined) that the pattern matches, by automaton and by locating."""
    node = parse_pattern(pattern, WORDS, macros)
    automaton = Automaton([node])
    words = list(WORDS(text))
    found = set()
    for start, end, _ in automaton.scan(words):
        place = locate(node, words, start, end, frozenset())
        assert place is not None, "the automaton and the matcher must agree"
        found.add(" ".join(words[place.start : place.end]))
    return found


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("low price", "a low price, a low-price pub", {"low price"}),
        ("low price[s]", "low prices", {"low prices"}),
        ("pric(e|ing) [range]", "pricing range", {"pricing", "pricing range"}),
        (
            "(kid[s]|child) friendly",
            "kids friendly, child-friendly",
            {"kids friendly", "child friendly"},
        ),
        ("price ..2 low", "price is very low", {"price is very low"}),
        ("price ..2 low", "price is really very low", set()),
        ("price ..2 low", "price, low", set()),
        ("# out of 5", "4 out of five", {"4 out of 5"}),
        ("low price and >> rating", "low price and rating", {"rating"}),
        ("family << restaurant", "a family restaurant", {"family"}),
        ("£20", "for £ 20", {"£ 20"}),
        ("not [very] {good}", "not very nice", {"not very nice"}),
    ],
)
def test_language(pattern, text, expected):
    assert spans(pattern, text, good="(good|nice)") == expected


@pytest.mark.parametrize(
    ("pattern", "macros", "message"),
    [
        ("(a|b", {}, "not closed"),
        ("a)", {}, "unexpected"),
        ("{nope}", {}, "unknown macro"),
        ("{a}", {"a": "x {b}", "b": "{a}"}, "uses itself"),
        ("a } b", {}, "stray brace"),
        ("price(a b)", {}, "single words"),
    ],
)
def test_mistakes_are_named(pattern, macros, message):
    with pytest.raises(DomainError, match=message):
        parse_pattern(pattern, WORDS, macros)


def test_names_are_no_gap_words():
    node = parse_pattern("price ..3 low", WORDS, {})
    automaton = Automaton([node])
    assert automaton.scan(["price", "at", "\0name", "low"]) == []
    assert automaton.scan(["price", "at", "bar", "low"]) == [(0, 4, (0,))]
