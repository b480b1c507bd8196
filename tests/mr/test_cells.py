"""What a cell says: nothing, one value or several, as pandas, spreadsheets and people write it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.errors import MRParseError
from d2t.mr.cells import CellReader, dict_of, list_of, texts_of
from d2t.mr.domain import domain_from_dict, load_domain

DOMAIN = load_domain("restaurant")
FOOD, NAME, RATING, KIDS = (
    DOMAIN.slot(name) for name in ("food", "name", "customer rating", "familyFriendly")
)
TEXTS = st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), max_size=4)


@pytest.mark.parametrize(
    "blank",
    [
        "NaN",
        "nan",
        "None",
        "NULL",
        "NA",
        "<NA>",
        "NaT",
        "  n/a ",
        "",
        " ",
        "unknown",
        r"\N",
        "N.A",
        "?",
        "-",
        "--",
        "—",
        ".",
        "...",
        "(blank)",
        "TBD",
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#SPILL!",
        "#BEZUG!",
        "#NV",
        "#WERT!",
        "#N/D",
        "#¡REF!",
        "#NOMBRE?",
        "Err:502",
    ],
)
def test_blanks_are_no_values_in_any_slot(blank: str) -> None:
    reader = CellReader()
    assert [reader.values(blank, spec) for spec in (FOOD, NAME, RATING, KIDS)] == [[]] * 4
    assert sum(reader.absent.values()) == (4 if blank.strip() else 0)


@pytest.mark.parametrize("value", ["***", "$$", "#1", "No. 9", "A-", "B.", "Nan's", "Err", "na na"])
def test_values_that_only_look_odd_are_values(value: str) -> None:
    assert CellReader().values(value, NAME) == [value]


def test_no_number_and_null_are_no_values() -> None:
    reader = CellReader()
    assert reader.values(float("nan"), FOOD) == reader.values(None, FOOD) == []
    assert reader.absent == {"NaN": 1}


def test_a_value_that_the_domain_lists_is_one_although_it_looks_blank() -> None:
    domain = domain_from_dict(
        {"name": "d", "slots": {"garden": {"kind": "categorical", "values": ["None", "big"]}}}
    )
    assert CellReader().values("none", domain.slot("garden")) == ["none"]


def test_further_blanks() -> None:
    reader = CellReader(frozenset({"later"}))
    assert reader.values("Later", FOOD) == []
    assert CellReader().values("Later", FOOD) == ["Later"]


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ('["Thai", "Lao"]', ["Thai", "Lao"]),
        ("['Thai', 'Lao']", ["Thai", "Lao"]),
        ("['Thai' 'Lao']", ["Thai", "Lao"]),
        ("['Thai'\n 'Lao']", ["Thai", "Lao"]),
        ("['Thai', None]", ["Thai"]),
        ('["it\'s", "a \\"b\\""]', ["it's", 'a "b"']),
        ("Thai|Lao", ["Thai", "Lao"]),
        ("Thai | Lao;Indian", ["Thai", "Lao", "Indian"]),
        ("Thai;N/A", ["Thai"]),
        ("[new] Thai", ["[new] Thai"]),
        ("[Thai", ["[Thai"]),
        (["Thai", None, "Lao"], ["Thai", "Lao"]),
        (4.0, [4.0]),
    ],
)
def test_several_values_of_a_cell(cell: Any, values: list[Any]) -> None:
    assert CellReader().values(cell, FOOD) == values


def test_separators_belong_to_the_slot() -> None:
    reader = CellReader()
    assert reader.values("Fish; Chips|Co", NAME) == ["Fish; Chips|Co"], "names may hold anything"
    assert reader.values("Thai|Lao", FOOD) == ["Thai", "Lao"]
    assert reader.lists == {("food", "|"): 1}
    domain = domain_from_dict({"name": "d", "slots": {"tag": {"kind": "open", "separator": "/"}}})
    assert reader.values("a/b;c", domain.slot("tag")) == ["a", "b;c"]


def test_an_object_is_no_value() -> None:
    with pytest.raises(MRParseError, match="slot 'food' is an object"):
        CellReader().values('{"a": 1}', FOOD)


@given(TEXTS)
def test_lists_are_read_as_json_python_and_numpy_write_them(texts: list[str]) -> None:
    assert list_of(json.dumps(texts)) == texts
    assert list_of(json.dumps(texts, ensure_ascii=False)) == texts
    assert list_of(repr(texts)) == texts
    if texts:
        assert list_of(np.array2string(np.array(texts, dtype=object), threshold=10_000)) == texts


@given(st.text())
def test_no_text_breaks_the_reading_of_lists_and_dictionaries(text: str) -> None:
    for wrapped in (text, f"[{text}]", f"['{text}']", f"{{{text}}}"):
        assert list_of(wrapped) is None or isinstance(list_of(wrapped), list)
        assert dict_of(wrapped) is None or isinstance(dict_of(wrapped), dict)


def test_dictionaries_are_constants_only() -> None:
    assert dict_of("{'name': 'Zizzi', 'food': ['Thai']}") == {"name": "Zizzi", "food": ["Thai"]}
    assert dict_of("{'name': __import__('os')}") is None
    assert dict_of("{" * 5000) is None


def test_texts() -> None:
    assert texts_of("a") == ("a",)
    assert texts_of("['a', 'b']") == texts_of(["a", "b"]) == ("a", "b")
    assert texts_of(None) == texts_of(float("nan")) == ()
    assert texts_of("") == ("",), "an empty text is one, and a corpus with it is faulty"
    assert texts_of(3) is None
    assert texts_of(["a", 3]) is None
