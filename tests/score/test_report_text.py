"""Reports and comparisons to the letter: each number, header, direction and signature in its place.

The numbers of ``report.md`` and ``comparison.md`` were checked by hand or by the other tests; a
change of either file is a change of what a user reads.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from literal_checker import TOY, LiteralChecker, record, say

from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.mr.reader import read_fields
from d2t.score.bootstrap import Resampling
from d2t.score.records import evaluation_record
from d2t.score.report.compare import compare_records, pair_records
from d2t.score.report.report import evaluate_records

HERE = Path(__file__).parent
FAST = Resampling(n_resamples=200)


SAID = {"mr": "name[Aromi]", "text": "Aromi.", "plan": "name"}


def outputs(first: str, second: str, last: str):
    return [
        record("a b c", first, "a b c", say("a b c"), id="0"),
        record("a b", second, "a b", id="1"),
        record("d e f", "f d e d", id="2"),
        record("a b c d", last, "d c b a", say("d c b a"), "and more", id="3"),
    ]


OLD, NEW = outputs("a b c", "b", ""), outputs("c b a", "a b", "d c b a")


def without_versions(text: str) -> str:
    return re.sub(r"\b(v|version):[^|\n]+", r"\1:*", text)


def expected(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def test_a_report() -> None:
    report = evaluate_records(OLD, TOY, checker=LiteralChecker(), resampling=FAST)
    assert without_versions(report.as_markdown()) == expected("report.md")


def test_a_comparison() -> None:
    pairs, lonely = pair_records(OLD, NEW)
    assert lonely == []
    comparison = compare_records(
        pairs, TOY, checker=LiteralChecker(), resampling=FAST, n_pairs=2, names=("old", "new")
    )
    assert without_versions(comparison.as_markdown()) == expected("comparison.md")


def test_five_records_are_shown_unless_more_are_asked_for() -> None:
    old = [record("a b", "a", "a b", id=str(i)) for i in range(9)]
    new = [record("a b", "a b", "a b", id=str(i)) for i in range(9)]
    pairs, _ = pair_records(old, new)
    compared = compare_records(pairs, TOY, checker=LiteralChecker(), resampling=FAST)
    assert len(compared.pairs) == 5


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({**SAID, "references": 7}, "bad_references", "'references' must be a string or a list"),
        ({**SAID, "references": ["a", 7]}, "bad_references", "must be a string or a list of"),
        ({"mr": "name[Aromi]", "plan": "name"}, "missing_text", "expected one of the fields"),
        ({**SAID, "text": 7}, "bad_text", "must be a string, was int"),
        ({"error": {"code": "x"}}, "error_record", "not an output"),
        ({"mr": "name[Aromi]", "text": "Aromi."}, "missing_plan", '"plan": ["area"'),
    ],
)
def test_a_record_that_cannot_be_scored_says_which_field_is_wrong(fields, code, says) -> None:
    domain = load_domain("restaurant")
    with pytest.raises(DataError) as caught:
        evaluation_record(read_fields(fields, domain), domain, need_plan=True)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_files_that_cannot_be_paired() -> None:
    twice = [record("a", "a", id="0"), record("a", "a", id="0")]
    cases = [
        (twice, OLD, "duplicate_id"),
        (OLD, twice, "duplicate_id"),
        (OLD, [record("a", "a", id="x")], "no_pairs"),
        (OLD[:1], [record("a d", "a", id="0")], "mr_mismatch"),
        (OLD[:1], [record("a b c", "a", "a b c", "another", id="0")], "reference_mismatch"),
    ]
    for a, b, code in cases:
        with pytest.raises(DataError) as caught:
            pair_records(a, b)
        assert caught.value.code == code
