"""Claims beyond the record: each line of ``cases/claims.jsonl`` has the claims that it names."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from cases import cases
from hypothesis import given
from hypothesis import strategies as st

from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.domain_files import NEUTRAL, load_domain_copy, save_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.types import Tally

if TYPE_CHECKING:
    from pathlib import Path

CASES = cases("claims")
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['text']}")
def test_the_claims_of_a_text(case: dict[str, Any]) -> None:
    """The words of each claim, in text order."""
    report = CHECKER.check(case["text"], parse_mr(case["mr"], DOMAIN))
    assert [claim.text for claim in report.unsupported] == case["claims"]


def test_claims_are_no_slot_errors() -> None:
    """SER and ``ok`` leave them out; ``proved`` and the sums do not."""
    report = CHECKER.check(
        "Aromi is a pub with free wifi.", parse_mr("name[Aromi], eatType[pub]", DOMAIN)
    )
    tally = Tally()
    tally.add(report)
    assert (report.ok, report.proved, tally.ser, tally.unsupported) == (True, False, 0.0, 1)
    assert report.as_dict()["unsupported"] == [{"text": "free wifi", "start": 20, "end": 29}]


def test_a_domain_without_learnt_frames_knows_english_and_its_own_words() -> None:
    """Function words, the words of slots and values; everything else is a claim."""
    domain = domain_from_dict(
        {"name": "cars", "slots": {"colour": {"kind": "categorical", "values": ["red"]}}}
    )
    checker = SlotChecker.for_domain(domain)
    mr = parse_mr("colour[red]", domain)
    assert checker.check("The colour is red.", mr).proved
    assert checker.check("This model comes in red.", mr).proved
    assert [c.text for c in checker.check("It is red and fast.", mr).unsupported] == ["fast"]


@given(st.text(max_size=80))
def test_claims_lie_outside_of_spans_and_have_their_words(text: str) -> None:
    """Claims are characters of the text, ascending, and share none with a span."""
    alignment = CHECKER.align(text)
    claims = CHECKER.claims(alignment)
    assert all(text[claim.start : claim.end] == claim.text for claim in claims)
    parts = sorted([(c.start, c.end) for c in claims] + [(s.start, s.end) for s in alignment.spans])
    assert all(one[1] <= other[0] for one, other in pairwise(parts))


def test_a_copy_of_a_domain_knows_what_is_neutral(tmp_path: Path) -> None:
    """A bundle is whole: its copy is read, and nothing is looked up by the name of the domain."""
    save_domain(DOMAIN, tmp_path)
    assert (tmp_path / NEUTRAL).is_file()
    (tmp_path / NEUTRAL).write_text('anywhere = ["haunted"]\n', encoding="utf-8")
    checker = SlotChecker.for_domain(load_domain_copy(tmp_path))
    mr = parse_mr("name[Aromi], eatType[pub]", DOMAIN)
    assert checker.check("Aromi is a haunted pub.", mr).proved
    assert not checker.check("Aromi is a cosy pub.", mr).proved
