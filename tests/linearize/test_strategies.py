from __future__ import annotations

import json
from random import Random

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.corpus.types import Example
from d2t.errors import BundleError, ConfigError, DataError
from d2t.linearize.base import STRATEGIES, Strategy, StrategyBase, make_strategy, restore_strategy
from d2t.linearize.strategies import FrequencyTable
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from tests.support.plugins import install, undo_registrations

GAMES = domain_from_dict(
    {
        "name": "games",
        "dialogue_acts": ["inform", "request"],
        "slots": {
            "name": {"kind": "open"},
            "genres": {"kind": "list", "values": ["action", "shooter", "puzzle"]},
            "rating": {"kind": "ordinal", "values": ["good", "poor"]},
        },
    }
)


def example(*slots: tuple[str, str], plan: tuple[tuple[str, str], ...] | None = None) -> Example:
    mr = MeaningRepresentation(tuple(Slot(*slot) for slot in slots))
    order = None if plan is None else Plan(tuple(Slot(*slot) for slot in plan))
    return Example("x", mr, ("text",), order)


def corpus() -> list[Example]:
    """name in 3 utterances, genres in 3 (action 3, shooter 1: c_s 4), rating in 1."""
    rows = [
        (("name", "A"), ("genres", "action"), ("genres", "shooter")),
        (("name", "B"), ("genres", "action"), ("name", "B")),
        (("rating", "good"), ("name", "C"), ("genres", "action")),
    ]
    return [example(*dict.fromkeys(row), plan=row) for row in rows]


def order_of(strategy: Strategy, item: Example, seed: int = 0) -> list[str]:
    return strategy.order(item, rng=Random(seed)).labels()


def test_counts_are_delexicalized_and_once_per_utterance():
    table = FrequencyTable.fit(corpus(), GAMES)
    assert table.slot_counts == {"genres": 4, "name": 3, "rating": 1}
    assert table.filler_counts == {
        "genres": {"action": 3, "shooter": 1},
        "name": {"": 3},
        "rating": {"good": 1},
    }


def test_what_the_text_says_is_counted_and_the_mr_where_no_text_is_aligned():
    said = example(("name", "A"), ("rating", "good"), plan=(("rating", "good"),))
    table = FrequencyTable.fit([said, example(("name", "A"))], GAMES)
    assert table.slot_counts == {"genres": 0, "name": 1, "rating": 1}


def test_increasing_frequency_by_hand():
    strategy = make_strategy("if").fit(corpus(), GAMES)
    item = example(("genres", "action"), ("name", "Z"), ("genres", "shooter"), ("rating", "poor"))
    expected = ["rating", "name", "genres[shooter]", "genres[action]"]
    assert order_of(strategy, item) == expected


def test_unseen_fillers_count_zero_and_ties_go_by_value():
    strategy = make_strategy("if").fit(corpus(), GAMES)
    item = example(("genres", "zen"), ("genres", "action"), ("genres", "art"))
    assert order_of(strategy, item) == ["genres[art]", "genres[zen]", "genres[action]"]


def test_equal_slot_counts_go_by_name():
    domain = load_domain("restaurant")
    strategy = make_strategy("if").fit([], domain)
    item = example(("near", "X"), ("area", "riverside"), ("food", "French"))
    assert order_of(strategy, item) == ["area", "food", "near"]


def test_fixed_position_has_one_layout():
    strategy = make_strategy("fp").fit(corpus(), GAMES)
    item = example(("genres", "action"), ("genres", "shooter"))
    plan = strategy.order(item, rng=Random(0))
    assert strategy.layout(plan) == (
        ("rating", None),
        ("name", None),
        ("genres", Slot("genres", "shooter")),
        ("genres", Slot("genres", "action")),
    )


def test_fixed_position_under_a_foreign_plan_loses_nothing():
    strategy = make_strategy("fp").fit(corpus(), GAMES)
    name, action, shooter = Slot("name", "A"), Slot("genres", "action"), Slot("genres", "shooter")
    layout = strategy.layout(Plan((action, name, shooter, name)))
    assert [slot for _, slot in layout if slot] == [action, name, shooter, name]
    assert layout[0] == ("rating", None)


def test_alignment_is_the_references_order_with_repeats():
    item = example(
        ("name", "A"), ("rating", "good"), plan=(("name", "A"), ("rating", "good"), ("name", "A"))
    )
    assert make_strategy("at").order(item, rng=Random(0)) is item.plan


def test_alignment_without_a_plan_says_what_to_do():
    with pytest.raises(DataError, match="--plan") as caught:
        make_strategy("at").order(example(("name", "A")), rng=Random(0))
    assert caught.value.code == "no_plan"


def test_random_is_new_at_each_reading_and_the_same_for_a_seed():
    strategy = make_strategy("rnd")
    item = example(*((name, "v") for name in "abcdef"))
    rng = Random(3)
    readings = [strategy.order(item, rng=rng) for _ in range(20)]
    assert len(set(readings)) > 15
    assert order_of(strategy, item, 5) == order_of(strategy, item, 5)


def test_random_is_uniform():
    strategy, rng = make_strategy("rnd"), Random(0)
    item = example(("a", ""), ("b", ""), ("c", ""))
    counts: dict[Plan, int] = {}
    for _ in range(6000):
        plan = strategy.order(item, rng=rng)
        counts[plan] = counts.get(plan, 0) + 1
    assert len(counts) == 6
    assert all(850 < n < 1150 for n in counts.values())


@pytest.mark.parametrize("cls", list(STRATEGIES), ids=lambda cls: cls.alias)
def test_names_aliases_and_round_trip(cls):
    for spelling in (cls.name, cls.alias, cls.alias.upper(), cls.name.replace("_", "-")):
        assert STRATEGIES.get(spelling) is cls
    fitted = make_strategy(cls.name).fit(corpus(), GAMES)
    assert isinstance(fitted, Strategy)
    restored = restore_strategy(json.loads(json.dumps(fitted.state())))
    assert type(restored) is cls
    assert restored.state() == fitted.state()
    for item in corpus():
        assert restored.order(item, rng=Random(1)) == fitted.order(item, rng=Random(1))


def test_only_alignment_needs_a_planner():
    assert [cls.alias for cls in STRATEGIES if cls.needs_planner] == ["at"]


def test_unknown_strategy_suggests_and_lists():
    with pytest.raises(ConfigError, match=r"did you mean 'alignment'.*fixed_position \(fp\)"):
        make_strategy("alignement")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"name": "increasing_frequency"},
        {"name": "fixed_position", "slot_counts": 3},
        {"name": 7},
    ],
)
def test_damaged_state_is_a_bundle_error(state):
    with pytest.raises(BundleError, match="damaged"):
        restore_strategy(state)


class Alphabetical(StrategyBase):
    name = "alphabetical"
    alias = "abc"

    def order(self, example: Example, *, rng: Random) -> Plan:
        return Plan(tuple(sorted(example.mr.slots)))


@pytest.mark.parametrize("way", ["decorator", "entry point"])
@pytest.mark.parametrize("spelling", ["alphabetical", "abc"])
def test_a_fifth_strategy_works_from_the_command_line_by_name(monkeypatch, way, spelling):
    undo_registrations(monkeypatch, STRATEGIES)
    if way == "decorator":
        STRATEGIES.register("alphabetical", "abc")(Alphabetical)
    else:
        install(monkeypatch, "d2t.strategies", {"alphabetical": Alphabetical})
    fitted = make_strategy(spelling).fit(corpus(), GAMES)
    assert type(fitted) is Alphabetical
    assert order_of(restore_strategy(fitted.state()), example(("b", ""), ("a", ""))) == ["a", "b"]
    mr = "name[Aromi], eatType[pub], priceRange[cheap]"
    done = CliRunner().invoke(app, ["linearize", "--strategy", spelling], input=mr)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["plan"] == ["eatType", "name", "priceRange"]
    done = CliRunner().invoke(app, ["linearize", "--strategy", "if"], input=mr)
    assert json.loads(done.stdout)["plan"] != ["eatType", "name", "priceRange"]
