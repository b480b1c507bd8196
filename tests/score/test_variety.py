"""Distinct n-grams and copied training texts, against cases done by hand."""

from __future__ import annotations

import pytest

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.score.text import copied, distinct, template_of_text
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def test_distinct_by_hand() -> None:
    texts = [["a", "pub", "is", "a", "pub"], ["a", "bar"]]
    assert distinct(texts, 1) == pytest.approx(100 * 4 / 7)  # a pub is bar, of seven words
    assert distinct(texts, 2) == pytest.approx(100 * 4 / 5)  # "a pub" stands twice
    assert distinct(texts, 6) == 0
    assert distinct([], 1) == 0


def test_a_text_is_copied_whatever_its_values_are() -> None:
    trained = parse_mr("name[Aromi], food[Thai]", DOMAIN)
    other = parse_mr("name[The Punter], food[Thai]", DOMAIN)
    seen = frozenset({template_of_text("Aromi serves Thai food.", trained, CHECKER)})
    same = template_of_text("The Punter serves Thai food.", other, CHECKER)
    new = template_of_text("The Punter has Thai food.", other, CHECKER)
    assert copied([same, new], seen) == 50
    assert copied([], seen) == 0
