"""Reports as Markdown: readable in a terminal, ready for a README."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.bootstrap import Resampling
    from d2t.score.report.compare import Comparison
    from d2t.score.report.differing import DifferingPair
    from d2t.score.report.report import EvaluationReport


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


def report_markdown(report: EvaluationReport) -> str:
    """Metrics, per-slot errors, signatures."""
    level = f"{report.resampling.level:g}% interval"
    metrics = markdown_table(
        ["metric", "score", level, "n", "better"],
        [
            [
                m.label,
                f"{m.score:.2f}",
                _interval(m.low, m.high) if report.resampling.n_resamples else "-",
                str(m.n),
                _better(m.higher_is_better),
            ]
            for m in report.metrics.values()
        ],
    )
    blocks = [
        f"{report.n_records} records, {report.n_mrs} MRs, domain {report.domain}"
        + (f", {report.n_empty} empty texts" if report.n_empty else "")
        + (
            f", {len(report.bad)} bad line{'s' * (len(report.bad) > 1)} not scored"
            if report.bad
            else ""
        ),
        metrics,
    ]
    if report.breakdown:
        blocks.append(_breakdown(report))
    blocks.append(_signatures([m.signature for m in report.metrics.values()], report.resampling))
    return "\n\n".join(blocks) + "\n"


def comparison_markdown(comparison: Comparison) -> str:
    """Both systems side by side, and the sentences where they differ most."""
    rows = [
        [
            row.label,
            f"{row.result.score_a:.2f}",
            f"{row.result.score_b:.2f}",
            f"{row.result.difference:+.2f}",
            f"[{row.result.low:+.2f}, {row.result.high:+.2f}]",
            _p_value(row.result.p_value) + ("*" if row.result.p_value < 0.05 else " "),
            _better(row.higher_is_better),
        ]
        for row in comparison.rows
    ]
    level = f"{comparison.resampling.level:g}% interval"
    blocks = [
        f"A = {comparison.name_a}, B = {comparison.name_b}: {comparison.n_records} records, "
        f"{comparison.n_identical} with the same text"
        + (
            f"; {comparison.n_plans_differ} asked for different orders"
            * bool(comparison.n_plans_differ)
        ),
        markdown_table(["metric", "A", "B", "B - A", level, "p", "better"], rows),
        f"p: paired {comparison.test}, two-sided; * p < 0.05 (each metric for itself)",
    ]
    blocks += [_pair(i, pair) for i, pair in enumerate(comparison.pairs, start=1)]
    blocks.append(_signatures([row.signature for row in comparison.rows], comparison.resampling))
    return "\n\n".join(blocks) + "\n"


def _pair(number: int, pair: DifferingPair) -> str:
    lines = [f"{number}. {pair.id}: {pair.mr}"]
    for name, side in (("A", pair.a), ("B", pair.b)):
        lines.append(f"   {name}: {side.text or '(empty)'}")
        lines.append(f"      {side.verdict()}")
    return "\n".join(lines)


def _breakdown(report: EvaluationReport) -> str:
    header = ["slot", "slots", "missing", "added", "wrong", "repeated", "SER"]
    rows = [
        [
            row.slot,
            *(str(n) for n in (row.n_slots, row.missing, row.added, row.wrong, row.repeated)),
            "-" if row.error_rate is None else f"{row.error_rate:.2f}",
        ]
        for row in report.breakdown
    ]
    counts = report.counts
    total = sum(counts[name] for name in ("missing", "added", "wrong", "repeated"))
    rate = f"{100 * total / counts['n_slots']:.2f}" if counts["n_slots"] else "-"
    rows.append(["all", *(str(counts[name]) for name in counts), rate])
    return markdown_table(header, rows)


def _signatures(signatures: Sequence[str], resampling: Resampling) -> str:
    intervals = (
        f"intervals: percentile bootstrap, {resampling.n_resamples} resamples of the "
        f"{'MRs' if resampling.unit == 'mr' else 'records'}, seed {resampling.seed}"
        if resampling.n_resamples
        else "intervals: off"
    )
    return "\n".join([*signatures, intervals])


def _better(higher: bool) -> str:
    return "higher" if higher else "lower"


def _interval(low: float, high: float) -> str:
    return f"[{low:.2f}, {high:.2f}]"


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"
