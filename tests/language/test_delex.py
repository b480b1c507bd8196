from __future__ import annotations

import pytest

from d2t.language.delex import (
    Bindings,
    delexicalize,
    escape,
    maskable,
    relexicalize,
    symbol_of,
    unbound,
    unescape,
)
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.types import Alignment, Span

DOMAIN = load_domain("restaurant")


def aligned(text: str, *mentions: tuple[str, str, str]) -> Alignment:
    """Spans of (words, slot, value) in text order; each is searched after the one before."""
    spans, position = [], 0
    for words, name, value in mentions:
        start = text.index(words, position)
        position = start + len(words)
        spans.append(Span(start, position, Slot(name, value)))
    return Alignment(text, tuple(spans))


def bound(**values: str) -> Bindings:
    """name and near are open; other slots are masked categorical ones."""
    symbols = {f"<val:{name}>": value for name, value in values.items()}
    return Bindings(symbols, open_symbols=frozenset(symbols) & {"<val:name>", "<val:near>"})


@pytest.mark.parametrize(
    ("text", "mention", "template"),
    [
        ("Aromi's food", ("Aromi", "name", "Aromi"), "<val:name>'s food"),
        ("Aromi's food", ("Aromi's", "name", "Aromi"), "<val:name>'s food"),
        ("X's food", ("'s", "name", "Aromi"), "X<val:name> food"),
        ("Arromi's food", ("Arromi's", "name", "Aromi"), "<val:name>'s food"),
        ("the Cricketers' bar", ("the Cricketers'", "name", "The Cricketers"), "<val:name>' bar"),
        ("near the Rice Boat.", ("Rice Boat", "near", "The Rice Boat"), "near <val:near>."),
        ("near the Rice Boat.", ("the Rice Boat", "near", "The Rice Boat"), "near <val:near>."),
        ("near the The Mill.", ("The Mill", "near", "The Mill"), "near <val:near>."),
        ("near the Rice boats.", ("Rice boats", "near", "The Rice Boat"), "near <val:near>."),
        ("near Rice Boat.", ("Rice Boat", "near", "The Rice Boat"), "near <val:near>."),
        ("by the Ranch", ("Ranch", "near", "Ranch"), "by the <val:near>"),
        ("by the Ranch", ("by the Ranch", "near", "Ranch"), "by the <val:near>"),
        ("bathe Mill", ("Mill", "near", "The Mill"), "bathe <val:near>"),
        ("AROMI and aromi", ("AROMI", "name", "Aromi"), "<val:name> and aromi"),
    ],
)
def test_names_are_hidden_in_any_spelling(text, mention, template):
    value = {mention[1]: mention[2]}
    assert delexicalize(aligned(text, mention), bound(**value)) == template


@pytest.mark.parametrize(
    ("text", "mention", "template"),
    [
        ("an Italian pub", ("Italian", "food", "Italian"), "an <val:food> pub"),
        ("ITALIAN pub", ("ITALIAN", "food", "Italian"), "<val:food> pub"),
        ("pasta pub", ("pasta", "food", "Italian"), "pasta pub"),
        ("cheap prices", ("cheap prices", "priceRange", "cheap"), "<val:priceRange> prices"),
        ("cheaply priced", ("cheaply priced", "priceRange", "cheap"), "cheaply priced"),
        ("cheap, so cheap", ("cheap, so cheap", "priceRange", "cheap"), "cheap, so cheap"),
        ("fast-food", ("fast-food", "food", "Fast food"), "fast-food"),
        ("by the Works", ("Works", "area", "The Works"), "by <val:area>"),
        ("by Works", ("Works", "area", "The Works"), "by Works"),
    ],
)
def test_closed_values_are_hidden_only_verbatim(text, mention, template):
    bindings = bound(**{mention[1]: mention[2]})
    assert delexicalize(aligned(text, mention), bindings) == template


def test_what_is_not_bound_stays():
    alignment = aligned("Aromi is a pub", ("Aromi", "name", "Aromi"), ("pub", "eatType", "pub"))
    assert delexicalize(alignment, bound(eatType="restaurant")) == "Aromi is a pub"
    assert delexicalize(alignment, {"<val:eatType>": "pub"}) == "Aromi is a <val:eatType>"


def test_plain_mappings_hide_only_verbatim_names():
    alignment = aligned("Arromi is a pub", ("Arromi", "name", "Aromi"))
    assert delexicalize(alignment, {"<val:name>": "Aromi"}) == "Arromi is a pub"


def test_every_mention_and_every_value():
    alignment = aligned(
        "Near A and B, A is near A.",
        ("A", "near", "A"), ("B", "near", "B"), ("A", "name", "A"), ("A", "near", "A"),
    )  # fmt: skip
    bindings = {"<val:near>": "A", "<val:near:2>": "B", "<val:name>": "A"}
    template = "Near <val:near> and <val:near:2>, <val:name> is near <val:near>."
    assert delexicalize(alignment, bindings) == template
    assert relexicalize(template, bindings) == alignment.text


def test_an_article_of_the_previous_span_is_not_taken_twice():
    alignment = aligned("The the Mill", ("The the", "food", "x"), ("Mill", "name", "The Mill"))
    bindings = Bindings({"<val:name>": "The Mill"}, open_symbols=frozenset({"<val:name>"}))
    assert delexicalize(alignment, bindings) == "The <val:name>"


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("It is a <val:food> pub", {"food": "Indian"}, "It is an Indian pub"),
        ("It is an <val:food> pub", {"food": "Chinese"}, "It is a Chinese pub"),
        ("An <val:food> pub", {"food": "French"}, "A French pub"),
        ("A  <val:food> pub", {"food": "Indian"}, "An  Indian pub"),
        ("a <val:rating> place", {"rating": "8 out of 10"}, "an 8 out of 10 place"),
        ("plan-a <val:food>", {"food": "Indian"}, "plan-a Indian"),
        ("near the <val:near>.", {"near": "The Mill"}, "near The Mill."),
        ("The <val:name> is", {"name": "The Mill"}, "The Mill is"),
        ("near the <val:near>.", {"near": "Ranch"}, "near the Ranch."),
        ("<val:food>. <val:area> is", {"food": "cheap", "area": "city"}, "Cheap. City is"),
        ("“<val:food>” it is", {"food": "cheap"}, "“Cheap” it is"),
        ("Ok! (<val:food>)", {"food": "cheap"}, "Ok! (Cheap)"),
        ("It has <val:food>", {"food": "Fast food"}, "It has Fast food"),
        ("It costs 3.50 <val:food>", {"food": "cheap"}, "It costs 3.50 cheap"),
        ("<val:name> is", {"name": "eBay café"}, "eBay café is"),
        ("<val:name>. <val:food> it is", {"name": "X", "food": "cheap"}, "X. Cheap it is"),
        ("<val:name> <val:food>", {"name": "X", "food": "cheap"}, "X cheap"),
        ("<val:name>a <val:food>", {"name": "Pizz", "food": "Indian"}, "Pizza Indian"),
        ("<val:name>the <val:near>", {"name": "Ba", "near": "The X"}, "Bathe The X"),
        ("<val:food>", {"food": "ßa"}, "ßa"),
    ],
)  # fmt: skip
def test_relexicalization_agrees(template, values, text):
    assert relexicalize(template, bound(**values)) == text


@pytest.mark.parametrize(
    "value", [r"\1 \g<0>", "a\\b", "$1", "<val:near>", "<val:name>", r"<\val:name>", "(.*"]
)
def test_inserted_values_are_never_read_again(value):
    bindings = bound(name=value, near="OOPS")
    assert relexicalize("<val:name> near <val:near>", bindings) == f"{value} near OOPS"


def test_text_that_looks_like_a_placeholder_comes_back():
    text = r"<val:name> <\val:name> <\\val:x Aromi"
    alignment = aligned(text, ("Aromi", "name", "Aromi"))
    template = delexicalize(alignment, bound(name="Aromi"))
    assert template.count("<val:name>") == 1
    assert relexicalize(template, bound(name="Aromi")) == text
    assert unescape(escape(text)) == text


def test_unbound_placeholders_stay_visible_and_are_named():
    template = "<val:name> near <val:near>"
    assert relexicalize(template, bound(name="X")) == "X near <val:near>"
    assert unbound(template, bound(name="X")) == ("<val:near>",)


def test_maskable():
    alignment = aligned(
        "Aromi is a cheap, kid friendly Italian pub, cheaply priced: pasta. yes",
        ("Aromi", "name", "Aromi"),
        ("cheap", "priceRange", "cheap"),
        ("kid friendly", "familyFriendly", "yes"),
        ("Italian", "food", "Italian"),
        ("pub", "eatType", "pub"),
        ("cheaply priced", "priceRange", "cheap"),
        ("yes", "familyFriendly", "yes"),
    )
    slots = {span.slot for span in alignment.spans} | {Slot("area", "riverside")}
    mr = MeaningRepresentation(tuple(slots))
    assert maskable(alignment, mr, DOMAIN) == (Slot("eatType", "pub"), Slot("food", "Italian"))
    assert maskable(alignment, MeaningRepresentation(()), DOMAIN) == ()


def test_symbol_of_tells_values_of_one_slot_apart():
    bindings = {"<val:near>": "A", "<val:near:2>": "B"}
    assert symbol_of(Slot("near", "B"), bindings) == "<val:near:2>"
    assert symbol_of(Slot("near", "C"), bindings) is None
    assert symbol_of(Slot("name", "A"), bindings) is None


def test_a_value_that_ends_in_a_full_stop_needs_no_other():
    bindings = bound(name="Smith & Co.", near="St. Mary's.", food="thai")
    for template, text in (
        ("It is <val:name>. <val:food> food.", "It is Smith & Co. Thai food."),
        ("It is near <val:near>.", "It is near St. Mary's."),
        ("By <val:near>, <val:name>... is", "By St. Mary's., Smith & Co.... is"),
        ("It is <val:food>.", "It is thai."),
    ):
        assert relexicalize(template, bindings) == text
