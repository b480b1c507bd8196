"""Numbers as the tables print them."""

from __future__ import annotations

from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def spread(metrics: Sequence[dict[str, Any] | None], digits: int = 2) -> str:
    """``38.10``, or ``38.10 ± 0.20`` over several seeds; ``-`` where a metric is undefined."""
    scores = [metric["score"] for metric in metrics if metric is not None]
    if not scores:
        return "-"
    both = f" ± {stdev(scores):.{digits}f}" if len(scores) > 1 else ""
    return f"{mean(scores):.{digits}f}{both}"


def cell(metric: dict[str, Any]) -> str:
    """``38.1 [37.2, 39.0]``; two decimals where the value is small."""
    digits = 2 if metric["score"] < 10 else 1
    return f"{metric['score']:.{digits}f} [{metric['low']:.{digits}f}, {metric['high']:.{digits}f}]"


def difference_cell(found: Mapping[str, Any] | None) -> str:
    """``-0.85 [-1.00, -0.70]``; ``-`` where nothing was tested."""
    if found is None:
        return "-"
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"
