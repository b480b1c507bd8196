"""Readings of realistic records: items are drawn blind, verdicts are counted."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.mr.plans import parse_plan
from d2t.mr.reader import read_fields
from experiments.realistic.__main__ import RECORDS, _share, draw, report

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["dev", "test"])
def test_the_records_can_be_said(name: str) -> None:
    records = lines(RECORDS / f"{name}.jsonl")
    assert len({record["id"] for record in records}) == 320
    for record in records:
        read = read_fields(record, DOMAIN)
        mr = read.require_mr()
        assert mr.slots
        if read.plan is not None:
            assert sorted(parse_plan(read.plan, mr, DOMAIN).slots) == sorted(mr.slots)


def test_no_record_is_in_both_files() -> None:
    names = [{str(r.get("name")) for r in lines(RECORDS / f"{n}.jsonl")} for n in ("dev", "test")]
    assert names[0] & names[1] <= {"None"}


def outputs(path: Path, text: str) -> str:
    with path.open("w", encoding="utf-8") as out:
        for record in lines(RECORDS / "dev.jsonl"):
            said = {"id": record["id"], "text": f"{text} {record['id']}", "status": "ok"}
            out.write(json.dumps(said) + "\n")
    return str(path)


def test_items_are_blind_and_verdicts_are_counted(tmp_path: Path) -> None:
    files = {name: outputs(tmp_path / f"{name}.jsonl", name) for name in ("old", "new")}
    draw(tmp_path / "r", files, RECORDS / "dev.jsonl", sample=40, readers=2, seed=3)
    parts = [lines(tmp_path / "r" / f"items-{n}.jsonl") for n in (1, 2)]
    assert [len(part) for part in parts] == [40, 40]
    assert set(parts[0][0]) == {"n", "record", "plan", "text"}
    key = json.loads((tmp_path / "r" / "key.json").read_text())["items"]
    for item in (*parts[0], *parts[1]):
        assert item["text"].split()[0] == key[item["n"]]["system"]
        assert "id" not in item["record"]
    assert Counter(item["text"].split()[0] for item in parts[0])["old"] not in (0, 40), "mixed"
    with pytest.raises(DataError, match="no verdict"):
        report(tmp_path / "r")
    for n, part in enumerate(parts, start=1):
        verdicts = [
            {"n": i["n"], "english": "good" if i["text"][:3] == "new" else "broken", "true": "yes"}
            for i in part
        ]
        text = "".join(json.dumps(verdict) + "\n" for verdict in verdicts)
        (tmp_path / "r" / f"verdicts-{n}.jsonl").write_text(text)
    rows = [row.split("|")[1:-1] for row in report(tmp_path / "r").splitlines()[2:]]
    found = {(row[0].strip(), row[1].strip()): [cell.strip() for cell in row[2:]] for row in rows}
    assert found["new", "all"][0] == "40"
    assert found["new", "all"][1].startswith("100.0")
    assert found["old", "all"][3].startswith("100.0")
    assert found["old", "all"][4].startswith("0.0")


def test_wilson_intervals() -> None:
    """The values of the textbook example: 1 of 20."""
    assert _share(1, 20) == "5.0 [0.9, 23.6]"
    assert _share(0, 1000) == "0.0 [0.0, 0.4]"
