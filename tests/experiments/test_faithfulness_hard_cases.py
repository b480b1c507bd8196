"""The hand-written hard cases: their form, their balance, and that they are hard."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from experiments.faithfulness.hard_cases import HardCase, load_hard_cases, wrong_verdicts

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
KINDS = {"whose_rating", "near_what", "negation_scope", "wrong_place", "paraphrase"}
GOOD = {
    "id": "1", "mr": "name[Aromi]", "text": "Aromi.", "faithful": True, "kind": "k", "note": "n",
}  # fmt: skip


@pytest.fixture(scope="module")
def cases() -> list[HardCase]:
    return load_hard_cases(DOMAIN)


def test_there_are_150_balanced_within_each_kind(cases: list[HardCase]) -> None:
    assert len(cases) == 150
    assert {case.kind for case in cases} == KINDS
    assert Counter((case.kind, case.faithful) for case in cases) == {
        (kind, faithful): 15 for kind in KINDS for faithful in (True, False)
    }


def test_they_name_their_slots_and_no_text_is_there_twice(cases: list[HardCase]) -> None:
    assert len({case.text for case in cases}) == len(cases)
    for case in cases:
        assert case.id.startswith(case.kind)
        assert case.mr.values("name")
        for slot in case.mr.slots:
            spec = DOMAIN.slot(slot.name)
            assert not spec.is_unseen(slot.value)
            if spec.kind == "open":
                assert slot.value in case.text, case.id


def test_each_faithful_case_has_an_unfaithful_one_of_the_same_mr(cases: list[HardCase]) -> None:
    mrs = {f: Counter(c.mr.key() for c in cases if c.faithful is f) for f in (True, False)}
    assert mrs[True] == mrs[False]  # so that no judge can go by the MR alone


def test_they_are_hard_for_the_slot_checker(cases: list[HardCase]) -> None:
    checker = SlotChecker.for_domain(DOMAIN)
    said = [checker.check(case.text, case.mr, merge_synonyms=True).ok for case in cases]
    assert len(cases) == 150
    assert wrong_verdicts(cases, said).total() >= 50  # 77 when written: guessing would be 75
    assert wrong_verdicts(cases, [case.faithful for case in cases]).total() == 0
    credulous = wrong_verdicts(cases, [True] * 150)
    assert credulous == Counter(case.kind for case in cases if not case.faithful)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2"),
        (json.dumps({**GOOD, "id": "2", "faithful": "yes"}), "'faithful' must be a bool"),
        (json.dumps({**GOOD, "id": "2", "why": "?"}), "field 'why'"),
        (json.dumps({**GOOD, "id": "2", "note": ""}), "not empty"),
        (json.dumps({**GOOD, "id": "2", "mr": "title[X]"}), "unknown slot"),
        (json.dumps(GOOD), "there twice"),
    ],
)
def test_what_is_no_case_is_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(DataError, match=r"cases\.jsonl") as raised:
        load_hard_cases(DOMAIN, path)
    assert message in raised.value.message


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_hard_cases(DOMAIN, tmp_path / "none.jsonl")
