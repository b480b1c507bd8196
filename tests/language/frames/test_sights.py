"""Which texts of others put a value into a frame of its kind."""

from __future__ import annotations

import pytest

from d2t.language.frames.frames import load_frames
from d2t.language.frames.sights import stands_in_frame
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")


@pytest.mark.parametrize(
    ("mr", "text", "good"),
    [
        ("name[X], food[burgers]", "X serves burgers.", True),
        ("name[X], food[burgers]", "X serves burgers food.", False),
        ("name[X], food[Thai]", "X is a Thai place.", True),
        ("name[X], food[Thai], eatType[pub]", "X is a Thai pub.", True),
        ("name[X], food[Thai]", "X serves Thai food near.", True),
        ("name[X], area[Soho]", "X is located in Soho.", True),
        ("name[X], area[Soho]", "X is located in the Soho.", False),
        ("name[X], area[business district]", "X is in the business district.", True),
        ("name[X], area[business district], eatType[pub]", "X is a business district pub.", False),
        ("name[X], near[cathedral]", "X is near cathedral.", False),
        ("name[X], near[cathedral]", "X is near the cathedral.", True),
        ("name[X], near[Joe's Diner]", "X is near Joe's Diner and cheap.", True),
        ("name[X], priceRange[from £8]", "X has a price range of from £8.", False),
        ("name[X], priceRange[from £8]", "X has prices from £8.", True),
    ],
)
def test_sights(mr: str, text: str, good: bool) -> None:
    frames = load_frames(DOMAIN)
    assert frames is not None
    alignment = SlotChecker.for_domain(DOMAIN).check(text, parse_mr(mr, DOMAIN)).alignment
    assert len(alignment.spans) >= 2
    found = [stands_in_frame(text, span, frames, alignment.spans) for span in alignment.spans]
    assert all(found) == good
