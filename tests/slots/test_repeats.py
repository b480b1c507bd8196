"""What is said again: when it counts, and in what."""

from __future__ import annotations

import pytest

import d2t
from d2t.slots.types import Repeats, Tally

TWICE = "Aromi serves fast food. It serves fast food."
MR = "name[Aromi], food[Fast food]"


@pytest.mark.parametrize(("repeats", "ok"), [("error", False), ("warn", True), ("ignore", True)])
def test_what_repeats_means_for_the_verdict(repeats: Repeats, *, ok: bool) -> None:
    """The slot error rate counts it always; the verdict and the gate do as they are told."""
    report = d2t.check(TWICE, MR, repeats=repeats)
    assert len(report.repeated) == 1
    assert report.ser == 50
    assert report.ok is ok
    tally = Tally(repeats=repeats)
    tally.add(report)
    assert tally.ser == 50
    assert tally.gated_ser == (0 if ok else 50)
    assert tally.exact == (100 if ok else 0)


def test_only_a_warning_shows_what_does_not_count() -> None:
    """``ignore`` does not show it to people."""
    assert "ok (repeated food[Fast food])" in str(d2t.check(TWICE, MR, repeats="warn"))
    assert str(d2t.check(TWICE, MR, repeats="ignore")).endswith("\n  ok")


@pytest.mark.parametrize(
    "text",
    [
        "Aromi. Aromi is a pub.",
        "Aromi is a pub. People love the pub.",
        "Is Aromi a pub? Yes, it is a pub.",
    ],
)
def test_taking_up_is_not_repeating(text: str) -> None:
    """Names, definite articles and answers take up what was said."""
    assert d2t.check(text, "name[Aromi], eatType[pub]").ok
