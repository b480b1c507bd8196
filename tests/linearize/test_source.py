from __future__ import annotations

import json
import subprocess
import sys

import pytest

from d2t.corpus.types import Example
from d2t.errors import BundleError, DomainError
from d2t.language.delex import relexicalize
from d2t.language.symbols import MAX_VALUES
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot

RESTAURANT = load_domain("restaurant")
GAMES = domain_from_dict(
    {
        "name": "games",
        "dialogue_acts": ["inform", "give_opinion"],
        "slots": {
            "name": {"kind": "open"},
            "release_year": {"kind": "numeric"},
            "genres": {"kind": "list", "values": ["action", "shooter"]},
            "multiplayer": {"kind": "boolean"},
        },
    }
)


def source(
    *slots: tuple[str, str], domain=RESTAURANT, strategy="at", act="inform", **options
) -> tuple[str, dict[str, str]]:
    linearizer = Linearizer(
        domain, make_strategy(strategy).fit([], domain), Inventory.of_domain(domain)
    )
    pairs = tuple(Slot(*slot) for slot in slots)
    written = linearizer.linearize(MeaningRepresentation(pairs, act), Plan(pairs), **options)
    assert written.plan == Plan(pairs)
    return str(written), dict(written.bindings)


def test_open_slots_are_hidden_and_known_values_are_text():
    text, bindings = source(("name", "The Eagle"), ("customer rating", "5 out of 5"))
    assert text == (
        "<slot:name> <val:name> <f:cons> <f:the> <f:word> <slot:customer_rating> 5 out of 5"
    )
    assert bindings == {"<val:name>": "The Eagle"}


def test_one_dialogue_act_has_no_header_several_have_one():
    assert not source(("food", "French"))[0].startswith("<act:")
    text, _ = source(("name", "Halo"), domain=GAMES, act="give_opinion")
    assert text.startswith("<act:give_opinion> <slot:name>")


def test_unseen_values_are_copied_through_placeholders():
    text, bindings = source(("food", "Ethiopian"))
    assert text == "<slot:food> <val:food> <f:vowel> <f:word>"
    assert bindings == {"<val:food>": "Ethiopian"}


def test_bindings_know_which_values_are_names():
    linearizer = Linearizer(RESTAURANT, make_strategy("at"), Inventory.of_domain(RESTAURANT))
    slots = (Slot("name", "aromi"), Slot("food", "ethiopian"))
    written = linearizer.linearize(MeaningRepresentation(slots), Plan(slots))
    assert written.bindings.open_symbols == {"<val:name>"}
    text = relexicalize("<val:name>. <val:food>.", written.bindings)
    assert text == "aromi. Ethiopian."


def test_mask_hides_and_keep_shows():
    french, odd = Slot("food", "French"), Slot("area", "moon")
    pairs = (("food", "French"), ("area", "moon"))
    text, bindings = source(*pairs, mask=frozenset({french}), keep=frozenset({odd}))
    assert text == "<slot:food> <val:food> <f:cons> <f:word> <slot:area> moon"
    assert bindings == {"<val:food>": "French"}


def test_numeric_slots_are_hidden_unless_kept():
    year = Slot("release_year", "2015")
    assert source(("release_year", "2015"), domain=GAMES)[1] == {"<val:release_year>": "2015"}
    assert source(("release_year", "2015"), domain=GAMES, keep=frozenset({year}))[1] == {}


def test_open_slots_stay_hidden_whatever_keep_says():
    name = Slot("name", "Aromi")
    assert source(("name", "Aromi"), keep=frozenset({name}))[1] == {"<val:name>": "Aromi"}


def test_yes_and_no_are_never_hidden_other_booleans_are():
    slot = Slot("multiplayer", "yes")
    text, bindings = source(("multiplayer", "yes"), domain=GAMES, mask=frozenset({slot}))
    assert text == "<act:inform> <slot:multiplayer> yes"
    assert not bindings
    assert source(("multiplayer", "partly"), domain=GAMES)[1] == {"<val:multiplayer>": "partly"}


def test_repeats_share_a_placeholder_and_second_values_get_their_own():
    pairs = (("near", "A"), ("near", "B"), ("name", "C"), ("near", "A"))
    text, bindings = source(*pairs)
    assert [p for p in text.split() if p.startswith("<val")] == [
        "<val:near>", "<val:near:2>", "<val:name>", "<val:near>",
    ]  # fmt: skip
    assert bindings == {"<val:near>": "A", "<val:near:2>": "B", "<val:name>": "C"}


def test_a_fifth_value_is_written_out_not_lost():
    pairs = [("near", f"Place {i}") for i in range(MAX_VALUES + 1)]
    text, bindings = source(*pairs)
    assert len(bindings) == MAX_VALUES
    assert text.endswith("<slot:near> Place 4")


def test_empty_values_are_asked_for():
    assert source(("name", ""), domain=GAMES)[0] == "<act:inform> <slot:name> <empty>"


def test_fixed_position_shows_absent_slots():
    linearizer = Linearizer(GAMES, make_strategy("fp").fit([], GAMES), Inventory.of_domain(GAMES))
    shapes = set()
    for pairs in ((Slot("name", "Halo"),), (Slot("genres", "action"),), ()):
        pieces = linearizer.linearize(MeaningRepresentation(pairs), Plan(pairs)).pieces
        shapes.add(tuple(piece for piece in pieces if piece.startswith("<slot:")))
    assert len(shapes) == 1
    text = str(linearizer.linearize(MeaningRepresentation(()), Plan(())))
    assert text.count("<absent>") == 4


def test_value_that_looks_like_a_placeholder_is_only_ever_a_binding():
    text, bindings = source(("food", "<val:name>"))
    assert "<val:name>" not in text
    assert bindings == {"<val:food>": "<val:name>"}


@pytest.mark.parametrize(
    ("breaks", "written"),
    [(None, "food area"), ((), "food area |"), ((1,), "food | area |")],
)
def test_alignment_shows_the_end_of_each_planned_sentence(breaks, written):
    slots = (Slot("food", "French"), Slot("area", "riverside"))
    mr, plan = MeaningRepresentation(slots), Plan(slots, breaks)
    names = {"<slot:food>": "food", "<slot:area>": "area", "<break>": "|"}
    for strategy, shown in (("at", written), ("if", "food area"), ("rnd", "food area")):
        linearizer = Linearizer(
            RESTAURANT, make_strategy(strategy), Inventory.of_domain(RESTAURANT)
        )
        pieces = linearizer.linearize(mr, plan).pieces
        assert " ".join(names[piece] for piece in pieces if piece in names) == shown


def test_a_phrase_begins_with_its_kind():
    linearizer = Linearizer(RESTAURANT, make_strategy("at"), Inventory.of_domain(RESTAURANT))
    slots = (Slot("food", "French"),)
    mr = MeaningRepresentation(slots)
    assert linearizer.linearize(mr, Plan(slots), kind="clause").pieces[0] == "<kind:clause>"
    with pytest.raises(DomainError, match="unknown kind of phrase 'poem'"):
        linearizer.linearize(mr, Plan(slots), kind="poem")


def test_unknown_slot_is_a_domain_error():
    with pytest.raises(DomainError, match="unknown slot 'colour'"):
        source(("colour", "red"))


def test_inventory_keeps_what_was_seen_often_enough():
    mrs = [MeaningRepresentation((Slot("food", "Thai"), Slot("name", f"N{i}"))) for i in range(3)]
    mrs.append(MeaningRepresentation((Slot("food", "French"),)))
    inventory = Inventory.fit([Example(str(i), mr) for i, mr in enumerate(mrs)], RESTAURANT)
    assert Slot("food", "Thai") in inventory
    assert Slot("food", "French") not in inventory
    assert "name" not in inventory.values
    assert Inventory.from_state(json.loads(json.dumps(inventory.state()))) == inventory


def test_inventory_leaves_out_what_is_rare_in_a_large_corpus():
    """4 of 3,000 are enough to be met and too few to be learnt; 6 are enough."""
    mrs = [
        MeaningRepresentation((Slot("food", "Thai"), Slot("name", f"N{i}"))) for i in range(2990)
    ]
    mrs += [MeaningRepresentation((Slot("food", "French"),))] * 4
    mrs += [MeaningRepresentation((Slot("food", "Greek"),))] * 6
    inventory = Inventory.fit([Example(str(i), mr) for i, mr in enumerate(mrs)], RESTAURANT)
    assert inventory.values["food"] == ("Greek", "Thai")
    all_of_them = Inventory.fit([Example("1", mrs[-5])], RESTAURANT, min_count=1, min_share=0)
    assert all_of_them.values["food"] == ("Greek",)


@pytest.mark.parametrize("alias", ["rnd", "if", "fp", "at"])
def test_state_round_trip_writes_the_same_source(alias):
    slots = (Slot("near", "A"), Slot("food", "Ethiopian"), Slot("familyFriendly", "no"))
    mr, plan = MeaningRepresentation(slots), Plan(slots)
    strategy = make_strategy(alias).fit([Example("1", mr, plan=plan)], RESTAURANT)
    linearizer = Linearizer(RESTAURANT, strategy, Inventory.of_domain(RESTAURANT))
    restored = Linearizer.from_state(json.loads(json.dumps(linearizer.state())), RESTAURANT)
    assert restored.linearize(mr, plan) == linearizer.linearize(mr, plan)
    assert restored.state() == linearizer.state()


@pytest.mark.parametrize(
    "state", [{}, {"strategy": {}}, {"strategy": {"name": "at"}, "inventory": 5}]
)
def test_damaged_state_is_a_bundle_error(state):
    with pytest.raises(BundleError):
        Linearizer.from_state(state, RESTAURANT)


def test_no_torch():
    code = (
        "import sys, d2t.linearize.source, d2t.language.delex, d2t.plan.bigram, "
        "d2t.plan.untrained, d2t.plan.untrained; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
