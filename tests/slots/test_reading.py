"""Other names, unlisted places, amounts and children in clauses, and lists, as in texts of people.

Each line of ``cases/reading.jsonl`` is read strictly as it says.
"""

from __future__ import annotations

from typing import Any

import pytest
from cases import parameters

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.quantity import ABOVE, BELOW, quantities, written_like
from d2t.slots.checker import SlotChecker


@pytest.mark.parametrize("case", parameters("reading"))
def test_the_text_is_read_as_expected(case: dict[str, Any]) -> None:
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    report = checker.check(
        case["text"], parse_mr(case["mr"], domain), merge_synonyms=True, strict_numbers=True
    )
    expected = {checker.merged(slot) for slot in parse_mr(case["expected"], domain).slots}
    assert {checker.merged(span.slot) for span in report.spans} == expected


@pytest.mark.parametrize(
    ("text", "comparator"),
    [
        ("You won't get away with £30.", ABOVE),
        ("Thirty pounds will not see you through a meal.", ABOVE),
        ("Is £30 enough? No.", ABOVE),
        ("Don't expect change from £30.", ABOVE),
        ("£30 and then some.", ABOVE),
        ("Is £20 enough? You won't even need that much.", BELOW),
        ("Not a penny over £20.", BELOW),
        ("£20. Nothing costs more than that.", BELOW),
        ("You'd be hard pushed to spend £20.", BELOW),
        ("It costs less than £20. You won't find one that costs more.", BELOW),
    ],
)
def test_the_clause_tells_whether_it_is_more_or_less(text: str, comparator: str) -> None:
    assert quantities(text)[0].quantity.comparator == comparator


@pytest.mark.parametrize(
    "text",
    [
        "no less than £20 and no more than £25", "at least £20 but at most £25",
        "start at £20 and stop at £25", "north of twenty pounds and south of twenty-five",
    ],
)  # fmt: skip
def test_two_bounds_are_a_range(text: str) -> None:
    (one,) = quantities(text)
    (expected,) = quantities("between £20 and £25")
    assert (one.quantity.low, one.quantity.high) == (expected.quantity.low, expected.quantity.high)


@pytest.mark.parametrize(
    ("text", "model", "written"),
    [
        ("87 percent", "78%", "87%"),
        ("north of $25", "under $25", "over $25"),
        ("from twelve to eighteen pounds", "£20-25", "£12-18"),
        ("8.8/10", "8 out of 10", "8.8 out of 10"),
        ("€20", "£15", None),
        ("twenty pounds", "78%", None),
    ],
)
def test_a_quantity_is_written_like_another(text: str, model: str, written: str | None) -> None:
    (one,) = quantities(text)
    assert written_like(one.quantity, model) == written
