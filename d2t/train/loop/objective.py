"""What an objective does in a training run: which pairs are read, and what a step is taken on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.errors import ConfigError
from d2t.train.config.options import ObjectiveOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.train.config.options import TrainConfig
    from d2t.train.data.prepare import PreparedData
    from d2t.train.loop.assemble import Assembly
    from d2t.train.loop.parts import StepParts
    from d2t.train.loop.progress import Reporter
    from d2t.train.loop.workers import Workers


@dataclass(frozen=True)
class RunContext:
    """A run before its first step.

    Attributes:
        config: of the run.
        data: what the objective's own ``prepare`` returned.
        assembly: with the first weights.
        folder: of the run; an objective writes into a folder of its own there.
        workers: only the main one writes.
        reporter: is told how it goes.
        resume: go on with what an interrupted process has written.
        command: for manifests.
    """

    config: TrainConfig
    data: PreparedData
    assembly: Assembly
    folder: Path
    workers: Workers
    reporter: Reporter
    resume: bool
    command: list[str]


class Objective(ObjectiveOptions):
    """An objective with its options; as it stands, it is the likelihood of the references.

    Register a subclass with ``@OBJECTIVES.register("name")`` (``d2t.train.config.options``).
    """

    def prepare(
        self, config: TrainConfig, data: PreparedData, say: Callable[[str], None]
    ) -> PreparedData:
        """The training data as this objective needs it.

        Raises:
            DataError: there is nothing to learn from, or a file holds other pairs than it should.
        """
        return data

    def parts(self, run: RunContext) -> StepParts:
        """What each optimizer step takes batches of.

        Raises:
            ConfigError, DataError, TrainingInterrupted: as the objective says.
        """
        from d2t.train.loop.parts import Part, StepParts

        return StepParts([Part(run.data.pairs)])


def objective_of(config: TrainConfig) -> Objective:
    """The objective of a configuration; without one it is the likelihood of the references.

    Raises:
        ConfigError: what is registered under the name has options only.
    """
    options = config.objective or Objective(name="likelihood")
    if not isinstance(options, Objective):
        raise ConfigError(
            f"the training objective {options.name!r} cannot train: its class must derive from "
            "d2t.train.loop.objective.Objective"
        )
    return options
