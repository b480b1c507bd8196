"""Plans as users write them."""

from __future__ import annotations

import pytest

from d2t.errors import D2TError, DomainError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan

E2E = load_domain("restaurant")
VIGGO = load_domain("viggo")
MR = parse_mr("name[Aromi], eatType[pub], food[Thai, Lao], area[riverside]", E2E)
GAME = parse_mr("name[X], genres[action, indie, shooter], platforms[PC, Xbox]", VIGGO)


@pytest.mark.parametrize(
    ("source", "names", "breaks"),
    [
        ("area,food,name,eatType", "area food name eatType", None),
        ("area > food > name > eatType", "area food name eatType", None),
        ("area > food, name | eat type", "area food name eatType", (3,)),
        ("Area|food|NAME|eat_type", "area food name eatType", (1, 2, 3)),
        (["area", "food", "name", "eatType"], "area food name eatType", None),
        (["area", "food", "|", "name", "eatType"], "area food name eatType", (2,)),
        ("area, food, name, eatType |", "area food name eatType", ()),
        ("area, food | name, eatType |", "area food name eatType", (2,)),
        (["area", "food", "name", "eatType", "|"], "area food name eatType", ()),
        ("area[riverside], food[Thai, Lao], name[Aromi], eatType", "area food name eatType", None),
        ("area[RIVERSIDE], food [ Thai, Lao ], name, eatType[Pub]", "area food name eatType", None),
    ],
)
def test_every_way_to_write_a_plan(
    source: str | list[str], names: str, breaks: tuple[int, ...] | None
) -> None:
    plan = parse_plan(source, MR, E2E)
    assert " ".join(plan.names) == names
    assert plan.breaks == breaks
    assert sorted(plan.slots) == sorted(MR.slots)


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ("platforms, name, genres",
         "platforms[PC] platforms[Xbox] name genres[action] genres[indie] genres[shooter]"),
        ("genres[shooter], platforms, genres, name",
         "genres[shooter] platforms[PC] platforms[Xbox] genres[action] genres[indie] name"),
        ("genres, platforms[xbox], name, genres[action], platforms",
         "genres[indie] genres[shooter] platforms[Xbox] name genres[action] platforms[PC]"),
        ("genres, name, genres, platforms",
         "genres[action] name genres[indie] genres[shooter] platforms[PC] platforms[Xbox]"),
    ],
)  # fmt: skip
def test_a_slot_with_several_values(source: str, labels: str) -> None:
    assert " ".join(parse_plan(source, GAME, VIGGO).labels()) == labels


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("area,food,name", "plan_mismatch", ["missing from the plan: eatType", "exactly these"]),
        ("area,food,name,eatType,near", "plan_mismatch", ["not in the MR: near"]),
        ("area,food,name,eatType,area", "plan_mismatch", ["twice in the plan: area"]),
        ("area[city centre],food,name,eatType", "plan_mismatch",
         ["not in the MR: area[city centre]", "missing from the plan: area"]),
        ("area,food,name,eatTpe", "unknown_slot", ["did you mean 'eatType'"]),
        ("", "plan_syntax", ["empty"]),
        ([], "plan_syntax", ["empty"]),
        ("area,,name", "plan_syntax", ["extra separator"]),
        ("area,food,name,eatType,", "plan_syntax", ["extra separator"]),
        ("| area", "plan_syntax", []),
        (["|", "area"], "plan_syntax", ["sentence without slots"]),
        (["area", "|", "|", "name"], "plan_syntax", ["sentence without slots"]),
        (["area", ""], "plan_syntax", []),
        (["area", 3], "plan_syntax", ["list of slot names"]),
        ("area[riverside, food", "plan_syntax", ["brackets do not match"]),
        ("area] , food", "plan_syntax", ["brackets do not match"]),
        ("area[x]y, food", "plan_syntax", ["not closed"]),
        ("area\x00", "control_character", ["the plan"]),
    ],
)  # fmt: skip
def test_what_a_wrong_plan_is_told(source: str | list[str], code: str, words: list[str]) -> None:
    with pytest.raises(D2TError) as caught:
        parse_plan(source, MR, E2E)
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)


def test_a_value_said_twice_is_named() -> None:
    with pytest.raises(D2TError, match=r"twice in the plan: genres\[indie\]"):
        parse_plan("genres[indie], genres[indie], genres, name, platforms", GAME, VIGGO)
    with pytest.raises(D2TError, match=r"missing from the plan: genres\[action\]"):
        parse_plan("genres[indie], genres[shooter], name, platforms", GAME, VIGGO)
    with pytest.raises(D2TError, match="twice in the plan: genres"):
        parse_plan("genres, genres, genres, genres, name, platforms", GAME, VIGGO)


def test_partial_plans_are_completed_in_the_order_of_the_mr() -> None:
    assert parse_plan("area", MR, E2E, partial=True).names == ("area", "name", "eatType", "food")
    plan = parse_plan("food | area", MR, E2E, partial=True)
    assert (plan.names, plan.breaks) == (("food", "area", "name", "eatType"), (1,))
    with pytest.raises(D2TError, match="not in the MR: near"):
        parse_plan("near", MR, E2E, partial=True)
    with pytest.raises(DomainError):
        parse_plan("nothing", MR, E2E, partial=True)


def test_values_with_separators_and_brackets() -> None:
    mr = parse_mr(r"name[a > b | c, d], near[x \] y], food[p\\]", E2E)
    expected = (mr.slots[1], mr.slots[0], mr.slots[2])
    assert parse_plan(r"near[x \] y] > name[a > b | c, d] > food", mr, E2E).slots == expected
    assert parse_plan(["near[x ] y]", "name[a > b | c, d]", "food[p\\]"], mr, E2E).slots == expected
