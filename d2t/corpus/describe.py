"""A registered corpus in words: origin, licence, files, checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.fetch import fetched_record
from d2t.io.hashing import sha256_file

if TYPE_CHECKING:
    from d2t.corpus.registry import CorpusEntry


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
