"""What a step found, kept where it is committed: another machine goes on from it.

Trainings and outputs stay where they were made; the statistics of each record are small. A file
answers as long as its identity (configuration, not weights) is what is asked: delete it to have
the step done again.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from d2t.io.manifest import git_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Matrix = list[list[float]]
Rows = dict[str, Matrix]
"""By metric, the statistics of each record."""
_DIGITS = 6


class Kept(NamedTuple):
    """A step that is done.

    Attributes:
        facts: numbers of the whole, and how it was made.
        rows: statistics of each record, which paired tests need.
    """

    facts: dict[str, Any]
    rows: Rows


def keep(
    path: Path, identity: dict[str, Any], facts: dict[str, Any], rows: Mapping[str, Sequence[Any]]
) -> Kept:
    """Write a step's file, with the commit that made it; what a reader of it will find.

    Args:
        path: ``*.json.gz``.
        identity: what decides the numbers.
        facts: JSON-able.
        rows: rounded to six digits.
    """
    short = {
        name: [[_short(value) for value in row] for row in matrix] for name, matrix in rows.items()
    }
    made = {"identity": identity, "git": git_state(), "facts": facts, "rows": short}
    write_compressed(path, made)
    return Kept(facts, short)


def kept(path: Path, identity: dict[str, Any]) -> Kept | None:
    """What was kept for this ``identity``, if it was."""
    if not path.is_file():
        return None
    found = read_compressed(path)
    if found.get("identity") != json.loads(json.dumps(identity)):
        return None
    return Kept(found["facts"], found["rows"])


def write_compressed(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with gzip; equal content gives equal bytes."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    temporary.replace(path)


def read_compressed(path: Path) -> dict[str, Any]:
    """What ``write_compressed`` wrote."""
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def _short(value: float) -> float:
    rounded = round(float(value), _DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
