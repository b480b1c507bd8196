"""Which texts of others put a value into a frame of its kind."""

from __future__ import annotations

import pytest

from d2t.language.frames.frames import load_frames
from d2t.language.frames.sights import hangs_name, is_choppy, stands_in_frame
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


@pytest.mark.parametrize(
    ("text", "choppy", "hung"),
    [
        ("Aromi is a pub near Burger King. It is cheap. It serves Thai food.", False, False),
        ("Aromi is a pub. It is near Burger King. It is cheap. It serves Thai food.", True, False),
        ("It is a pub near Burger King. It is called Aromi.", True, False),
        ("There is a cheap pub near Burger King called Aromi.", False, True),
        ("There is a cheap pub called Aromi near Burger King.", False, False),
        ("A cheap place called Aromi is near Burger King.", False, False),
        ("Aromi serves Thai food. It is near Burger King and is cheap.", False, False),
        ("A place near Burger King is called Aromi.", False, False),
    ],
)
def test_texts_that_read_badly(text: str, *, choppy: bool, hung: bool) -> None:
    frames = load_frames(DOMAIN)
    assert frames is not None
    mr = parse_mr("name[Aromi], near[Burger King]", DOMAIN)
    alignment = SlotChecker.for_domain(DOMAIN).check(text, mr).alignment
    assert is_choppy(alignment) == choppy
    assert hangs_name(alignment, frames) == hung
