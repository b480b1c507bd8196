"""Corpora read to be written again: converted, or corrected by their texts (``d2t data``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from d2t.corpus.correct import (
    correct_examples,
    refuse_test,
    require_lexicon,
    split_references,
)
from d2t.corpus.files import CorpusReader
from d2t.corpus.group import remove_overlap
from d2t.corpus.load import load_split, locate_split, splits_of
from d2t.errors import D2TError, UsageError
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, ReadReport

Split = Literal["train", "dev", "test"]


def split_paths(
    source: str, split: Split | None = None, *, several: bool = False
) -> dict[str, Path]:
    """The file or folder of each split that is meant.

    Args:
        source: a registered corpus, a file, or a saved dataset.
        split: one of its splits; None: the only one, or all.
        several: whether all splits may be meant.

    Raises:
        UsageError: the corpus has several splits, and only one can be used.
        DataError: it does not have the split, or is not fetched.
    """
    splits = splits_of(source)
    if not splits and not Path(source).is_dir():
        return {split or "train": Path(source)}
    wanted = (split,) if split else splits or ("train",)
    if len(wanted) > 1 and not several:
        raise UsageError(f"{source} has the splits {', '.join(wanted)}; choose one with --split")
    return {name: locate_split(source, name)[0] for name in wanted}


def read_splits(
    paths: Mapping[str, Path],
    domain: Domain,
    *,
    strict: bool = False,
    on_bad: Callable[[D2TError], object] = lambda error: None,
    reading: ReadOptions | None = None,
    on_report: Callable[[ReadReport], object] = lambda report: None,
) -> dict[str, list[Example]]:
    """The good examples of each split.

    Args:
        paths: as ``split_paths`` gives them.
        domain: of the MRs.
        strict: raise the error of the first bad record.
        on_bad: called with the error of each bad record, which is left out.
        reading: how files are read.
        on_report: called with what reading each split ignored, guessed or took for absent.

    Raises:
        D2TError: with ``strict``, of the first bad record.
    """
    good: dict[str, list[Example]] = {name: [] for name in paths}
    for name, path in paths.items():
        corpus = CorpusReader(path, domain, name=path.stem, reading=reading)
        for record, example in corpus:
            if not isinstance(example, D2TError):
                good[name].append(example)
                continue
            example.line = record.line
            if strict:
                raise example
            on_bad(example)
        on_report(corpus.report)
    return good


@dataclass(frozen=True, slots=True)
class Correction:
    """A split whose MRs say what the texts say, with counts of what was done.

    Attributes:
        examples: what is left.
        n_texts: references that were read.
        n_changed: MRs that differ from the given ones.
        n_silent: texts that say nothing, which were dropped.
        n_overlap: examples that were dropped because their MR is in a test set.
    """

    examples: list[Example]
    n_texts: int
    n_changed: int
    n_silent: int
    n_overlap: int

    def __str__(self) -> str:
        return (
            f"{self.n_texts} texts: {self.n_changed} MRs changed, {self.n_silent} texts say "
            f"nothing and were dropped, {self.n_overlap} overlap with the test set; "
            f"{len(self.examples)} written"
        )


def correct_split(
    source: str,
    split: Split,
    domain: Domain,
    *,
    against: str | None = None,
    reading: ReadOptions | None = None,
) -> Correction:
    """Replace each MR of a training or development set by what its text says.

    Args:
        source: a registered corpus, a file, or a saved dataset.
        split: of the corpus, not ``test``.
        domain: with a lexicon.
        against: drop examples whose MR is in the test split of this corpus or file.
        reading: how the corpus is read if it is a file; its ``limit`` holds for all.

    Raises:
        UsageError: test MRs are never changed.
        DomainError: the domain has no lexicon.
        DataError: there is no such corpus.
    """
    refuse_test(source, split)
    given = load_split(source, split, domain, reading)
    require_lexicon(domain)
    examples = split_references(given)
    corrected = correct_examples(examples, SlotChecker.for_domain(domain), domain, split=split)
    before = {example.id: example.mr.key() for example in examples}
    kept = corrected
    if against is not None:
        kept = remove_overlap(corrected, load_split(against, "test", domain))
    return Correction(
        kept,
        n_texts=len(examples),
        n_changed=sum(before.get(example.id) != example.mr.key() for example in corrected),
        n_silent=len(examples) - len(corrected),
        n_overlap=len(corrected) - len(kept),
    )
