"""What a table is: rows to train, and the settings each is scored in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from d2t.train.config.config_file import merged, validate
from experiments.engine.config import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.score.tasks import PlanMode
    from d2t.train.config.config import TrainConfig


SETTINGS: tuple[PlanMode, ...] = ("own", "display", "random")
"""The orders each system is asked for: (a), (b) and (c) of the tables."""


class Row(BaseModel):
    """One system: a folder name, a label for people, and its differences from the shared config."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    train: dict[str, Any] = {}


class TableConfig(BaseModel):
    """A whole table.

    Attributes:
        title: heading of the Markdown table.
        results: folder under ``experiments/results``.
        split: the split that is scored; MRs are grouped, references pooled.
        permutations: random plans per MR in setting (c).
        plan_seed: seed of those plans.
        limit: score this many MRs only (for tests of the runner).
        train: the training configuration that all rows share.
        rows: the systems.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    results: str
    split: Literal["train", "dev", "test"] = "test"
    permutations: int = Field(default=3, ge=1)
    plan_seed: int = 0
    limit: int | None = None
    train: dict[str, Any]
    rows: tuple[Row, ...]

    def train_config(self, row: Row) -> TrainConfig:
        """The full training configuration of one row."""
        return validate(merged(self.train, row.train), f"row {row.name}")


def load_table(path: Path) -> TableConfig:
    """Read a table file; every row's training configuration is validated too.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    table = read_toml(path, TableConfig)
    for row in table.rows:
        table.train_config(row)
    return table
