"""Domains as data: the shipped ones, and what a broken file is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import DomainError
from d2t.mr.domain import domain_from_dict, fold_name, load_domain
from d2t.mr.types import Plan, Slot

if TYPE_CHECKING:
    from pathlib import Path


def table(**changes: Any) -> dict[str, Any]:
    return {"name": "d", "slots": {"name": {"kind": "open"}, "flag": {"kind": "boolean"}}} | changes


def test_the_restaurant_domain() -> None:
    domain = load_domain()
    assert domain.name == "restaurant"
    assert domain.slot_names == (
        "name", "eatType", "food", "priceRange", "customer rating", "area", "familyFriendly",
        "near",
    )  # fmt: skip
    assert domain.slot("familyFriendly").values == ("yes", "no")
    assert domain.slot("priceRange").merged("less than £20") == "cheap"
    assert domain.slot("priceRange").merged("unheard of") == "unheard of"


def test_the_viggo_domain() -> None:
    domain = load_domain("viggo")
    kinds = {spec.name: spec.kind for spec in domain.slots}
    assert len(kinds) == 14
    assert {name for name, kind in kinds.items() if kind == "list"} == {
        "genres", "platforms", "player_perspective",
    }  # fmt: skip
    assert kinds["release_year"] == "numeric"
    assert kinds["name"] == kinds["developer"] == kinds["specifier"] == "open"
    assert len(domain.slot("name").values) == 106
    assert len(domain.slot("genres").values) == 25
    assert len(domain.dialogue_acts) == 9
    assert domain.dialogue_act("Verify Attribute") == "verify_attribute"


def test_names_fold_over_their_spellings() -> None:
    assert (
        len({fold_name(n) for n in ("customer rating", "customerRating", "customer_rating")}) == 1
    )


def test_values_come_out_in_the_spelling_of_the_domain() -> None:
    domain = load_domain()
    assert domain.slot("food").canonical_value("chinese ") == "Chinese"
    assert domain.slot("familyFriendly").canonical_value("TRUE") == "yes"
    assert domain.slot("familyFriendly").canonical_value("perhaps") == "perhaps"
    assert domain.slot("name").canonical_value(" aromi") == "aromi"
    assert domain.slot("food").is_unseen("Thai")
    assert not domain.slot("name").is_unseen("Anything")
    assert not domain.slot("food").is_unseen("")


def test_aliases_resolve() -> None:
    slots = {"cost": {"kind": "ordinal", "values": ["low"], "aliases": ["price range"]}}
    domain = domain_from_dict(table(slots=slots))
    assert domain.slot("priceRange").name == "cost"
    assert domain.has_slot("PRICE_RANGE")
    assert not domain.has_slot("price")


def test_a_long_unknown_name_is_shortened_in_the_message() -> None:
    with pytest.raises(DomainError) as caught:
        load_domain().slot("x" * 5000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "expected a string 'name'"),
        (table(slots={}), "at least one table"),
        (table(slot={}), "unknown key 'slot'; did you mean 'slots'"),
        (table(dialogue_acts="inform"), "dialogue_acts must be a list of strings"),
        (table(dialogue_acts=[]), "not among the dialogue_acts"),
        (table(default_dialogue_act="ask"), "'ask' is not among the dialogue_acts"),
        (table(request_acts=["ask"]), "'ask' is not among the dialogue_acts"),
        (table(dialogue_acts=["a(b"]), "may not be called"),
        (table(slots={"x": 3}), "must be a table with a 'kind'"),
        (table(slots={"x": {"kind": "opne"}}), "kind is 'opne', expected one of open"),
        (table(slots={"x": {}}), "kind is None"),
        (table(slots={"x": {"kind": ["open"]}}), "expected one of open"),
        (table(slots={"x": {"kind": "open", "value": []}}), "did you mean 'values'"),
        (table(slots={"x": {"kind": "ordinal", "values": [1]}}), "quote numbers"),
        (table(slots={"x": {"kind": "ordinal", "values": "ab"}}), "list of strings"),
        (
            table(slots={"x": {"kind": "ordinal", "values": ["a"], "synonyms": "ab"}}),
            "list of lists",
        ),
        (
            table(slots={"x": {"kind": "ordinal", "values": ["a"], "synonyms": [["b"]]}}),
            "not a value",
        ),
        (table(slots={"a,b": {"kind": "open"}}), "may not be called 'a,b'"),
        (table(slots={"_": {"kind": "open"}}), "may not be called '_'"),
        (table(slots={"dialogue act": {"kind": "open"}}), "reserved"),
        (table(slots={"a b": {"kind": "open"}, "aB": {"kind": "open"}}), "both answer to 'aB'"),
    ],
)
def test_what_a_broken_domain_is_told(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError) as caught:
        domain_from_dict(raw, where="here")
    assert words in str(caught.value)
    assert str(caught.value).startswith("here")


def test_loading_from_a_folder(tmp_path: Path) -> None:
    text = 'name = "shop"\n[slots.item]\nkind = "open"\n'
    (tmp_path / "domain.toml").write_text(text, encoding="utf-8")
    domain = load_domain(str(tmp_path))
    assert domain.name == "shop"
    assert domain.folder == tmp_path
    assert len(domain.digest) == 64


@pytest.mark.parametrize("name", ["restarant", "no/such/folder", "a\0b", ""])
def test_a_missing_domain_is_told_what_there_is(name: str) -> None:
    with pytest.raises(DomainError, match=r"shipped: restaurant, .*viggo") as caught:
        load_domain(name)
    assert caught.value.code == "unknown_domain"


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b'name = "x"'])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "domain.toml").write_bytes(content)
    with pytest.raises(DomainError, match=r"domain\.toml"):
        load_domain(str(tmp_path))


def test_plan_labels_name_values_only_where_they_must() -> None:
    plan = Plan((Slot("a", "1"), Slot("b", "2"), Slot("a", "3"), Slot("b", "2")))
    assert plan.labels() == ["a[1]", "b", "a[3]", "b"]
    assert len(plan) == 4
