from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.corpus.types import Example
from d2t.errors import BundleError, D2TError, DataError, DomainError, MRParseError, UsageError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import check_plan, is_partial, parse_plan, parse_prefix
from d2t.mr.types import Plan, Slot
from d2t.plan.base import join_plan, remaining_slots
from d2t.plan.bigram import BigramPlanner
from d2t.plan.choose import PLANNERS, FittedPlanners, complete_plan, first_as_plan, make_planner
from d2t.plan.untrained import DisplayPlanner, OraclePlanner, RandomPlanner, order_of
from tests.support.plugins import install, undo_registrations

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
MR = parse_mr("name[Aromi], eatType[pub], food[French], area[riverside]", DOMAIN)
TWO = parse_mr("name[Aromi], area[riverside], area[city centre]", DOMAIN)
NAME, PUB, FRENCH, AREA = MR.slots


def test_partial_plans_are_told_by_their_last_entry():
    assert is_partial("area, ...")
    assert is_partial(["area", "..."])
    assert not is_partial("area")
    assert not is_partial([])
    assert first_as_plan("area") == "area,..."


@pytest.mark.parametrize(
    ("source", "names", "breaks"),
    [
        ("area,...", ("area",), None),
        ("area > food > ...", ("area", "food"), None),
        ("area | food, ...", ("area", "food"), (1,)),
        ("area, food | ...", ("area", "food"), (2,)),
        ("...", (), None),
        (["area", "|", "..."], ("area",), (1,)),
        ("name,eatType,food,area,...", ("name", "eatType", "food", "area"), None),
    ],
)
def test_prefixes_in_words(source, names, breaks):
    prefix = parse_prefix(source, MR, DOMAIN)
    assert (prefix.names, prefix.breaks) == (names, breaks)


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("near,...", "plan_mismatch", "not in the MR: near"),
        ("area,area,...", "plan_mismatch", "twice in the plan: area"),
        ("area[city centre],...", "plan_mismatch", "not in the MR"),
        ("..., area", "plan_syntax", "last entry"),
        ("area, ..., ...", "plan_syntax", "last entry"),
        ("| ...", "plan_syntax", "an empty entry"),
        (["|", "..."], "plan_syntax", "without slots"),
        ("area", "plan_syntax", "ends in"),
        ("colour,...", "unknown_slot", "colour"),
    ],
)
def test_impossible_prefixes(source, code, words):
    with pytest.raises(D2TError, match=words) as caught:
        parse_prefix(source, MR, DOMAIN)
    assert caught.value.code == code or isinstance(caught.value, DomainError)


def test_a_bare_name_begins_with_all_its_values():
    assert parse_prefix("area,...", TWO, DOMAIN).slots == TWO.slots[1:]
    one = parse_prefix("area[city centre],...", TWO, DOMAIN)
    assert one.slots == (Slot("area", "city centre"),)


def test_whole_plans_do_not_take_a_rest():
    with pytest.raises(MRParseError, match="planner") as caught:
        parse_plan("area,...", MR, DOMAIN)
    assert caught.value.code == "plan_syntax"
    check_plan("area,...", DOMAIN)
    with pytest.raises(DomainError):
        check_plan("colour,...", DOMAIN)


def test_complete_plan_asks_the_planner_for_the_rest_only():
    display = DisplayPlanner(DOMAIN)
    assert complete_plan("area,...", MR, DOMAIN, display).slots == (AREA, NAME, PUB, FRENCH)
    whole = complete_plan("area,food,name,eatType", MR, DOMAIN, None)
    assert whole == Plan((AREA, FRENCH, NAME, PUB))
    split = complete_plan("area | ...", MR, DOMAIN, display)
    assert (split.names[0], split.breaks) == ("area", (1,))
    with pytest.raises(DataError, match="planner") as caught:
        complete_plan("area,...", MR, DOMAIN, None)
    assert caught.value.code == "no_plan"


def test_random_rests_come_from_the_generator_that_is_given():
    planner = RandomPlanner(5)
    drawn = {complete_plan("area,...", MR, DOMAIN, planner, rng=Random(i)) for i in range(20)}
    assert len(drawn) > 3
    assert planner.plan(MR) == planner.plan(MR)
    assert len({RandomPlanner(seed).plan(MR) for seed in range(20)}) > 5


def test_planners_by_name():
    bigram = BigramPlanner().fit([Example("1", MR, plan=Plan(MR.slots))], DOMAIN)
    fitted = FittedPlanners(bigram)
    assert make_planner("bigram", DOMAIN, fitted) is bigram
    assert make_planner(bigram, DOMAIN, FittedPlanners()) is bigram
    for name in ("random", "display"):
        assert make_planner(name, DOMAIN, fitted).name == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("neural", "train-planner"),
        ("bigram", "no bigram planner"),
        ("bigrams", "expected one of bigram, neural"),
    ],
)
def test_planners_that_are_not_there(name, words):
    with pytest.raises(UsageError, match=words) as caught:
        make_planner(name, DOMAIN, FittedPlanners())
    assert caught.value.code == "no_planner"


def test_a_folder_without_a_planner(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no planner.json"):
        make_planner(str(tmp_path), DOMAIN, FittedPlanners())
    (tmp_path / "planner").mkdir()
    (tmp_path / "planner" / "planner.json").write_text("{")
    with pytest.raises(BundleError):
        make_planner(str(tmp_path), DOMAIN, FittedPlanners())


def test_only_neural_planners_plan_sentences():
    with pytest.raises(UsageError, match="does not plan sentences"):
        make_planner("random", DOMAIN, FittedPlanners(), sentences=True)


def test_oracle_takes_the_medoid_and_its_sentences():
    examples = [
        Example("1", MR, plan=Plan((AREA, PUB, NAME, AREA, FRENCH), (3,))),
        Example("2", MR, plan=Plan((AREA, PUB, NAME, FRENCH), (3,))),
        Example("3", MR, plan=Plan((FRENCH, NAME), ())),
    ]
    oracle = OraclePlanner(sentences=True).fit(examples)
    assert oracle.plan(MR) == Plan((AREA, PUB, NAME, FRENCH), (3,))
    assert OraclePlanner().fit(examples).plan(MR).breaks is None
    begun = oracle.plan(MR, prefix=Plan((NAME,)))
    assert begun == Plan((NAME, AREA, PUB, FRENCH))
    with pytest.raises(DataError, match="no references"):
        oracle.plan(TWO)


def test_order_of_drops_repeats_and_adds_what_was_not_said():
    said = Plan((AREA, PUB, AREA, NAME, PUB), (2, 4))
    assert order_of(said, MR) == Plan((AREA, PUB, NAME, FRENCH), (2,))
    assert order_of(None, MR) == Plan(MR.slots, ())


class Alphabetical:
    """Slots by name; what another package may add."""

    name = "alphabetical"

    def __init__(self, domain, fitted, seed):
        assert domain.name == "restaurant"
        assert isinstance(fitted, FittedPlanners)
        assert seed == 7

    def plan(self, mr, *, prefix=None, rng=None):
        return join_plan(prefix, remaining_slots(mr, prefix))


@pytest.mark.parametrize("way", ["decorator", "entry point"])
def test_another_planner_works_from_the_command_line_by_name(monkeypatch, way):
    undo_registrations(monkeypatch, PLANNERS)
    if way == "decorator":
        PLANNERS.register("alphabetical")(Alphabetical)
    else:
        install(monkeypatch, "d2t.planners", {"alphabetical": Alphabetical})
    options = ["plan", "--planner", "alphabetical", "--seed", "7"]
    mr = "name[Aromi], eatType[pub], priceRange[cheap], area[riverside]"
    done = CliRunner().invoke(app, options, input=mr)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["plan"] == ["area", "eatType", "name", "priceRange"]
    done = CliRunner().invoke(app, [*options, "--plan", "priceRange,..."], input=mr)
    assert json.loads(done.stdout)["plan"] == ["priceRange", "area", "eatType", "name"]


def test_the_names_of_planners_are_listed_and_near_ones_suggested(monkeypatch):
    undo_registrations(monkeypatch, PLANNERS)
    PLANNERS.register("alphabetical")(Alphabetical)
    words = "did you mean 'alphabetical'.*bigram, neural, random, display, alphabetical, oracle"
    with pytest.raises(UsageError, match=words):
        make_planner("alphabetic", DOMAIN, FittedPlanners(), more=("oracle",))
