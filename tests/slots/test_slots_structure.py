"""Structure of English: each line of ``cases/structure.jsonl`` is read as it says."""

from __future__ import annotations

from typing import Any

import pytest
from cases import parameters

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker


@pytest.mark.parametrize("case", parameters("structure"))
def test_the_text_is_read_as_expected(case: dict[str, Any]) -> None:
    """Slots are compared as merged, since the MR may word a price in figures."""
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    report = checker.check(case["text"], parse_mr(case["mr"], domain))
    expected = {checker.merged(slot) for slot in parse_mr(case["expected"], domain).slots}
    assert {checker.merged(span.slot) for span in report.spans} == expected
    if "repeated" in case:
        assert sorted(span.slot.name for span in report.repeated) == case["repeated"]
