"""Texts of the world: the files are sound, the table is that of today's checker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from experiments.world.__main__ import FOLDER, HEADER, TABLE, main, row

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
FILES = sorted(FOLDER.glob("*.jsonl"))
KINDS = {"faithful", "unsupported", "omission", "wrong", "hallucination"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_gold_and_record_differ_as_the_kind_says(file: Path) -> None:
    texts = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len(texts) >= 200
    assert len({text["text"] for text in texts}) == len(texts)
    assert len({text["style"] for text in texts}) >= 10
    assert {text["kind"] for text in texts} == KINDS
    for text in texts:
        mr, gold = (
            set(parse_mr(text[key], DOMAIN).slots) if text[key] else set() for key in ("mr", "gold")
        )
        if text["kind"] in ("faithful", "unsupported"):
            assert mr == gold, text["id"]
        else:
            assert {slot.name for slot in mr ^ gold} == {text["slot"]}, text["id"]


def test_the_table_is_today_s(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "table.md")]) == 0
    assert (tmp_path / "table.md").read_text("utf-8") == TABLE.read_text("utf-8")


def test_floors_of_texts_that_nobody_tuned_to() -> None:
    """A change of the lexicon that loses what was reached is seen."""
    found = dict(
        zip(HEADER, row(FOLDER / "test.jsonl", SlotChecker.for_domain(DOMAIN)), strict=True)
    )
    assert float(found["exact %"]) >= 85
    assert float(found["slot F1"]) >= 98
    alarms, correct = map(int, found["false alarms"].split(" of "))
    assert alarms / correct <= 0.12


def test_what_is_planted_is_counted(tmp_path: Path) -> None:
    base = {"style": "formal", "mr": "name[Aromi], eatType[pub], area[riverside]"}
    texts = [
        {"kind": "faithful", "slot": None, "gold": base["mr"],
         "text": "Aromi is a pub by the riverside."},
        {"kind": "omission", "slot": "area", "gold": "name[Aromi], eatType[pub]",
         "text": "Aromi is a pub."},
        {"kind": "omission", "slot": "area", "gold": "name[Aromi], eatType[pub]",
         "text": "Aromi is a pub by the riverside."},
        {"kind": "wrong", "slot": "area", "text": "Aromi is a pub in the city centre.",
         "gold": "name[Aromi], eatType[pub], area[city centre]"},
        {"kind": "hallucination", "slot": "food",
         "text": "Aromi is a pub by the riverside that serves French food.",
         "gold": "name[Aromi], eatType[pub], area[riverside], food[French]"},
        {"kind": "unsupported", "slot": None, "gold": base["mr"],
         "text": "Aromi is a pub by the riverside with live jazz."},
    ]  # fmt: skip
    file = tmp_path / "few.jsonl"
    file.write_text("".join(json.dumps({**base, **text}) + "\n" for text in texts), "utf-8")
    found = row(file, SlotChecker.for_domain(DOMAIN))
    assert found[0:2] == ["few", "6"]
    assert found[2] == "83.3", "the second omission is none, and its reading is not its gold"
    assert found[4:] == ["0 of 2", "0 of 2", "1 of 2", "1 of 1", "1 of 1", "1 of 1"]
