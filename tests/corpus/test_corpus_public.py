"""The public corpora as they are: counts and facts that the rest relies on; needs them fetched."""

from __future__ import annotations

import pytest

from d2t.corpus.group import group_references, remove_overlap
from d2t.corpus.load import load_split
from d2t.corpus.registry import find_corpus
from d2t.mr.domain import load_domain

pytestmark = pytest.mark.corpus


def needs(name: str) -> None:
    if not find_corpus(name).is_present():
        pytest.skip(f"corpus {name!r} is not fetched; run `d2t data fetch {name}`")


@pytest.mark.parametrize(
    ("name", "split", "rows", "mrs"),
    [
        ("e2e", "train", {42061}, 4862),
        ("e2e", "dev", {4672}, 547),
        ("e2e", "test", {4693}, 630),
        ("e2e_cleaned", "train", {33525, 33528}, None),
        ("e2e_cleaned", "dev", {4299}, 1484),
        ("e2e_cleaned", "test", {4693}, 1847),
        ("viggo", "train", {5103}, 1675),
        ("viggo", "dev", {714}, 238),
        ("viggo", "test", {1083}, 359),
    ],
)
def test_published_counts(name: str, split: str, rows: set[int], mrs: int | None) -> None:
    needs(name)
    examples = load_split(name, split, load_domain(find_corpus(name).domain))
    assert len(examples) in rows
    assert len({ex.id for ex in examples}) == len(examples)
    if mrs is not None:
        groups = group_references(examples)
        assert sum(len(group.references) for group in groups) == len(examples)
        assert len(groups) == mrs


def test_the_cleaned_corpus_has_no_overlap_before_correction() -> None:
    needs("e2e_cleaned")
    domain = load_domain("restaurant")
    train, test = (load_split("e2e_cleaned", split, domain) for split in ("train", "test"))
    # The authors compared delexicalised MRs, so nothing is left for us at this point.
    assert len(remove_overlap(train, test)) == len(train)
