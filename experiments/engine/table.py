"""Markdown tables, and numbers as their cells."""

from __future__ import annotations

from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def spread(metrics: Sequence[dict[str, Any] | None], digits: int = 2) -> str:
    """``38.10``, or ``38.10 ± 0.20`` over several seeds; ``-`` where a metric is undefined."""
    return mean_and_sd([metric["score"] for metric in metrics if metric is not None], digits)


def mean_and_sd(scores: Sequence[float], digits: int = 2) -> str:
    """``38.10``, or ``38.10 ± 0.20`` where there are several; ``-`` where there is none."""
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


def table_lines(
    heads: Sequence[str],
    body: Sequence[Sequence[str]],
    *,
    align: str = "",
    drop_empty: bool = False,
) -> list[str]:
    """A Markdown table with an empty line after it; no lines where ``body`` is empty.

    Args:
        heads: of the columns.
        body: rows of cells, as many as ``heads``.
        align: ``l`` or ``r`` for each column; the first left and the others right otherwise.
        drop_empty: leave out columns, but the first, that have ``-`` in every row.
    """
    if not body:
        return []
    sides = align or "l" + "r" * (len(heads) - 1)
    columns = [
        i
        for i in range(len(heads))
        if not drop_empty or i == 0 or any(row[i] != "-" for row in body)
    ]
    rule = "".join("---|" if sides[i] == "l" else "---:|" for i in columns)
    head, *rows = ("| " + " | ".join(row[i] for i in columns) + " |" for row in (heads, *body))
    return [head, f"|{rule}", *rows, ""]
