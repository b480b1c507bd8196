"""The corpora d2t knows, read from ``data/corpora.toml``, and where their files are kept."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from d2t.errors import DataError, did_you_mean
from d2t.io.hashing import git_blob_id, sha256_file
from d2t.io.resources import data_root

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class SplitFile:
    """One file of a corpus.

    Attributes:
        file: its name in the cache.
        url: the official file, empty for an embedded corpus.
        git_blob: the SHA-1 by which git names the official file.
        local: path below a ``--from`` folder.
        sha256: of that local file, and of the official one unless ``local_differs``.
        local_differs: the local copy is known to be other bytes than the official file.
    """

    file: str
    url: str = ""
    git_blob: str = ""
    local: str = ""
    sha256: str = ""
    local_differs: bool = False

    def form(self, path: Path) -> str | None:
        """``official``, ``local copy``, or None if ``path`` is neither, by its checksum."""
        if self.git_blob and git_blob_id(path) == self.git_blob:
            return "official"
        if sha256_file(path) == self.sha256:
            return "local copy" if self.local_differs else "official"
        return None


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """A registered corpus.

    Attributes:
        domain: name of the domain its meaning representations belong to.
        embedded: folder below ``data/`` when the corpus ships with d2t, else empty.
    """

    name: str
    title: str
    domain: str
    licence: str
    homepage: str
    citation: str
    splits: dict[str, SplitFile]
    embedded: str = ""
    note: str = ""

    def folder(self) -> Path:
        """Where the files are, or will be once fetched."""
        return data_root() / self.embedded if self.embedded else data_home() / self.name

    def path(self, split: str) -> Path:
        """The file of ``split``, present or not.

        Raises:
            DataError: the corpus has no such split.
        """
        if split not in self.splits:
            raise DataError(
                f"corpus {self.name!r} has no split {split!r}{did_you_mean(split, self.splits)}; "
                f"it has {', '.join(self.splits)}",
                code="unknown_split",
            )
        return self.folder() / self.splits[split].file

    def is_present(self) -> bool:
        """Whether the files of all splits are there."""
        return all(self.path(split).is_file() for split in self.splits)


def data_home() -> Path:
    """The cache of fetched corpora: ``$D2T_DATA_HOME``, else ``d2t`` in the user's cache folder."""
    if own := os.environ.get("D2T_DATA_HOME"):
        return Path(own).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "d2t"


@lru_cache(maxsize=1)
def registry() -> dict[str, CorpusEntry]:
    """All registered corpora by name."""
    raw = tomllib.loads((data_root() / "corpora.toml").read_text(encoding="utf-8"))
    entries = {}
    for name, table in raw.items():
        splits = {split: SplitFile(**fields) for split, fields in table.pop("splits").items()}
        entries[name] = CorpusEntry(name=name, splits=splits, **table)
    return entries


def find_corpus(name: str) -> CorpusEntry:
    """The corpus called ``name``.

    Raises:
        DataError: there is none; the message names the nearest ones.
    """
    known = registry()
    if name not in known:
        hint = did_you_mean(name, known) or f"; registered: {', '.join(known)}"
        raise DataError(f"no corpus {name!r}{hint}", code="unknown_corpus")
    return known[name]


def default_domain(source: str) -> str:
    """The domain of a registered corpus, by its name or by the place of one of its files."""
    entry = registry().get(source) or _owner(Path(source))
    return entry.domain if entry else "restaurant"


def _owner(path: Path) -> CorpusEntry | None:
    for entry in registry().values():
        if path.is_file() and any(
            (known := entry.path(split)).is_file() and known.samefile(path)
            for split in entry.splits
        ):
            return entry
    return None
