"""At which commits the steps of an experiment were made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from experiments.engine.steps import made_at, write_compressed

if TYPE_CHECKING:
    from pathlib import Path


def test_commits_are_counted_and_changes_said(tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.json.gz" for k in range(4)]
    for path, sha in zip(paths, ("a" * 40, "b" * 40, "b" * 40, "b" * 40), strict=True):
        write_compressed(path, {"git": {"sha": sha, "dirty": sha[0] == "a"}})
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps({"git": {"sha": "a" * 40, "dirty": True}}))
    unknown = tmp_path / "unknown.json"
    unknown.write_text(json.dumps({"git": {"sha": None, "dirty": None}}))
    steps = [*paths, plain, unknown, tmp_path / "not-there.json.gz"]
    assert made_at(steps) == (
        "Steps, by the commit that made them: bbbbbbbb (3), aaaaaaaa with uncommitted changes (2)."
    )
    assert made_at([unknown]) is None
