"""Domain knowledge is data: no code of d2t/ names a slot or a value of a shipped domain."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from d2t.mr.domain import fold_name, load_domain

PACKAGE = Path(__file__).resolve().parents[2] / "d2t"
DOMAINS = tuple(load_domain(name) for name in ("restaurant", "viggo"))
# Slots and values that are ordinary words of any program, not of a domain.
GENERAL = {"name", "near", "area", "rating", "yes", "no", "high", "low", "first", "other", "action",
           "average", "moderate", "good", "restaurant", "strategy"}  # fmt: skip
SLOTS = {fold_name(slot) for domain in DOMAINS for slot in domain.slot_names} - GENERAL
VALUES = {
    value.casefold() for domain in DOMAINS for spec in domain.slots for value in spec.values
} - GENERAL
# "food[Thai]" and "area > food": an MR or a plan in a string, whatever its slots are called.
MESSAGE = re.compile(r"\b(as in|write an?) ")
WRITTEN = re.compile(
    "|".join(
        rf"\b{re.escape(slot)}\["
        for domain in DOMAINS
        for slot in domain.slot_names
        if slot != "name"
    )
)


def _told(tree: ast.AST) -> set[int]:
    """The string constants that nobody computes with: docstrings, and what a message says."""
    told: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            told.add(id(node.value))
        elif isinstance(node, ast.Raise | ast.JoinedStr):
            told |= {id(part) for part in ast.walk(node) if isinstance(part, ast.Constant)}
    return told


def _has_mr(text: str) -> bool:
    """Whether a string holds slots of a domain, and not as the example of a message."""
    return WRITTEN.search(text) is not None and MESSAGE.search(text) is None


def domain_words(source: str) -> list[tuple[int, str]]:
    """(line, text) of the strings and identifiers in ``source`` that name a slot or a value."""
    tree = ast.parse(source)
    told = _told(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            text = node.value
            folded = text.casefold()
            if fold_name(text) in SLOTS or folded in VALUES or _has_mr(text):
                found.append((node.lineno, text))
        elif isinstance(node, ast.Name) and fold_name(node.id) in SLOTS:
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and fold_name(node.attr) in SLOTS:
            found.append((node.lineno, node.attr))
    return found


@pytest.mark.parametrize(
    "code",
    [
        'if slot.name == "food": pass',
        'x = {"has_multiplayer": 1}',
        'RECORD = "name[Aromi], area[riverside]"',
        'y = values["coffee shop"]',
        "genres = ()",
        "mr.price_range",
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert domain_words(code)


def test_docstrings_and_messages_may_give_examples() -> None:
    assert not domain_words('def f():\n    """As in food[Thai]."""\n    raise E("try food[Thai]")')


def test_no_code_names_a_slot_or_a_value() -> None:
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {text!r}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in domain_words(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)
