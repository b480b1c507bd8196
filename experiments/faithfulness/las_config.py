"""What the LAS experiment is: systems of different quality, and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from d2t.judges.observer.simulation_items import Target  # noqa: TC001 - pydantic reads it at run time
from experiments.faithfulness.systems import System  # noqa: TC001 - as above
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LasExperiment(_Table):
    """The whole experiment.

    Attributes:
        title: heading of the table.
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        corpus, split: MRs that the models say.
        n_mrs: the first so many of them, and of each corpus of references; None: all.
        seed: of the observers, their folds, and which reference an MR is given.
        folds: of cross-fitting, by MR.
        targets: what observers are asked (``d2t.judges.observer.simulation_items``).
        systems: the rows.
    """

    title: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    corpus: str
    split: Literal["dev", "test"] = "dev"
    n_mrs: int | None = Field(default=None, ge=1)
    seed: int = Field(default=1, ge=0)
    folds: int = Field(default=5, ge=2)
    targets: tuple[Target, ...] = Field(default=("value", "verbalised"), min_length=1)
    systems: tuple[System, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [system.name for system in self.systems]
        if len(set(names)) < len(names):
            raise ValueError("two systems have one name")
        return self


def load_experiment(path: Path) -> LasExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    return read_toml(path, LasExperiment)
