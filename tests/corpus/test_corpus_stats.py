from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from d2t.corpus.stats import alignment_stats, corpus_stats, spread, stats_lines
from d2t.corpus.types import Example
from d2t.corpus.validate import CorpusValidator
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")


def example(own_id: str, mr: str, *texts: str) -> Example:
    return Example(own_id, parse_mr(mr, DOMAIN), texts)


CORPUS = [
    example("0", "name[Aromi], eatType[pub]", "Aromi is a pub.", "A pub is Aromi."),
    example("1", "eatType[pub], name[Aromi]", "Aromi is a pub."),
    example("2", "name[Zizzi], area[city centre], area[riverside], food[Thai]", "Zizzi is cheap."),
]


def test_counts_by_hand() -> None:
    report = corpus_stats(CORPUS, DOMAIN)
    assert (report["examples"], report["references"], report["distinct_mrs"]) == (3, 4, 2)
    assert (report["distinct_references"], report["duplicate_pairs"]) == (3, 1)
    assert report["mrs_with_repeated_slot"] == 1
    assert report["slots_per_mr"]["mean"] == 3.0
    assert report["references_per_mr"]["max"] == 3
    assert report["vocabulary"] == len({"aromi", "is", "a", "pub", "zizzi", "cheap"})
    assert report["slots"]["food"]["unseen_values"] == ["Thai"]
    assert report["slots"]["area"]["share"] == 33.3
    assert "near" not in report["slots"]


def test_alignment_counts_by_hand() -> None:
    report = alignment_stats(CORPUS, SlotChecker.for_domain(DOMAIN), DOMAIN)
    assert report["texts"] == 4
    assert report["mrs_changed"] == 25.0  # the last text says cheap, and no area, no food
    assert report["missing"] == {"area": 2, "food": 1}
    assert report["added"] == {"priceRange": 1}
    assert report["first_slot"] == {"name": 75.0, "eatType": 25.0}
    # {name, eatType}: orders 2 of 3 and 1 of 3; the other set has one order.
    entropy = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert report["order_entropy_bits"] == pytest.approx(0.75 * entropy, abs=1e-3)


def test_empty_corpora_do_not_divide_by_zero() -> None:
    report = corpus_stats([], DOMAIN)
    report["alignment"] = alignment_stats([], SlotChecker.for_domain(DOMAIN), DOMAIN)
    assert report["examples"] == 0
    assert stats_lines(report)
    assert spread([]) == {}


def test_the_plain_report_names_what_it_counts() -> None:
    report = corpus_stats(CORPUS, DOMAIN)
    text = "\n".join(stats_lines(report))
    assert "distinct MRs" in text
    assert "order entropy" not in text


def problems(tmp_path: Path, content: str, suffix: str = "csv") -> list[tuple[int, str, str]]:
    path = tmp_path / f"x.{suffix}"
    path.write_text(content, encoding="utf-8", newline="")
    found = CorpusValidator(path, DOMAIN).problems()
    return [(problem.line, problem.severity, problem.code) for problem in found]


def test_a_clean_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, "mr,ref\nname[Aromi],Aromi.\nname[Zizzi],Zizzi.\n") == []


def test_each_problem_is_found_on_its_line(tmp_path: Path) -> None:
    rows = [
        "mr,ref",
        "naem[Aromi],Aromi.",
        "food[Thai],Thai food.",
        "name[Aromi],",
        "name[Aromi],A\x07b",
        "name[Aromi],A.",
        "name[Aromi],A.",
        "name[Aromi],Caf\ufffd.",
        '"name[Aromi], name[Aromi]",A.',
        "name[Aromi",
    ]
    assert problems(tmp_path, "\n".join(rows) + "\n") == [
        (2, "error", "unknown_slot"),
        (3, "warning", "unseen_value"),
        (4, "error", "empty_text"),
        (5, "error", "control_character"),
        (7, "warning", "duplicate_pair"),
        (8, "warning", "replacement_character"),
        (9, "error", "duplicate_slot"),
        (10, "error", "bad_record"),
    ]


def test_jsonl_problems_and_the_summary(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"mr": "name[Aromi]", "ref": "A."}\n{"mr"\n{"mr": "name[Aromi]"}\n')
    validator = CorpusValidator(path, DOMAIN)
    assert [problem.line for problem in validator.problems()] == [2, 3]
    summary = validator.summary()
    assert (summary["records"], summary["bad_records"]) == (3, 2)
    assert sum(summary["codes"].values()) == 2
