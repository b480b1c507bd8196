"""Splits that are read to be written again, and corrections with their counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d2t.corpus.convert import correct_split, read_splits, split_paths
from d2t.errors import D2TError, UsageError
from d2t.mr.domain import load_domain

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three records: a good one, one whose text says less than its MR, and a bad one."""
    path = tmp_path / "pairs.csv"
    rows = (
        '"name[Aromi], eatType[pub]",Aromi is a pub.',
        '"name[Strada], food[Thai]",Strada is there.',
        '"nam[Aromi]",Aromi.',
    )
    path.write_text("\n".join(("mr,ref", *rows, "")), encoding="utf-8")
    return path


def test_one_split_must_be_chosen_of_a_corpus_that_has_several() -> None:
    assert set(split_paths("mini", several=True)) == {"train", "dev", "test"}
    assert set(split_paths("mini", "dev")) == {"dev"}
    with pytest.raises(UsageError, match="choose one with --split"):
        split_paths("mini")


def test_bad_records_are_left_out_and_told_or_end_a_strict_reading(pairs: Path) -> None:
    bad: list[D2TError] = []
    paths = split_paths(str(pairs))
    good = read_splits(paths, DOMAIN, on_bad=bad.append)
    assert [len(examples) for examples in good.values()] == [2]
    assert [error.line for error in bad] == [4]
    with pytest.raises(D2TError, match="nam"):
        read_splits(paths, DOMAIN, strict=True)


def test_a_correction_counts_what_it_changed(pairs: Path) -> None:
    text = pairs.read_text(encoding="utf-8").splitlines()[:-1]
    pairs.write_text("\n".join((*text, "")), encoding="utf-8")
    correction = correct_split(str(pairs), "train", DOMAIN)
    assert (correction.n_texts, correction.n_changed, correction.n_overlap) == (2, 1, 0)
    assert [slot.name for slot in correction.examples[1].mr.slots] == ["name"]
    held_out = correct_split(str(pairs), "train", DOMAIN, against=str(pairs))
    assert (held_out.n_overlap, len(held_out.examples)) == (1, 1)
