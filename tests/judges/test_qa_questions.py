"""questions.toml: what ships is complete, and what is not is refused with its place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import DomainError
from d2t.judges.qa.questions import SUBJECT, VALUE, fill, load_questions, questions_from_dict
from d2t.mr.domain import domain_from_dict, load_domain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOMAIN = load_domain("restaurant")
GOOD = load_questions(DOMAIN).source


@pytest.mark.parametrize("name", ["restaurant", "viggo"])
def test_the_shipped_questions_ask_for_every_slot_in_three_wordings_or_more(name: str) -> None:
    domain = load_domain(name)
    questions = load_questions(domain)
    assert tuple(questions.slots) == domain.slot_names
    assert questions.none not in {value for spec in domain.slots for value in spec.values}
    for slot, asking in questions.slots.items():
        assert len(asking.ask) + len(asking.held_out) >= 3
        assert asking.held_out
        assert not set(asking.ask) & set(asking.held_out)
        assert asking.by_value == (domain.slot(slot).kind == "list")
        assert asking.usable(subject=False), slot
        for wording in (*asking.ask, *asking.held_out):
            assert wording.endswith("?")
            assert (VALUE in wording) == asking.by_value


def test_boolean_and_list_slots_are_among_them() -> None:
    kinds = {spec.kind for name in ("restaurant", "viggo") for spec in load_domain(name).slots}
    assert {"boolean", "list", "open", "numeric", "ordinal", "categorical"} <= kinds


def test_no_held_out_wording_is_a_training_wording_of_any_slot() -> None:
    slots = load_questions(DOMAIN).slots.values()
    asked = {wording.casefold() for asking in slots for wording in asking.ask}
    assert not asked & {wording.casefold() for asking in slots for wording in asking.held_out}


def test_fields_are_filled() -> None:
    assert fill("Is {subject} a {value} game?", subject="<ent:1>", value="sport") == (
        "Is <ent:1> a sport game?"
    )
    asking = load_questions(DOMAIN).slots["food"]
    assert all(SUBJECT not in wording for wording in asking.usable(subject=False))
    assert asking.usable(subject=True) == asking.ask


def changed(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    raw = copy.deepcopy(GOOD)
    edit(raw)
    return raw


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "unknown key": (lambda raw: raw.update(subjects="name"), "unknown key 'subjects'"),
    "no none": (lambda raw: raw.pop("none"), "expected a string 'none'"),
    "unknown subject": (lambda raw: raw.update(subject="title"), "subject 'title' is no slot"),
    "slot missing": (lambda raw: raw["slots"].pop("food"), "no questions for slot 'food'"),
    "slot unknown": (lambda raw: raw["slots"].update(foot={}), "did you mean 'food'"),
    "too few": (lambda raw: raw["slots"]["food"].update(ask=["What?"]), "at least 3"),
    "none held out": (lambda raw: raw["slots"]["food"].update(held_out=[]), "one of them held out"),
    "no list": (lambda raw: raw["slots"]["food"].update(ask="What?"), "a list of strings"),
    "no table": (lambda raw: raw["slots"].update(food=1), "must be a table"),
    "other key": (lambda raw: raw["slots"]["food"].update(say=[]), "unknown key 'say'"),
    "unknown field": (
        lambda raw: raw["slots"]["food"]["ask"].append("What does {it} serve?"),
        "fields are",
    ),
    "value of no list": (
        lambda raw: raw["slots"]["food"]["ask"].append("Is it {value}?"),
        "in every wording of a list slot",
    ),
    "always a subject": (
        lambda raw: raw["slots"]["food"].update(ask=["{subject}?", "What of {subject}?"]),
        "must do without",
    ),
    "twice": (
        lambda raw: raw["slots"]["food"]["ask"].append(raw["slots"]["area"]["held_out"][0]),
        "is there twice",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_valid_is_refused(what: str) -> None:
    edit, message = BAD[what]
    with pytest.raises(DomainError, match=r"questions\.toml") as raised:
        questions_from_dict(changed(edit), DOMAIN)
    assert message in raised.value.message


def test_a_list_slot_needs_its_value_in_every_wording() -> None:
    domain = domain_from_dict({"name": "d", "slots": {"tags": {"kind": "list", "values": ["a"]}}})
    table = {"ask": ["Is it {value}?", "Which tags?"], "held_out": ["{value}?"]}
    with pytest.raises(DomainError, match="every wording of a list slot"):
        questions_from_dict({"none": "none", "slots": {"tags": table}}, domain)


def test_a_missing_or_broken_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="write one beside"):
        load_questions(DOMAIN, tmp_path)
    (tmp_path / "questions.toml").write_text("none = ")
    with pytest.raises(DomainError, match="not valid TOML"):
        load_questions(DOMAIN, tmp_path)
