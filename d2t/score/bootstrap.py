"""Confidence intervals and paired tests, once for all metrics, over sufficient statistics (A1).

A metric gives one row of additive statistics per utterance and a function from summed rows to
scores. All that resampling needs is then a matrix product: (resamples, units) counts @ (units, k)
statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FloatArray = NDArray[np.float64]
PairedTest = Literal["bootstrap", "randomization"]

_BLOCK = 64  # resamples drawn at a time: 64 x 18,000 units are 9 MB
_EPSILON = 1e-9  # differences below this are rounding of the sums


@dataclass(frozen=True, slots=True)
class Resampling:
    """How uncertainty is estimated; printed with every report.

    Attributes:
        n_resamples: bootstrap resamples, or random swaps; 0 switches intervals off.
        seed: of ``numpy.random.default_rng``; the same seed draws the same resamples for every
            metric.
        unit: what is drawn: ``mr`` keeps all records of one MR together (several plans or copies of
            one MR are not independent), ``record`` draws records one by one, as sacreBLEU does.
        level: coverage of the intervals, in %.
    """

    n_resamples: int = 1000
    seed: int = 12345
    unit: Literal["mr", "record"] = "mr"
    level: float = 95.0


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Two systems on the same records.

    Attributes:
        score_a: score of the first system.
        score_b: score of the second system.
        difference: ``score_b - score_a``.
        low: lower end of the difference's interval.
        high: upper end of the difference's interval.
        p_value: two-sided; 1 when the two never differ.
    """

    score_a: float
    score_b: float
    difference: float
    low: float
    high: float
    p_value: float


def sum_by_unit(statistics: FloatArray, units: Sequence[int]) -> FloatArray:
    """Add up rows of the same unit.

    Args:
        statistics: ``(records, k)``.
        units: for each record the index of its unit, ``0 .. n_units - 1``.

    Returns:
        ``(n_units, k)``.
    """
    indices = np.asarray(units, dtype=np.int64)
    summed = np.zeros((int(indices.max()) + 1 if len(indices) else 0, statistics.shape[1]))
    np.add.at(summed, indices, statistics)
    return summed


def resampled_totals(statistics: FloatArray, n_resamples: int, seed: int) -> FloatArray:
    """Column sums of ``n_resamples`` bootstrap samples of the rows.

    Args:
        statistics: ``(units, k)``.
        n_resamples: number of samples, each of as many rows as there are, drawn with replacement.
        seed: of the generator.

    Returns:
        ``(n_resamples, k)``.
    """
    n_units = len(statistics)
    rng = np.random.default_rng(seed)
    totals = np.empty((n_resamples, statistics.shape[1]))
    for start, size in _blocks(n_resamples):
        draws = rng.integers(n_units, size=(size, n_units))
        counts = np.stack([np.bincount(row, minlength=n_units) for row in draws]).astype(np.float64)
        totals[start : start + size] = counts @ statistics
    return totals


def percentile_interval(
    samples: FloatArray, point: float, level: float = 95.0
) -> tuple[float, float]:
    """The central ``level`` % of the defined ``samples``, widened to hold ``point``.

    Where no unit has an error (or all have), every resample is alike and the interval has no width:
    that says nothing about errors rarer than one in the number of units.
    Widening matters only for tiny data, where the percentile interval of a nonlinear score may miss
    the score itself; it can only make the statement more careful.
    """
    defined = samples[~np.isnan(samples)]
    if not len(defined) or np.isnan(point):
        return point, point
    tail = (100.0 - level) / 2
    low, high = np.percentile(defined, [tail, 100.0 - tail])
    return min(float(low), point), max(float(high), point)


def paired_bootstrap(
    score: Callable[[FloatArray], FloatArray], a: FloatArray, b: FloatArray, resampling: Resampling
) -> PairedResult:
    """Paired bootstrap test: both systems are scored on the same resamples (Koehn 2004).

    The null distribution is the bootstrap distribution of the difference, shifted to zero, and
    ``p = (1 + #{|d* - d| >= |d|}) / (1 + n)``. sacreBLEU (after Moses) shifts the distribution of
    absolute differences and compares with ``>``, which calls a system different from itself; we do
    not.

    Args:
        score: from totals ``(r, k)`` to scores ``(r,)``.
        a: ``(units, k)`` statistics of the first system.
        b: the same units of the second system.
        resampling: number of resamples, seed and level.
    """
    point_a, point_b = _point(score, a), _point(score, b)
    width = a.shape[1]
    totals = resampled_totals(np.hstack([a, b]), resampling.n_resamples, resampling.seed)
    samples = score(totals[:, width:]) - score(totals[:, :width])
    difference = point_b - point_a
    low, high = percentile_interval(samples, difference, resampling.level)
    defined = samples[~np.isnan(samples)]
    extreme = np.abs(defined - difference) >= abs(difference) - _EPSILON
    return PairedResult(point_a, point_b, difference, low, high, _p_value(extreme))


def approximate_randomization(
    score: Callable[[FloatArray], FloatArray], a: FloatArray, b: FloatArray, resampling: Resampling
) -> PairedResult:
    """Approximate randomization: the outputs of a unit are swapped at random (Riezler & Maxwell).

    ``p = (1 + #{|d*| >= |d|}) / (1 + n)``; the interval is the paired bootstrap's. Arguments as
    there.
    """
    base = paired_bootstrap(score, a, b, resampling)
    rng = np.random.default_rng(resampling.seed)
    total_a, total_b, gap = a.sum(axis=0), b.sum(axis=0), b - a
    samples = np.empty(resampling.n_resamples)
    for start, size in _blocks(resampling.n_resamples):
        swaps = rng.integers(2, size=(size, len(a))).astype(np.float64) @ gap
        samples[start : start + size] = score(total_b - swaps) - score(total_a + swaps)
    extreme = np.abs(samples[~np.isnan(samples)]) >= abs(base.difference) - _EPSILON
    return PairedResult(
        base.score_a, base.score_b, base.difference, base.low, base.high, _p_value(extreme)
    )


PAIRED_TESTS: dict[PairedTest, Callable[..., PairedResult]] = {
    "bootstrap": paired_bootstrap,
    "randomization": approximate_randomization,
}


def _point(score: Callable[[FloatArray], FloatArray], statistics: FloatArray) -> float:
    return float(score(statistics.sum(axis=0, keepdims=True))[0])


def _p_value(extreme: NDArray[np.bool_]) -> float:
    """Share of samples as extreme as what was seen, which is one of them (Phipson & Smyth 2010)."""
    return (1 + int(extreme.sum())) / (1 + len(extreme))


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    for start in range(0, n, _BLOCK):
        yield start, min(_BLOCK, n - start)
