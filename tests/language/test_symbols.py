from __future__ import annotations

import re

import pytest

from d2t.errors import DomainError
from d2t.language.symbols import (
    ABSENT,
    BREAK,
    EMPTY,
    FEATURES,
    PLACEHOLDER,
    act_symbol,
    all_symbols,
    placeholder,
    slot_symbol,
)
from d2t.mr.domain import domain_from_dict, load_domain


def test_symbols_are_written_without_spaces():
    assert slot_symbol("customer rating") == "<slot:customer_rating>"
    assert act_symbol("give opinion") == "<act:give_opinion>"
    assert placeholder("name") == "<val:name>"
    assert placeholder("near", 2) == "<val:near:2>"


def test_inventory_is_complete_distinct_and_stable():
    domain = load_domain("restaurant")
    symbols = all_symbols(domain)
    assert len(set(symbols)) == len(symbols)
    assert symbols == all_symbols(domain)
    assert {ABSENT, BREAK, EMPTY, *FEATURES, "<act:inform>", "<val:near:4>"} <= set(symbols)
    assert not any(re.search(r"\s", symbol) for symbol in symbols)


def test_placeholder_pattern_matches_what_is_written_and_nothing_else():
    for k in range(1, 5):
        assert PLACEHOLDER.fullmatch(placeholder("customer rating", k))
    for text in ("<slot:name>", "<val:>", "<val:a b>", "val:name", "<val:name:>", r"<\val:name>"):
        assert not PLACEHOLDER.fullmatch(text)


def test_two_slots_with_one_symbol_are_refused():
    slots = {"a+b": {"kind": "open"}, "a-b": {"kind": "open"}, "c": {"kind": "open"}}
    with pytest.raises(DomainError, match="<slot:a_b>"):
        all_symbols(domain_from_dict({"name": "odd", "slots": slots}))
