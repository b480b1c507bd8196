"""Paired tests between systems and decoders, from the committed statistics per MR."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.mr.domain import load_domain
from d2t.score.bootstrap import PAIRED_TESTS, PairedResult, Resampling
from d2t.score.metric import make_scorers
from d2t.slots.checker import SlotChecker
from experiments.reproduction.workspace import Workspace, entry_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.bootstrap import FloatArray
    from d2t.score.metric import Scorer
    from experiments.reproduction.config import Row


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a system (by its label) in one setting and decoder."""

    label: str
    setting: str
    decoder: str = "greedy"


@dataclass(frozen=True)
class Paired:
    """B against A on one metric, over the seeds that both have."""

    a: Side
    b: Side
    metric: str
    seeds: int
    result: PairedResult

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        numbers = {name: round(getattr(self.result, name), 4) for name in PairedResult.__slots__}
        sides = {"a": asdict(self.a), "b": asdict(self.b)}
        return {**sides, "metric": self.metric, "seeds": self.seeds, **numbers}

    def words(self, digits: int = 2) -> str:
        """``98.10 -> 99.20 (+1.10 [0.90, 1.30], p < 0.001)``."""
        r = self.result
        p = "p < 0.001" if r.p_value < 0.001 else f"p = {r.p_value:.3f}"
        return (
            f"{r.score_a:.{digits}f} → {r.score_b:.{digits}f} ({r.difference:+.{digits}f} "
            f"[{r.low:+.{digits}f}, {r.high:+.{digits}f}], {p})"
        )


def compare(workspace: Workspace, a: Side, b: Side, metric: str) -> Paired | None:
    """Paired bootstrap over MRs; None when scores are missing or answer different requests.

    The statistics of the seeds of a system are added up per MR, so that the score is that of all
    its outputs; seeds are fixed here, MRs are drawn.
    """
    table = workspace.table
    chosen = [_scored(workspace, side) for side in (a, b)]
    n = min(map(len, chosen))
    if not n:
        return None
    found = [[_statistics(workspace, row, side, metric) for row in rows[:n]]
             for rows, side in zip(chosen, (a, b), strict=True)]  # fmt: skip
    flat = [item for side in found for item in side]
    if any(item is None for item in flat) or len({item[0] for item in flat if item}) != 1:
        return None
    sums: list[FloatArray] = [
        np.asarray([item[1] for item in side if item], dtype=np.float64).sum(axis=0)
        for side in found
    ]
    scorer = _scorer(table.train_config(chosen[0][0]).data.domain, metric)
    result = PAIRED_TESTS["bootstrap"](scorer.scores, *sums, Resampling())
    return Paired(a, b, metric, n, result)


def _scored(workspace: Workspace, side: Side) -> list[Row]:
    """The seeds of a system that have these scores."""
    rows = workspace.table.labelled(side.label)
    return [row for row in rows if _entry(workspace, row, side) is not None]


def _entry(workspace: Workspace, row: Row, side: Side) -> dict[str, Any] | None:
    corpus = workspace.table.corpora(row)[0]
    return workspace.entry(row, corpus, side.setting, side.decoder)


def _statistics(
    workspace: Workspace, row: Row, side: Side, metric: str
) -> tuple[str, list[list[int]]] | None:
    """Identity of the requests, and the rows of statistics ``(MRs, k)``."""
    corpus = workspace.table.corpora(row)[0]
    kept = workspace.statistics(row).get(entry_key(corpus, side.setting, side.decoder), {})
    return (kept["requests"], kept[metric]) if metric in kept else None


_SCORERS: dict[str, Sequence[Scorer]] = {}


def _scorer(domain_name: str, metric: str) -> Scorer:
    if domain_name not in _SCORERS:
        domain = load_domain(domain_name)
        checker = SlotChecker.for_domain(domain)
        _SCORERS[domain_name] = make_scorers(domain, ("slots", "order", "text"), checker)
    return next(scorer for scorer in _SCORERS[domain_name] if scorer.key == metric)
