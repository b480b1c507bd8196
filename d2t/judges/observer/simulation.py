"""Observers asked about every item, none of them about an MR that it has learned from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from d2t._version import __version__
from d2t.errors import DataError
from d2t.judges.observer.simulatability import SimulatedItem
from d2t.judges.observer.simulator import train_simulator
from d2t.score.checking import checker_for
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.judges.observer.simulation_items import SimulationItem, Target
    from d2t.judges.observer.simulator import Simulator, SimulatorConfig
    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import Resampling


def simulate(
    items: Sequence[SimulationItem],
    config: SimulatorConfig,
    training: Sequence[SimulationItem] | None = None,
    *,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> list[SimulatedItem]:
    """Whether observers are right about ``items``, in their order.

    Args:
        items: what is asked.
        config: settings of the observers.
        training: what one observer learns from; items of an MR that is in ``items`` are left out.
            None: ``config.folds`` observers, each for the MRs that it has not seen.
        progress: called with the share done and a note.

    Raises:
        DataError: no items to learn from, or fewer MRs than folds.
    """
    units = {mr: k for k, mr in enumerate(dict.fromkeys(item.mr for item in items))}
    if training is not None:
        unseen = [item for item in training if item.mr not in units]
        if not unseen:
            raise DataError(
                "every MR of the training outputs is also asked about; give outputs for other MRs, "
                "or none: then observers are cross-fitted",
                code="overlap",
            )
        simulator = train_simulator(unseen, config, progress=progress)
        return _judged(simulator, items, units)
    if len(units) < config.folds:
        raise DataError(
            f"{len(units)} MRs cannot be split into {config.folds} folds; give more outputs, or "
            "fewer folds",
            code="too_few_records",
        )
    fold = _folds(len(units), config)
    found: dict[int, SimulatedItem] = {}
    for k in range(config.folds):
        inside = [at for at, item in enumerate(items) if fold[units[item.mr]] == k]
        others = [item for item in items if fold[units[item.mr]] != k]
        simulator = train_simulator(
            others, config, progress=partial(_share, progress, k, config.folds)
        )
        found |= dict(
            zip(inside, _judged(simulator, [items[at] for at in inside], units), strict=True)
        )
    return [found[at] for at in range(len(items))]


def signature_of(
    domain: Domain,
    target: Target,
    config: SimulatorConfig,
    resampling: Resampling,
    *,
    cross_fitted: bool = True,
) -> str:
    """What a LAS depends on, beside the outputs.

    Args:
        domain: of the outputs.
        target: what was asked.
        config: settings of the observers.
        resampling: of the intervals.
        cross_fitted: whether the observers learned from the other folds of the same outputs.
    """
    learned = f"folds:{config.folds}" if cross_fitted else "train-file"
    return (
        f"LAS|dom:{domain.name}@{domain.digest[:4]}|lex:{checker_for(domain).lexicon_digest[:4]}"
        f"|y:{target}|{learned}|{config.signature}|bs:{resampling.n_resamples}|v:{__version__}"
    )


def _share(
    progress: Callable[[float, str], None], k: int, folds: int, share: float, note: str
) -> None:
    progress((k + share) / folds, note)


def _folds(n: int, config: SimulatorConfig) -> list[int]:
    """The fold of each unit: as even as can be, drawn by the seed."""
    folds = [k % config.folds for k in range(n)]
    derived_rng(config.seed, "folds").shuffle(folds)
    return folds


def _judged(
    simulator: Simulator, items: Sequence[SimulationItem], units: dict[object, int]
) -> list[SimulatedItem]:
    shown = (
        simulator.answer(items),
        simulator.answer(items, rationale=False),
        simulator.answer(items, input=False),
    )
    return [
        SimulatedItem(
            item.question, item.answer, units[item.mr], *(answer == item.answer for answer in three)
        )
        for item, *three in zip(items, *shown, strict=True)
    ]
