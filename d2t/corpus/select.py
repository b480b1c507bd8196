"""The domain of a corpus, whether it may be corrected, and how a share of it is drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.corpus.fetch import file_form
from d2t.corpus.load import locate_split
from d2t.corpus.registry import registry
from d2t.errors import DomainError, UsageError
from d2t.io.hashing import sha256_file
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from d2t.corpus.registry import CorpusEntry
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


def default_domain(source: str) -> str:
    """The domain of a registered corpus, by its name or by the place of one of its files."""
    entry = registry().get(source) or _owner(Path(source))
    return entry.domain if entry else "restaurant"


def refuse_test(source: str, split: str) -> None:
    """Make sure that what is about to be corrected is not a test set.

    A file is a test set if it is, byte for byte, the test file of a registered corpus, whatever
    ``split`` says.

    Raises:
        UsageError: it is a test set.
    """
    path, _ = locate_split(source, split)
    if split == "test" or is_test_file(path):
        raise UsageError(
            f"{path} is a test set: test MRs are never changed, because a corrected test set is "
            "another task; give a training or development set",
            code="correct_test",
        )


def has_lexicon(domain: Domain) -> bool:
    """Whether the domain says how its values are worded."""
    return domain.folder is not None and (domain.folder / "lexicon.toml").is_file()


def require_lexicon(domain: Domain) -> None:
    """Make sure that the domain's texts can be read, before MRs are replaced by what they say.

    Without a lexicon the checker finds values only as they are written; correction would delete
    from MRs whatever the texts paraphrase.

    Raises:
        DomainError: the domain's folder has no ``lexicon.toml``.
    """
    if not has_lexicon(domain):
        raise DomainError(
            f"domain {domain.name!r} has no lexicon.toml, so correction would delete from the MRs "
            "every value that a text words in its own way; write a lexicon beside its domain.toml, "
            "or keep the MRs as they are (in training: data.correct=false)",
            code="no_lexicon",
        )


def is_test_file(path: Path) -> bool:
    """Whether the bytes of a file are those of a registered test split; a folder has none."""
    if path.is_dir():
        return False
    for entry in registry().values():
        test = entry.splits.get("test")
        if test is None:
            continue
        if entry.embedded:
            own = entry.path("test")
            if own.is_file() and sha256_file(own) == sha256_file(path):
                return True
        elif file_form(path, test) is not None:
            return True
    return False


def share_of(examples: list[Example], share: float, seed: int) -> list[Example]:
    """About ``share`` of the references, by whole MRs, in their order.

    MRs are drawn in an order that depends on ``seed`` alone until their references make up the
    share; a smaller share of the same seed is part of a larger one.
    """
    if share >= 1.0:
        return examples
    sizes = Counter(example.mr.key() for example in examples)
    order = list(sizes)
    derived_rng(seed, "share").shuffle(order)
    wanted, chosen = share * len(examples), set()
    for key in order:
        if wanted <= 0:
            break
        chosen.add(key)
        wanted -= sizes[key]
    return [example for example in examples if example.mr.key() in chosen]


def _owner(path: Path) -> CorpusEntry | None:
    for entry in registry().values():
        if path.is_file() and any(
            (known := entry.path(split)).is_file() and known.samefile(path)
            for split in entry.splits
        ):
            return entry
    return None
