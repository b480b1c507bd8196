"""The written forms, letter for letter; that they read back is a property test."""

from __future__ import annotations

import pytest

from d2t.errors import DomainError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.render import mr_to_json, render_mr
from d2t.mr.types import MeaningRepresentation, Slot

E2E = load_domain("restaurant")
VIGGO = load_domain("viggo")
GAME = parse_mr("confirm(name[X, Y], genres[action, shooter], has_multiplayer[no])", VIGGO)


def test_text_forms() -> None:
    text = "confirm(name[X, Y], genres[action, shooter], has_multiplayer[no])"
    assert render_mr(GAME, domain=VIGGO) == text == render_mr(GAME, format="viggo", domain=VIGGO)
    assert render_mr(parse_mr("name[a]", E2E), format="viggo", domain=E2E) == "inform(name[a])"
    with pytest.raises(DomainError, match="cannot express the dialogue act 'confirm'"):
        render_mr(GAME, format="e2e", domain=VIGGO)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain, with (comma)", "name[plain, with (comma)]"),
        ("E [10+]", "name[E [10+]]"),
        ("odd ]", r"name[odd \]]"),
        ("][", r"name[\]\[]"),
        ("back\\slash", r"name[back\\slash]"),
        ("two\nlines\tand\rmore", r"name[two\nlines\tand\rmore]"),
        ("", "name[]"),
    ],
)
def test_only_what_must_be_escaped_is(value: str, written: str) -> None:
    mr = MeaningRepresentation((Slot("name", value),))
    assert render_mr(mr, format="e2e", domain=E2E) == written


def test_neighbouring_list_values_share_brackets() -> None:
    slots = (("genres", "a, b"), ("genres", "c"), ("name", "x"), ("genres", "d"))
    mr = MeaningRepresentation(tuple(Slot(*pair) for pair in slots))
    assert render_mr(mr, format="e2e", domain=VIGGO) == r"genres[a\, b, c], name[x], genres[d]"


def test_json() -> None:
    assert mr_to_json(GAME, VIGGO) == {
        "dialogue_act": "confirm",
        "name": "X, Y",
        "genres": ["action", "shooter"],
        "has_multiplayer": "no",
    }
    assert mr_to_json(parse_mr("genres[indie]", VIGGO), VIGGO) == {"genres": ["indie"]}
    assert render_mr(parse_mr("name[Café £]", E2E), format="json", domain=E2E) == (
        '{"name": "Café £"}'
    )


def test_csv() -> None:
    pub = parse_mr("name[Aromi], eatType[pub], eatType[restaurant]", E2E)
    assert render_mr(pub, format="csv", domain=E2E) == {
        "name": "Aromi",
        "eatType": '["pub", "restaurant"]',
    }
    assert render_mr(GAME, format="csv", domain=VIGGO) == {
        "dialogue_act": "confirm",
        "name": "X, Y",
        "genres": "action, shooter",
        "has_multiplayer": "no",
    }


def test_a_slot_of_another_domain_is_refused() -> None:
    with pytest.raises(DomainError, match="unknown slot 'genres'"):
        render_mr(GAME, format="viggo", domain=E2E)
