"""At which commits the steps of an experiment were made: kept ones are older than its table."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from experiments.runner.kept import read_compressed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def made_at(steps: Iterable[Path]) -> str | None:
    """One line of Markdown; None where no step says its commit.

    Args:
        steps: files of ``keep``, or JSON files with a ``git``; those that are not there are left
            out.
    """
    states = Counter(state for path in steps if path.is_file() and (state := _state(path)))
    if not states:
        return None
    said = [f"{state} ({n})" for state, n in sorted(states.items(), key=lambda item: -item[1])]
    return f"Steps, by the commit that made them: {', '.join(said)}."


def _state(path: Path) -> str | None:
    found: dict[str, Any]
    if path.suffix == ".gz":
        found = read_compressed(path)
    elif path.suffix == ".json":
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        return None
    git = found.get("git") or {}
    changed = " with uncommitted changes" if git.get("dirty") else ""
    return f"{git['sha'][:8]}{changed}" if git.get("sha") else None
