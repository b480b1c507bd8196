"""What a run of the benchmarks is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.io.manifest import usable_cores

if TYPE_CHECKING:
    from pathlib import Path

PARTS = (
    "checker", "startup", "generation", "latency", "processes", "limits", "growth", "training",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes of everything; ``quick`` has the smallest that still run every line.

    Attributes:
        model: the bundle; a Transformer trained from scratch.
        corpus: whose development MRs are said; the embedded one where it is not fetched.
        threads: cores that every system may use.
        rounds: how often each system gets its turn; medians are taken over them.
        seconds: that one turn should take; a system says as many records as it can meanwhile.
        pool: distinct records.
        single_s: seconds of single requests for each system; at most ``singles`` of them.
        growth: record counts; those that would take longer than ``growth_s`` are estimated.
        train_steps: of each timed training run, ``train_rounds`` of them on either side in turn.
        loss_steps: of the run on either side whose development losses are compared: a few hundred
            steps tell how a training begins, not where it comes.
    """

    model: Path
    corpus: str = "e2e_cleaned"
    threads: int = usable_cores()
    seed: int = 20201116
    rounds: int = 3
    seconds: float = 3.0
    pool: int = 4096
    single_s: float = 20.0
    singles: int = 200
    growth: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    growth_s: float = 240.0
    train_steps: int = 150
    train_rounds: int = 3
    loss_steps: int = 1200
    quick: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; of the model only its name, so that no path of a machine is written."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"model": self.model.name, "growth": list(self.growth)}


QUICK: dict[str, Any] = {
    "corpus": "mini",
    "rounds": 1,
    "seconds": 0.05,
    "pool": 16,
    "single_s": 0.05,
    "singles": 3,
    "growth": (4, 8, 1_000_000),
    "growth_s": 10.0,
    "train_steps": 2,
    "train_rounds": 1,
    "loss_steps": 3,
}
"""What ``--quick`` sets: not one figure of such a run means anything."""
