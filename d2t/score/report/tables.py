"""Pieces of the reports that people read: Markdown tables, intervals, signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.bootstrap import Resampling


def markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1
) -> str:
    """A Markdown table with padded cells; all but the first ``text_columns`` are right-aligned."""
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        """One row, padded."""
        padded = [
            cell.ljust(width) if i < text_columns else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [
        "-" * width if i < text_columns else "-" * (width - 1) + ":"
        for i, width in enumerate(widths)
    ]
    return "\n".join([line(header), line(rule), *(line(row) for row in rows)])


def signature_lines(signatures: Sequence[str], resampling: Resampling) -> str:
    """The signature of each metric and how the intervals were made, one line each."""
    intervals = (
        f"intervals: percentile bootstrap, {resampling.n_resamples} resamples of the "
        f"{'MRs' if resampling.unit == 'mr' else 'records'}, seed {resampling.seed}"
        if resampling.n_resamples
        else "intervals: off"
    )
    return "\n".join([*signatures, intervals])


def better(higher: bool) -> str:
    """The direction of good, as a table says it."""
    return "higher" if higher else "lower"
