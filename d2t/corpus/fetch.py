"""Bring a registered corpus into the cache, from its URLs or a local copy, and describe it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError, UsageError
from d2t.io.atomic import atomic_write_json
from d2t.io.download import Digests, copy_verified, download
from d2t.io.hashing import sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.corpus.registry import CorpusEntry, SplitFile


RECORD_NAME = "fetched.json"


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file of a corpus in the cache, verified by checksum.

    Attributes:
        form: ``official`` (the published bytes) or ``local copy`` (a known reconstruction).
        origin: the URL, ``local``, or ``cache`` if it was in the cache before.
    """

    split: str
    path: Path
    sha256: str
    form: str
    origin: str


def fetch_corpus(
    entry: CorpusEntry,
    *,
    source: Path | None = None,
    force: bool = False,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[CorpusFile]:
    """Fetch all splits of a corpus; files that are there and verify are left alone.

    Which bytes each file has is recorded in ``fetched.json`` beside them, because a local copy may
    be a known reconstruction of the official file.

    Args:
        entry: what to fetch.
        source: take the files from this folder instead of the network.
        force: fetch again even what is there.
        progress: called with (file name, bytes so far, bytes in all or None).

    Raises:
        UsageError: the corpus is embedded: there is nothing to fetch.
        DataError: no network, a wrong checksum, a missing local file, a full disk.
    """
    if entry.embedded:
        raise UsageError(f"corpus {entry.name!r} ships with d2t; there is nothing to fetch")
    if source is not None and not source.is_dir():
        raise DataError(f"--from {source}: not a folder; give the folder that holds the local copy")
    fetched = []
    for split, file in entry.splits.items():
        fetched.append(_fetch_split(entry, split, file, source, force, progress))
        atomic_write_json(entry.folder() / RECORD_NAME, _record(entry, fetched))
    return fetched


def fetched_record(entry: CorpusEntry) -> dict[str, Any]:
    """What ``fetched.json`` says about the corpus; empty when it is not fetched."""
    try:
        content = json.loads((entry.folder() / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _fetch_split(
    entry: CorpusEntry,
    split: str,
    file: SplitFile,
    source: Path | None,
    force: bool,
    progress: Callable[[str, int, int | None], None] | None,
) -> CorpusFile:
    target = entry.path(split)
    origin = "cache"
    if force or not target.is_file() or file.form(target) is None:
        if source is not None:
            origin = "local"
            copy_verified(_local_path(source, file), target, _digests(file, local=True))
        else:
            origin = file.url
            _download(entry, file, target, progress)
    form = file.form(target)
    assert form is not None, f"{target} was verified just now"
    return CorpusFile(split, target, sha256_file(target), form, origin)


def _download(
    entry: CorpusEntry,
    file: SplitFile,
    target: Path,
    progress: Callable[[str, int, int | None], None] | None,
) -> None:
    def advance(done: int, total: int | None) -> None:
        """Report the bytes of this file that are there."""
        if progress is not None:
            progress(file.file, done, total)

    try:
        download(file.url, target, _digests(file, local=False), progress=advance)
    except DataError as error:
        if error.code != "network":
            raise
        files = ", ".join(each.local for each in entry.splits.values())
        raise DataError(
            f"{error.message}. Without a network: get {files} from another machine and run "
            f"`d2t data fetch {entry.name} --from DIR`, DIR being the folder above them. "
            "A partial download is kept and resumed",
            code="network",
        ) from error


def _digests(file: SplitFile, *, local: bool) -> Digests:
    known = (file.sha256,) if file.sha256 and (local or not file.local_differs) else ()
    return Digests(sha256=known, git_blobs=(file.git_blob,) if file.git_blob else ())


def _local_path(source: Path, file: SplitFile) -> Path:
    """The file below ``source``: at its place, or directly inside, by our or the official name."""
    names = (file.local, file.local.split("/")[-1], file.url.rsplit("/", 1)[-1])
    for name in names:
        if (source / name).is_file():
            return source / name
    raise DataError(
        f"--from {source}: no {file.local} there, nor {' or '.join(names[1:])} directly in it; "
        "give the folder that holds the corpus folders",
        code="no_file",
    )


def _record(entry: CorpusEntry, fetched: list[CorpusFile]) -> dict[str, Any]:
    return {
        "corpus": entry.name,
        "licence": entry.licence,
        "splits": {
            item.split: {
                "file": item.path.name,
                "sha256": item.sha256,
                "form": item.form,
                "url": entry.splits[item.split].url,
            }
            for item in fetched
        },
    }


def describe(entry: CorpusEntry) -> dict[str, Any]:
    """What is known of a corpus and of its files on this machine, JSON-able."""
    recorded = fetched_record(entry).get("splits", {})
    splits = {}
    for split, file in entry.splits.items():
        path = entry.path(split)
        here = path.is_file()
        splits[split] = {
            "file": str(path),
            "here": here,
            "sha256": sha256_file(path) if here else None,
            "form": recorded.get(split, {}).get("form"),
            "url": file.url or None,
            "official_git_blob": file.git_blob or None,
            "local_copy": file.local or None,
            "local_copy_sha256": file.sha256 or None,
        }
    return {
        "name": entry.name,
        "title": entry.title,
        "domain": entry.domain,
        "licence": entry.licence,
        "homepage": entry.homepage,
        "citation": entry.citation,
        "note": entry.note,
        "splits": splits,
    }


def describe_lines(report: dict[str, Any]) -> list[str]:
    """The lines of a plain report of :func:`describe`."""
    lines = [f"{report['name']}: {report['title']}"]
    for key in ("domain", "licence", "homepage", "citation", "note"):
        if report[key]:
            lines.append(f"  {key:<9} {report[key]}")
    for split, file in report["splits"].items():
        state = file["form"] or "here" if file["here"] else "not here"
        lines.append(f"  {split:<9} {file['file']} ({state})")
        for label, value in (
            ("sha256", file["sha256"]),
            ("url", file["url"]),
            ("git blob of the official file", file["official_git_blob"]),
            ("sha256 of the known local copy", file["local_copy_sha256"]),
        ):
            if value:
                lines.append(f"            {label}: {value}")
    if not all(file["here"] for file in report["splits"].values()):
        lines.append(f"  fetch it with: d2t data fetch {report['name']}")
    return lines
