"""Where the MR of a record is found."""

from __future__ import annotations

from typing import Any

import pytest

from d2t.errors import D2TError
from d2t.io.records import CsvRow
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.records import mr_from_fields
from d2t.mr.render import render_mr

E2E = load_domain("restaurant")
VIGGO = load_domain("viggo")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mr": "name[a]", "whatever": 1}, "name[a]"),
        ({"mr": {"name": "a", "familyFriendly": True}}, "name[a], familyFriendly[yes]"),
        ({"mr": '{"name": "a"}'}, "name[a]"),
        ({"id": 3, "name": "a", "plan": "name", "text": "x", "food": None}, "name[a]"),
        ({"id": 3, "mr": "", "name": "a"}, "name[a]"),
        (CsvRow({"id": "3", "name": "a", "eatType": '["pub", "bar"]', "near": "", "ref": "x"}),
         "name[a], eatType[pub], eatType[bar]"),
        ({"eatType": '["pub"]'}, 'eatType[["pub"]]'),
    ],
)  # fmt: skip
def test_restaurant_records(fields: dict[str, Any], expected: str) -> None:
    written = render_mr(mr_from_fields(fields, E2E), format="e2e", domain=E2E)
    assert written == expected


def test_an_act_beside_the_mr() -> None:
    fields = {"mr": "genres[indie]", "dialogue_act": "confirm"}
    assert mr_from_fields(fields, VIGGO).dialogue_act == "confirm"
    assert (
        mr_from_fields(fields | {"mr": "confirm(genres[indie])"}, VIGGO).dialogue_act == "confirm"
    )
    assert mr_from_fields(fields | {"mr": "suggest(name[x])", "dialogue_act": None}, VIGGO)
    with pytest.raises(D2TError, match="give one of them"):
        mr_from_fields(fields | {"mr": "suggest(genres[indie])"}, VIGGO)
    with pytest.raises(D2TError, match="must be a string"):
        mr_from_fields(fields | {"dialogue_act": 3}, VIGGO)
    with pytest.raises(D2TError, match="unknown dialogue act"):
        mr_from_fields(fields | {"dialogue_act": "sing"}, VIGGO)


def test_a_slot_may_be_called_like_a_reserved_key() -> None:
    domain = domain_from_dict({"name": "d", "slots": {"status": {"kind": "open"}}})
    assert mr_from_fields({"id": "1", "status": "fine"}, domain).values("status") == ("fine",)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "empty_mr"),
        ({"id": "1", "text": "x"}, "empty_mr"),
        (CsvRow({"mr": "", "ref": "x"}), "empty_mr"),
        ({"mr": 3}, "bad_record"),
        ({"mr": ["name[a]"]}, "bad_record"),
        ({"phone": "1"}, "unknown_slot"),
        ({"mr": "name[a"}, "mr_syntax"),
    ],
)
def test_records_without_a_usable_mr(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(D2TError) as caught:
        mr_from_fields(fields, E2E)
    assert caught.value.code == code
