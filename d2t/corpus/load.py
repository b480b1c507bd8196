"""Load examples: of a registered corpus by name, or of any corpus file or dataset by path."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.corpus.files import read_corpus
from d2t.corpus.hf import saved_dataset, saved_splits
from d2t.corpus.registry import find_corpus, registry
from d2t.errors import DataError, did_you_mean
from d2t.mr.reader import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from d2t.corpus.registry import Split
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport

logger = logging.getLogger(__name__)


def load_split(
    name: str,
    split: Split,
    domain: Domain,
    reading: ReadOptions | None = None,
    on_report: Callable[[ReadReport], None] | None = None,
) -> list[Example]:
    """The examples of one split of a registered corpus, or of a file or saved dataset.

    A file of the cache that is no longer what was fetched is read, with a warning in the log.

    Args:
        name: ``mini``, ``e2e``, ``e2e_cleaned``, ``viggo``, or a path: to a saved ``DatasetDict``
            with this split, or to a CSV, JSONL or Parquet file or a saved ``Dataset``, where
            ``split`` only names the examples.
        split: ``train``, ``dev`` or ``test``.
        domain: the domain of the meaning representations.
        reading: how a file that is no registered corpus is read; its ``limit`` holds for both.
        on_report: gets what reading ignored, guessed or took for absent; None: it is logged.

    Raises:
        DataError: no such corpus, split or file, or the corpus is not fetched; the message then
            holds the exact command that fetches it.
        MissingExtraError: a Parquet file or dataset, and the ``datasets`` library is not installed.
    """
    path, prefix = locate_split(name, split)
    if name in registry() and not find_corpus(name).embedded:
        at = path.stat()
        _warn_of_changes(name, split, path, at.st_mtime_ns, at.st_size)
    if reading is not None and name in registry():
        reading = ReadOptions(limit=reading.limit)
    return read_corpus(path, domain, name=prefix, reading=reading, on_report=on_report)


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a registered corpus or saved ``DatasetDict``; empty for a single file."""
    return tuple(find_corpus(name).splits) if name in registry() else saved_splits(Path(name))


def locate_split(name: str, split: str) -> tuple[Path, str]:
    """The path that holds a split and the prefix of its example ids; raises like ``load_split``."""
    if name in registry():
        entry = find_corpus(name)
        path = entry.path(split)
        if not path.is_file():
            raise DataError(
                f"corpus {name!r} is not here ({path} does not exist); run `d2t data fetch {name}`,"
                f" or without a network `d2t data fetch {name} --from DIR` with a local copy",
                code="not_fetched",
            )
        return path, f"{name}-{split}"
    path = Path(name)
    if path.is_file():
        return path, f"{path.stem}-{split}"
    if path.is_dir():
        return saved_dataset(path, split), f"{path.stem}-{split}"
    hint = did_you_mean(name, registry()) or f"; registered: {', '.join(registry())}"
    raise DataError(f"{name!r} is neither a file nor a registered corpus{hint}", code="no_corpus")


@lru_cache(maxsize=32)
def _warn_of_changes(name: str, split: str, path: Path, mtime_ns: int, size: int) -> None:
    """Warn once for each state of a file; its time and size tell the states apart."""
    if find_corpus(name).splits[split].form(path) is None:
        logger.warning(
            "%s is not the file that d2t knows as %s %s (sha256): scores on it compare with no "
            "others; `d2t data fetch %s` brings the known one back",
            path, name, split, name,
        )  # fmt: skip
