"""What the counterfactual experiment is: arms, seeds, MRs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from d2t.errors import ConfigError
from d2t.train.config.config_file import merged, validate
from experiments.faithfulness.parser_judge import Parser  # noqa: TC001 - pydantic reads it at run time
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.config.config import TrainConfig


class Arm(BaseModel):
    """One way to train.

    Attributes:
        title: in the table.
        train: tables of ``TrainConfig`` over those that all arms share.
        counterfactual: whether ``objective.pairs`` is the file of counterfactual pairs.
        extra: whether as many ordinary pairs of ``samples`` are trained on beside the corpus.
        bundles: trained elsewhere, a seed each in the order of ``seeds``; the seeds
            that have none are left out.
        seeds: those that it is trained with; none named: all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    train: dict[str, Any] = Field(default_factory=dict)
    counterfactual: bool = False
    extra: bool = False
    bundles: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


class CounterfactualExperiment(BaseModel):
    """The whole experiment.

    Attributes:
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        split: MRs that are said, of the training corpus; report on ``test``.
        n_mrs: of them, drawn by ``plan_seed``; None: all.
        samples: a file of self-training samples, for the arms with ``extra``.
        pair_seed: of the counterfactual pairs, which all arms and seeds share.
        n_pairs: this many of them; None: all that can be made.
        plan_seed: of random plans and interventions.
        against: the arms that the others are tested against.
        parser: a judge that has verified no pair; None: there is none.
        train: what all arms are trained with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    split: Literal["dev", "test"] = "dev"
    n_mrs: int | None = Field(default=None, ge=1)
    samples: str | None = None
    pair_seed: int = 1
    n_pairs: int | None = Field(default=None, ge=1)
    plan_seed: int = 20201116
    against: tuple[str, ...] = Field(min_length=1)
    parser: Parser | None = None
    seeds: tuple[int, ...] = Field(default=(1, 2), min_length=1)
    train: dict[str, Any]
    arms: dict[str, Arm]

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """Those that an arm is judged with."""
        if arm.bundles:
            return self.seeds[: len(arm.bundles)]
        return tuple(seed for seed in self.seeds if not arm.seeds or seed in arm.seeds)

    def train_config(
        self, arm: Arm, seed: int, *, pairs: Path | None = None, extra: Path | None = None
    ) -> TrainConfig:
        """What ``d2t train`` is given.

        Args:
            arm: over what is shared.
            seed: of the training.
            pairs: the file of counterfactual pairs.
            extra: the file of extra pairs.

        Raises:
            ConfigError: the arm is not one that can be trained.
        """
        raw = merged(merged(self.train, arm.train), {"seed": seed})
        if arm.counterfactual and pairs is not None:
            raw = merged(raw, {"objective": {"pairs": [str(pairs)]}})
        if arm.extra and extra is not None:
            raw = merged(raw, {"data": {"augment": [str(extra)]}})
        return validate(raw, arm.title)


def load_experiment(path: Path) -> CounterfactualExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    experiment = read_toml(path, CounterfactualExperiment)
    if unknown := [name for name in experiment.against if name not in experiment.arms]:
        raise ConfigError(f"{path}: against names no arm: {unknown[0]!r}")
    for arm in experiment.arms.values():
        experiment.train_config(arm, 1)
        if not set(arm.seeds) <= set(experiment.seeds):
            raise ConfigError(f"{path}: arm {arm.title!r}: seeds are not all in {experiment.seeds}")
        if arm.extra and experiment.samples is None:
            raise ConfigError(f"{path}: arm {arm.title!r} needs `samples`, a file of extra pairs")
    return experiment
