"""The committed files of a row: scores with what made them, and statistics per MR."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write_text
from d2t.io.manifest import git_state, machine
from d2t.train.config.config_file import validate
from experiments.engine.steps import write_compressed

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.config.config import TrainConfig
    from experiments.reproduction.config import Row
    from experiments.reproduction.workspace import Workspace

RUN_FACTS = (
    "config", "training_sha256", "data_sha256", "git", "versions", "machine", "seeds", "metrics",
    "counts", "steps", "pairs_seen", "train_wall_s", "device", "precision",
)  # fmt: skip
"""What of a training run's manifest goes beside the scores."""


def add_scores(
    workspace: Workspace, row: Row, key: str, entry: dict[str, Any], statistics: dict[str, Any]
) -> None:
    """Put one entry into the row's files, statistics first: scores without them cannot be."""
    known = workspace.scores(row)
    kept = workspace.statistics(row) if known else {}
    write_compressed(workspace.statistics_path(row), {**kept, key: statistics})
    signatures = {**known.get("signatures", {}), **entry.pop("signatures")}
    content = {
        "name": row.name,
        "label": row.label,
        "digest": workspace.table.digest(row),
        "scored": {"git": git_state(), "machine": machine()},
        "training": training_facts(workspace, row),
        "signatures": signatures,
        "scores": {**known.get("scores", {}), key: entry},
    }
    atomic_write_text(workspace.scores_path(row), compact_json(content))


def compact_json(content: dict[str, Any]) -> str:
    """JSON with a line for each key of the first two levels: small files and readable diffs."""

    def line(key: str, value: Any, depth: int) -> str:
        """One key with its value."""
        inside = depth == 1 and isinstance(value, dict)
        said = table(value, 2) if inside else json.dumps(value, ensure_ascii=False)
        return f"{'  ' * depth}{json.dumps(key)}: {said}"

    def table(values: dict[str, Any], depth: int) -> str:
        """An object, a line for each key."""
        inner = ",\n".join(line(key, value, depth) for key, value in values.items())
        return "{\n" + inner + "\n" + "  " * (depth - 1) + "}"

    return table(content, 1) + "\n"


def training_facts(workspace: Workspace, row: Row) -> dict[str, Any]:
    """What the row's training says of itself; of self-training, each round's report too."""
    paths = workspace.training(row)
    run = _read(workspace.folder(row) / paths["run"])
    facts = {name: run[name] for name in RUN_FACTS if name in run}
    if "reports" in paths:
        facts["rounds"] = [_read(workspace.folder(row) / name) for name in paths["reports"]]
    elif "config" in run:  # the trainings of self-training have options of their own
        wanted = _bare(workspace.table.train_config(row))
        facts["adopted"] = _bare(validate(run["config"], row.name)) != wanted
    return facts


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _bare(config: TrainConfig) -> dict[str, Any]:
    """A configuration without where its files lie and how it is carried out."""
    raw = config.as_dict()
    del raw["run"], raw["data"]["augment"], raw["data"]["test"]
    return raw
