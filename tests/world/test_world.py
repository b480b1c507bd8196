"""Files as the world's programs write them, through every command that reads records.

``cases.jsonl`` has one case a line: a file of our own making, the program or project whose reports
show such files, what is odd about it, and what comes of it: how many records are good and bad, the
MR of the first good one, the code of the error, and what standard error tells.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world_table import ANSWERING, COUNTING, GUIDE, MARK, WORLD, cases, run, table

from d2t.errors import D2TError
from d2t.mr.domain import load_domain
from d2t.mr.reader import ReadOptions, Record, RecordReader
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from click.testing import Result

FILES = WORLD / "files"
DOMAIN = load_domain("restaurant")


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def survived(result: Result) -> None:
    assert "Traceback" not in result.output
    assert "bug of d2t" not in result.output
    assert result.exit_code in (0, 1, 2, 3)
    assert bool(result.output.strip()) >= bool(result.exit_code), "a failure is told"


def read(case: dict[str, Any]) -> tuple[list[Record], D2TError | None, str]:
    try:
        reader = RecordReader(
            str(FILES / case["file"]), DOMAIN, ReadOptions(**case.get("options", {}))
        )
        records = []
        for record in reader:
            records.append(record)
    except D2TError as error:
        return [], error, ""
    return records, None, "\n".join(reader.report.lines())


CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case["file"])


def test_every_file_has_a_case_and_a_source() -> None:
    assert {case["file"] for case in cases()} == {path.name for path in FILES.iterdir()}
    assert len(cases()) >= 60
    assert all(case["source"] and case["shape"] for case in cases())


@CASES
def test_the_reader_reads_it_or_says_what_it_is(case: dict[str, Any]) -> None:
    records, error, told = read(case)
    good = [record for record in records if record.error is None]
    bad = [record.error for record in records if record.error is not None]
    if error is None:
        assert (len(good), len(bad)) == (case["good"], case["bad"])
    codes = [error.code] if error is not None else [e.code for e in bad]
    assert set(codes) == ({case["error"]} if "error" in case else set())
    if "first" in case:
        assert render_mr(good[0].require_mr(), domain=DOMAIN) == case["first"]
    for words in case.get("told", ()):
        assert words in told


@CASES
@pytest.mark.parametrize("name", ANSWERING)
def test_every_record_is_answered_once_and_in_order(case: dict[str, Any], name: str) -> None:
    result = run(ANSWERING[name], case)
    survived(result)
    records, error, _ = read(case)
    if error is not None and name != "parse":  # a text needs no columns of slots
        assert result.exit_code == error.exit_code
        assert error.message.split(";")[0] in result.stderr
        return
    if error is not None:
        return
    lines = answers(result)
    assert [line["id"] for line in lines] == [record.id for record in records]
    n_bad = sum("error" in line for line in lines)
    assert n_bad >= case["bad"]
    assert result.exit_code == (3 if n_bad else 0)
    for words in case.get("told", ()):
        assert words in result.stderr
    if "first" in case and name not in ("parse", "check"):
        good = next(line for line in lines if "error" not in line)
        held = ", ".join(
            f"{slot}[{value}]"
            for slot, values in good["mr"].items()
            for value in (values if isinstance(values, list) else [values])
        )
        assert held == case["first"]


@CASES
@pytest.mark.parametrize("name", COUNTING)
def test_commands_that_read_all_count_what_they_could_not_read(
    case: dict[str, Any], name: str
) -> None:
    result = run(COUNTING[name], case)
    survived(result)
    records, error, _ = read(case)
    if error is not None:
        assert result.exit_code == error.exit_code
        return
    skipped = run(COUNTING[name], case, "--skip-bad")
    survived(skipped)
    unusable = sum(
        record.error is not None or (not record.references and record.text is None)
        for record in records
    )
    if unusable and unusable < len(records):
        assert result.exit_code in (1, 3)
        if name != "evaluate":  # a reference alone is no output to score
            assert skipped.exit_code == 0
            assert "left out" in skipped.stderr or name == "data validate"


def test_the_table_of_the_guide_is_current() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert text[text.index(MARK) :] == f"{MARK}\n\n{table()}", "run tests/support/world_table.py"
