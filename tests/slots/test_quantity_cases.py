"""Quantities in texts, right and wrong ones, from a file of cases by kind."""

import json
from functools import lru_cache

import pytest
from cases import cases

from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

CASES = cases("quantities")


@lru_cache
def _domain(source):
    raw = json.loads(source)
    return (
        load_domain(raw) if isinstance(raw, str) else domain_from_dict({"name": "t", "slots": raw})
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['mr']}: {case['text']}")
def test_a_quantity_is_read_by_meaning(case):
    domain = _domain(json.dumps(case["domain"]))
    report = SlotChecker.for_domain(domain).check(
        case["text"],
        parse_mr(case["mr"], domain),
        merge_synonyms=case.get("merge", False),
        strict_numbers=True,
    )
    assert report.ok is case["ok"], report


@pytest.mark.parametrize("text", ["It is moderately priced.", "It costs €20-25."])
def test_the_reading_of_corpora_forgives_what_people_wrote(text):
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    mr = parse_mr("priceRange[£20-25]", domain)
    assert checker.check(text, mr).ok
    assert not checker.check(text, mr, strict_numbers=True).ok
    assert "num:strict" in checker.signature(strict_numbers=True)
    assert "num:strict" not in checker.signature()
