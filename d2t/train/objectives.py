"""From an objective to what a step is taken on: the parts of the loss, and their pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.train.counterfactual import counterfactual_data, factual_data
from d2t.train.objective_config import CounterfactualObjective
from d2t.train.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from d2t.train.config import TrainConfig
    from d2t.train.prepare import PreparedData


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
    """What each optimizer step takes batches of."""
    objective = config.objective
    if isinstance(objective, CounterfactualObjective) and data.beside:
        return [Part(data.pairs, 1 - objective.alpha), Part(data.beside, objective.alpha)]
    return [Part(data.pairs)]
