"""What a run trains on: the pairs themselves, or what the objective makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.train.contrastive_config import ConseqObjective
from d2t.train.contrastive_stage import contrastive_parts
from d2t.train.init_config import bundle_digest, bundle_of
from d2t.train.parts import Part, Taught

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.assemble import Assembly
    from d2t.train.config import TrainConfig
    from d2t.train.prepare import PreparedData
    from d2t.train.progress import Reporter
    from d2t.train.workers import Workers


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
    """The parts of the training data.

    Args:
        config: names the objective.
        data: the corpus.
        assembly: with the first weights.
        folder: of the run; what an objective writes is in a folder of its own there.
        workers: only the main one writes.
        reporter: is told how it goes.
        resume: go on with what an interrupted process has written.
        command: for manifests.

    Raises:
        ConfigError, DataError, TrainingInterrupted: as the objective's own function.
    """
    digests = {} if config.init is None else {"init": bundle_digest(bundle_of(config.init))}
    if not isinstance(config.objective, ConseqObjective):
        return Taught([Part(data.pairs)], {}, digests)
    found = contrastive_parts(
        config, config.objective, data, assembly, folder / "round", workers, reporter,
        resume=resume, command=command,
    )  # fmt: skip
    return found._replace(digests={**digests, **found.digests})
