"""Proposals: rare values first, planned in any order, never what is held out."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.domain import domain_from_dict
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.recipes.self_training.config import SampleConfig
from d2t.recipes.self_training.proposals import ProposalSource
from d2t.seeding import derived_rng

TOY = domain_from_dict(
    {
        "name": "toy",
        "slots": {
            "title": {"kind": "open"},
            "colour": {"kind": "categorical", "values": ["red", "blue", "green"]},
            "size": {"kind": "categorical", "values": ["big", "small"]},
            "place": {"kind": "open"},
            "open": {"kind": "boolean"},
        },
    }
)


def example(*slots: str, breaks: tuple[int, ...] = ()) -> Example:
    pairs = tuple(Slot(*slot.split("=")) for slot in slots)
    return Example("0", MeaningRepresentation(pairs), ("text",), Plan(pairs, breaks))


def source(*examples: Example, **options: object) -> ProposalSource:
    fitted = ProposalSource(SampleConfig(min_size=2, **options), frozenset(), None)  # type: ignore[arg-type]
    fitted.fit(list(examples), TOY)
    return fitted


BASE = (
    *[example("title=A", "colour=red")] * 7,
    *[example("title=B", "colour=blue")] * 3,
    example("title=C", "size=big", breaks=(1,)),
)


def test_values_are_weighed_by_one_over_count_plus_one() -> None:
    weights = source(*BASE).value_weights("inform", 2, "colour")
    assert weights == {"red": 1 / 8, "blue": 1 / 4}


def test_drawn_values_follow_the_weights() -> None:
    fitted = source(*BASE, example("title=A", "colour=green"))
    drawn = Counter(
        slot.value
        for i in range(3000)
        if (proposal := fitted.propose(str(i), 2, derived_rng(1, i))) is not None
        for slot in proposal.mr.slots
        if slot.name == "colour"
    )
    weights = {"red": 1 / 8, "blue": 1 / 4, "green": 1 / 2}
    total = sum(weights.values())
    n = drawn.total()
    chi_square = sum((drawn[v] - n * w / total) ** 2 / (n * w / total) for v, w in weights.items())
    assert chi_square < 13.8  # p = 0.001 with two degrees of freedom


def test_what_has_been_said_is_proposed_less() -> None:
    fitted = source(*BASE)
    fitted.observe(example("title=A", "colour=blue").mr)
    assert fitted.value_weights("inform", 2, "colour")["blue"] == 1 / 5
    other_size = example("title=A", "colour=blue", "size=big").mr
    fitted.observe(other_size)
    assert fitted.value_weights("inform", 2, "colour")["blue"] == 1 / 5, "counts are per size"


def test_a_slot_of_every_mr_is_always_there_and_others_are_not() -> None:
    fitted = source(*BASE)
    names = Counter(
        name
        for i in range(300)
        if (proposal := fitted.propose(str(i), 2, derived_rng(2, i))) is not None
        for name in proposal.mr.names
    )
    assert names["title"] == 300
    assert 100 < names["colour"] < 200
    assert names["colour"] + names["size"] == 300


def test_rare_values_are_not_proposed() -> None:
    many = [example("title=A", "colour=red")] * 50 + [example("title=A", "colour=odd")]
    assert source(*many, min_value_share=0.1).value_weights("inform", 2, "colour") == {
        "red": 1 / 51
    }
    assert "odd" in source(*many, min_value_share=0.0).value_weights("inform", 2, "colour")


def test_second_values_come_as_pairs_that_were_seen() -> None:
    base = [
        *[example("title=A", "colour=red")] * 15,
        example("title=A", "colour=red", "colour=blue"),
        example("title=A", "open=yes", "open=no"),
        *[example("title=A", "open=yes")] * 3,
    ]
    share = {}
    for boost in (0.0, 1.0, 4.0):
        fitted = source(*base, multi_boost=boost)
        drawn = [fitted.propose(str(i), 2, derived_rng(3, i)) for i in range(2000)]
        mrs = [p.mr for p in drawn if p is not None and "colour" in p.mr.names]
        doubled = [mr for mr in mrs if len(mr.slots) == 3]
        share[boost] = len(doubled) / len(mrs)
        assert {mr.values("colour") for mr in doubled} <= {("blue", "red")}
        opens = [p.mr for p in drawn if p is not None and "open" in p.mr.names]
        assert all(len(mr.slots) == 2 for mr in opens), "a boolean slot is yes or no, not both"
    assert share[0.0] == 0
    assert share[1.0] == pytest.approx(1 / 16, abs=0.025)
    assert share[4.0] == pytest.approx(4 / 16, abs=0.05)


def doubled(fitted: ProposalSource, n: int = 2000) -> Counter[tuple[str, ...]]:
    """Share of the two values that proposals of three slots have of a slot."""
    found: Counter[tuple[str, ...]] = Counter()
    for i in range(n):
        proposal = fitted.propose(str(i), 3, derived_rng(6, i))
        assert proposal is not None
        mr = proposal.mr
        twice = [name for name in mr.names if len(mr.values(name)) > 1]
        assert len(twice) <= 1, "never two slots at once"
        found.update([tuple(sorted(mr.values(name))) for name in twice] or [()])
    return found


def test_one_slot_gets_two_values_those_that_samples_lack() -> None:
    base = [
        *[example("title=A", "colour=red", "colour=blue", "size=big")] * 9,
        example("title=A", "colour=red", "colour=green", "size=big"),
        example("title=A", "size=big", "size=small", "colour=red"),
    ]
    fitted = source(*base, multi_share=0.6)
    even = doubled(fitted)
    pairs = {("blue", "red"), ("green", "red"), ("big", "small")}
    assert even[()] / 2000 == pytest.approx(0.4, abs=0.04)
    assert set(even) == {(), *pairs}
    assert all(even[pair] / 2000 == pytest.approx(0.2, abs=0.03) for pair in pairs)
    for _ in range(3):
        said = example("title=A", "colour=red", "colour=blue", "size=big")
        fitted.observe(said.mr, said.plan)
    rare = doubled(fitted)
    assert rare["blue", "red"] / 2000 == pytest.approx(0.6 / 9, abs=0.03)
    assert rare["big", "small"] == pytest.approx(rare["green", "red"], rel=0.2)


def test_any_two_names_are_one_kind_of_pair() -> None:
    base = [
        *[example("title=A", "place=P", f"place={other}", "size=big") for other in "QRST"],
        example("title=A", "place=P", "size=big", "size=small"),
        example("title=A", "size=big"),
    ]
    fitted = source(*base, multi_share=1.0)
    even = doubled(fitted)
    assert even["big", "small"] / 2000 == pytest.approx(0.5, abs=0.05)
    assert all(even["P", other] / 2000 == pytest.approx(0.125, abs=0.03) for other in "QRST")
    for other in "QRS":
        said = example("title=A", "place=P", f"place={other}", "size=big")
        fitted.observe(said.mr, said.plan)
    rare = doubled(fitted)
    assert rare["big", "small"] / 2000 == pytest.approx(0.8, abs=0.05)
    assert all(rare["P", other] / 2000 == pytest.approx(0.05, abs=0.03) for other in "QRST")


def test_pairs_are_drawn_by_their_count_to_a_power() -> None:
    base = [
        *[example("title=A", "colour=red", "colour=blue")] * 9,
        example("title=A", "colour=red", "colour=green"),
    ]
    for power, expected in ((1.0, 0.9), (0.5, 0.75), (0.0, 0.5)):
        fitted = source(*base, multi_boost=1.0, pair_power=power)
        drawn = [fitted.propose(str(i), 2, derived_rng(9, i)) for i in range(1500)]
        blue = [p for p in drawn if p is not None and "blue" in p.mr.values("colour")]
        assert len(blue) / len(drawn) == pytest.approx(expected, abs=0.04)


def test_two_open_slots_do_not_share_a_name() -> None:
    base = [example("title=A", "place=A"), example("title=B", "place=B")]
    fitted = source(*base)
    for i in range(40):
        proposal = fitted.propose(str(i), 2, derived_rng(4, i))
        assert proposal is not None
        assert len({slot.value for slot in proposal.mr.slots}) == 2


def test_held_out_mrs_are_not_proposed() -> None:
    held_out = frozenset({example("title=A", "colour=red").mr.key()})
    fitted = ProposalSource(SampleConfig(min_size=2), held_out, None)
    fitted.fit([example("title=A", "colour=red"), example("title=A", "colour=blue")], TOY)
    drawn = [fitted.propose(str(i), 2, derived_rng(5, i)) for i in range(50)]
    assert {slot.value for p in drawn if p for slot in p.mr.slots} == {"A", "blue"}
    only = ProposalSource(SampleConfig(min_size=2), held_out, None)
    only.fit([example("title=A", "colour=red")], TOY)
    assert only.propose("0", 2, derived_rng(6)) is None


def test_sizes_are_bounded_by_the_domain() -> None:
    assert source(*BASE).sizes == (2, 3)
    with pytest.raises(DataError, match="no training pairs"):
        source()


def test_sentences_are_drawn_as_the_training_data_has_them() -> None:
    base = [example("title=A", "colour=red", breaks=(1,))] * 3 + [example("title=A", "colour=red")]
    base += [example("colour=red", "title=A", breaks=(1,))]  # either may come first
    fitted = source(*base, planned_breaks=1.0, sentence_share=0.0)
    plans = [p.plan for i in range(600) if (p := fitted.propose(str(i), 2, derived_rng(7, i)))]
    assert {plan.breaks for plan in plans} == {(), (1,)}
    assert sum(plan.breaks == (1,) for plan in plans) / 600 == pytest.approx(0.8, abs=0.06)
    free = source(*base, planned_breaks=0.0)
    proposal = free.propose("0", 2, derived_rng(8))
    assert proposal is not None
    assert proposal.plan.breaks is None


def test_orders_that_begin_rarely_are_proposed_more() -> None:
    fitted = source(*BASE, random_plans=1.0, planned_breaks=0.0)
    said = example("title=A", "colour=red")
    for _ in range(9):
        fitted.observe(said.mr, said.plan)
    drawn = [fitted.propose(str(i), 2, derived_rng(11, i)) for i in range(600)]
    first = Counter(p.plan.names[0] == "title" for p in drawn if p is not None)
    assert first[True] / 600 == pytest.approx(1 / 11, abs=0.03)


def test_a_planned_sentence_is_like_one_that_was_seen() -> None:
    base = [example("title=A", "colour=red", breaks=(1,))] * 3
    fitted = source(*base, planned_breaks=1.0, sentence_share=1.0)
    plans = [p.plan for i in range(60) if (p := fitted.propose(str(i), 2, derived_rng(7, i)))]
    breaks = {(plan.names, plan.breaks) for plan in plans}
    # "Colour." has begun no text, and no text has one sentence: such sentences are not planned.
    assert breaks == {(("title", "colour"), (1,)), (("colour", "title"), None)}


@given(st.integers(0, 10**6), st.integers(2, 3))
def test_a_proposal_plans_each_of_its_slots_once(seed: int, size: int) -> None:
    fitted = source(*BASE, example("title=A", "colour=red", "colour=blue", "size=big"))
    proposal = fitted.propose("x", size, derived_rng(seed))
    assert proposal is not None
    assert sorted(proposal.plan.slots) == sorted(proposal.mr.slots)
    assert len(proposal.mr.names) == size == proposal.size
    again = fitted.propose("x", size, derived_rng(seed))
    assert again == proposal


def test_two_values_of_a_slot_are_asked_for_side_by_side() -> None:
    """With ``neighbours`` always, without it by chance; the rest of the order stays random."""
    base = [example("title=A", "colour=red", "colour=blue", "size=big", "place=P")] * 3

    def drawn(neighbours: float) -> list[list[str]]:
        fitted = source(*base, multi_boost=1.0, random_plans=1.0, neighbours=neighbours)
        proposals = [fitted.propose(str(i), 4, derived_rng(4, i)) for i in range(300)]
        assert all(p is not None and {*p.plan.slots} == {*p.mr.slots} for p in proposals)
        return [[slot.name for slot in p.plan.slots] for p in proposals if p is not None]

    def beside(names: list[str]) -> bool:
        return names.index("colour") + 1 == len(names) - 1 - names[::-1].index("colour")

    always, by_chance = drawn(1.0), drawn(0.0)
    assert all(map(beside, always))
    assert 0.25 < sum(map(beside, by_chance)) / 300 < 0.55, "2 of 5 places"
    assert len({tuple(names) for names in always}) == 24, "any order of the four"
