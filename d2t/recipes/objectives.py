"""From an objective to what a step is taken on: the parts of the loss, and their pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.recipes.conseq.stage import contrastive_parts
from d2t.recipes.counterfactual import counterfactual_data, factual_data
from d2t.train.config.conseq import ConseqObjective
from d2t.train.config.init_config import bundle_digest, bundle_of
from d2t.train.config.objective_config import CounterfactualObjective
from d2t.train.loop.parts import Part, Taught

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.train.config.config import TrainConfig
    from d2t.train.data.prepare import PreparedData
    from d2t.train.loop.assemble import Assembly
    from d2t.train.loop.progress import Reporter
    from d2t.train.loop.workers import Workers


def objective_data(
    config: TrainConfig, data: PreparedData, say: Callable[[str], None] = lambda _: None
) -> PreparedData:
    """``data`` as the objective needs it; itself without one.

    Raises:
        DataError: there is nothing to learn from, or a file holds other pairs than it should.
    """
    objective = config.objective
    if not isinstance(objective, CounterfactualObjective):
        return data
    data = factual_data(data)
    if objective.pairs == ():
        return data
    pairs, counts, digests = counterfactual_data(config, objective, data, say)
    return replace(
        data,
        beside=pairs,
        counts={**data.counts, **counts},
        digests={**data.digests, **digests},
    )


def objective_parts(config: TrainConfig, data: PreparedData) -> list[Part]:
    """The parts of what ``objective_data`` made; all that is needed where nothing is sampled."""
    objective = config.objective
    if isinstance(objective, CounterfactualObjective) and data.beside:
        return [Part(data.pairs, 1 - objective.alpha), Part(data.beside, objective.alpha)]
    return [Part(data.pairs)]


def taught(
    config: TrainConfig,
    data: PreparedData,
    assembly: Assembly,
    folder: Path,
    workers: Workers,
    reporter: Reporter,
    *,
    resume: bool,
    command: list[str],
) -> Taught:
    """What each optimizer step takes batches of.

    Args:
        config: names the objective.
        data: what ``objective_data`` made.
        assembly: with the first weights.
        folder: of the run; what an objective writes is in a folder of its own there.
        workers: only the main one writes.
        reporter: is told how it goes.
        resume: go on with what an interrupted process has written.
        command: for manifests.

    Raises:
        ConfigError, DataError, TrainingInterrupted: as the objective's own function.
    """
    objective = config.objective
    digests = {} if config.init is None else {"init": bundle_digest(bundle_of(config.init))}
    if isinstance(objective, ConseqObjective):
        found = contrastive_parts(
            config, objective, data, assembly, folder / "round", workers, reporter,
            resume=resume, command=command,
        )  # fmt: skip
        return found._replace(digests={**digests, **found.digests})
    return Taught(objective_parts(config, data), {}, digests)
