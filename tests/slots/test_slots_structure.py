"""Structure of English: each line of ``cases/structure.jsonl`` is read as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "structure.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


def _case(case: dict[str, Any]) -> Any:
    """A case; one that is known to be misread has the reason in ``misread``."""
    marks = [pytest.mark.xfail(reason=case["misread"], strict=True)] if "misread" in case else []
    return pytest.param(case, id=f"{case['kind']}: {case['text']}", marks=marks)


@pytest.mark.parametrize("case", [_case(case) for case in CASES])
def test_the_text_is_read_as_expected(case: dict[str, Any]) -> None:
    """Slots are compared as merged, since the MR may word a price in figures."""
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    report = checker.check(case["text"], parse_mr(case["mr"], domain))
    expected = {checker.merged(slot) for slot in parse_mr(case["expected"], domain).slots}
    assert {checker.merged(span.slot) for span in report.spans} == expected
    if "repeated" in case:
        assert sorted(span.slot.name for span in report.repeated) == case["repeated"]
