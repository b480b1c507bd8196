"""Composed texts say their MR in the order that was asked for, whatever the values are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.errors import DomainError
from d2t.language.frames.compose import Composed, compose
from d2t.language.frames.frames import Frames, frames_from_dict, load_frames
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
_RECORDS = (
    "name: Aromi|The Mill|Bistro 21|eat.|The Hand and Flowers|tobyfox|Q|Yo! Sushi|8 Hours",
    "eatType: pub|coffee shop|restaurant|bistro|wine bar|food truck|ice cream parlour",
    "food: Italian|Fast food|burgers|seafood|Thai|street food|fish and chips|vegan|zorbian",
    "priceRange: cheap|less than £20|moderate|£20-25|high|$$|from £8|mid-range|£15",
    "customer rating: low|1 out of 5|average|high|A+|4.5|5 stars|8/10|excellent|92%",
    "area: city centre|riverside|Soho|District 5|the old town|business district|waterfront",
    "familyFriendly: yes|no",
    "near: Clare Hall|The Six Bells|Burger King|the station|cathedral",
)
VALUES = {name: tuple(v.split("|")) for name, v in (line.split(": ") for line in _RECORDS)}


def frames() -> Frames:
    found = load_frames(DOMAIN)
    assert found is not None
    return found


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any order of any slots, with or without sentences."""
    names = draw(st.permutations(sorted(VALUES)))[: draw(st.integers(1, 8))]
    slots = [Slot(name, draw(st.sampled_from(VALUES[name]))) for name in names]
    if "food" in names and draw(st.booleans()):
        at = names.index("food")
        further = draw(st.sampled_from(VALUES["food"]))
        if further != slots[at].value:
            slots.insert(at + 1, Slot("food", further))
    breaks = None
    if draw(st.booleans()):
        breaks = tuple(k for k in range(1, len(slots)) if draw(st.integers(0, 3)) == 0)
    return Plan(tuple(slots), breaks)


def proved(text: Composed, plan: Plan) -> None:
    report = CHECKER.check(text.text, MeaningRepresentation(plan.slots), strict_numbers=True)
    assert report.ok, (text.text, report)
    assert report.alignment.plan().slots == plan.slots, text.text
    if plan.breaks is not None:
        assert [sorted(s) for s in report.alignment.plan().sentences] == [
            sorted(s) for s in plan.sentences
        ], text.text


@given(plans())
@settings(max_examples=150)
def test_a_composed_text_says_its_plan(plan: Plan) -> None:
    texts = compose(MeaningRepresentation(plan.slots), frames(), plan, n=3)
    assert texts
    for text in texts:
        proved(text, plan)
        assert text.plan.slots == plan.slots
        assert all(text.text[s.start : s.end] for s in text.spans)


@pytest.mark.parametrize(
    ("mr", "words"),
    [
        ("name[X], food[burgers]", "serves burgers."),
        ("name[X], food[seafood]", "serves seafood."),
        ("name[X], food[Italian]", "serves Italian food."),
        ("name[X], food[Thai], food[street food]", "serves Thai and street food."),
        ("name[X], area[Soho]", "in Soho."),
        ("name[X], area[District 5]", "in District 5."),
        ("name[X], area[business district]", "in the business district."),
        ("name[X], area[the old town]", "in the old town."),
        ("name[X], priceRange[from £8]", "prices from £8."),
        ("name[X], customer rating[8/10]", "rated 8/10."),
        ("name[X], customer rating[A+]", "a customer rating of A+."),
        ("eatType[pub], area[Soho]", "pub is in Soho."),
    ],
)
def test_frames_fit_the_kind_of_a_value(mr: str, words: str) -> None:
    (text,) = compose(parse_mr(mr, DOMAIN), frames())
    assert text.text.endswith(words)


def test_texts_of_one_plan_differ() -> None:
    mr = parse_mr(
        "name[Aromi], eatType[pub], food[Thai], area[Soho], near[Pier 1], customer rating[4.5]",
        DOMAIN,
    )
    texts = compose(mr, frames(), n=5)
    assert len({text.plan.breaks for text in texts}) >= 3
    again = compose(mr, frames(), n=5)
    assert [text.text for text in texts] == [text.text for text in again]
    brief = compose(mr, frames(), style="brief")[0]
    full = compose(mr, frames(), style="full")[0]
    assert len(brief.plan.sentences) == 1 < len(full.plan.sentences)


def test_the_kind_of_a_value_can_be_told() -> None:
    raw = {
        "slots": {
            "area": {
                "proper": {"place": ["in {v}"]},
                "any": {"place": ["in the {v}"]},
                "values": {"angel": "proper"},
            }
        }
    }
    told = frames_from_dict({"name": "name", **raw}, DOMAIN)
    mr = parse_mr("name[X], area[angel]", DOMAIN)
    assert compose(mr, told)[0].text == "X is in angel."
    raw["slots"]["area"]["values"] = {"angel": "propre"}
    with pytest.raises(DomainError, match="did you mean 'proper'"):
        frames_from_dict(raw, DOMAIN)


@given(st.text(min_size=1, max_size=12), st.sampled_from(sorted(VALUES)))
@settings(max_examples=100)
def test_any_value_is_written_or_refused(value: str, name: str) -> None:
    slots = (Slot("eatType", "pub"), Slot(name, value))
    for text in compose(MeaningRepresentation(slots), frames(), n=2):
        for span in text.spans:
            assert 0 <= span.start <= span.end <= len(text.text)
