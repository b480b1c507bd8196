"""All metrics over a list of records: one report, with signatures and intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import DataError
from d2t.score.bootstrap import Resampling, percentile_interval, resampled_totals, sum_by_unit
from d2t.score.metric import ALL_PARTS, make_scorers
from d2t.score.records import check_records, checker_for
from d2t.score.slots import SlotBreakdown, break_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport
    from d2t.score.bootstrap import FloatArray
    from d2t.score.metric import Part, Scorer
    from d2t.score.records import BadRecord, CheckedRecord, Checker, EvaluationRecord


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


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One number of a report.

    Attributes:
        key: name in JSON.
        label: name in tables.
        score: 0-100 (SER and Err may exceed it; Kendall's tau is -100 to 100).
        low: lower end of the bootstrap interval; equal to ``score`` when intervals are off.
        high: upper end.
        n: records that were scored.
        signature: what made the number.
        higher_is_better: the direction of good.
    """

    key: str
    label: str
    score: float
    low: float
    high: float
    n: int
    signature: str
    higher_is_better: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON form, four decimals."""
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "n": self.n,
            "higher_is_better": self.higher_is_better,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What ``d2t evaluate`` says.

    Attributes:
        domain: name of the domain.
        n_records: records scored.
        n_mrs: distinct MRs among them.
        n_empty: records whose text is empty (scored: every slot is missing).
        n_plans: records with a requested plan; only these enter order metrics.
        n_references: records with references; only these enter text metrics.
        metrics: by key, in table order.
        counts: slots, missing, added, wrong, repeated over all records.
        breakdown: the same per slot name.
        resampling: how the intervals were made.
        bad: lines that could not be scored.
        input: what reading the file ignored, guessed or took for absent; None: it was no file.
    """

    domain: str
    n_records: int
    n_mrs: int
    n_empty: int
    n_plans: int
    n_references: int
    metrics: dict[str, MetricResult]
    counts: dict[str, int]
    breakdown: tuple[SlotBreakdown, ...]
    resampling: Resampling
    bad: tuple[BadRecord, ...] = field(default=())
    input: ReadReport | None = None

    def __str__(self) -> str:
        """The tables, as Markdown."""
        return self.as_markdown()

    def score(self, key: str) -> float:
        """The score of one metric.

        Raises:
            DataError: the report does not hold it, for example order metrics without plans.
        """
        if key not in self.metrics:
            raise DataError(
                f"no {key!r} in this report; it holds {', '.join(self.metrics)}. Order metrics "
                "need plans, text metrics need references."
            )
        return self.metrics[key].score

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "domain": self.domain,
            "n_records": self.n_records,
            "n_mrs": self.n_mrs,
            "n_empty": self.n_empty,
            "n_plans": self.n_plans,
            "n_references": self.n_references,
            "n_bad": len(self.bad),
            "metrics": {key: result.as_dict() for key, result in self.metrics.items()},
            "counts": self.counts,
            "slots": {
                row.slot: {
                    "n_slots": row.n_slots,
                    "missing": row.missing,
                    "added": row.added,
                    "wrong": row.wrong,
                    "repeated": row.repeated,
                    "slot_error_rate": None if row.error_rate is None else round(row.error_rate, 4),
                }
                for row in self.breakdown
            },
            "intervals": resampling_as_dict(self.resampling),
            "bad": [bad.as_dict() for bad in self.bad],
            **({} if self.input is None else {"input": self.input.as_dict()}),
        }

    def as_markdown(self) -> str:
        """The report for a person, as Markdown tables."""
        level = f"{self.resampling.level:g}% interval"
        metrics = markdown_table(
            ["metric", "score", level, "n", "better"],
            [
                [
                    m.label,
                    f"{m.score:.2f}",
                    f"[{m.low:.2f}, {m.high:.2f}]" if self.resampling.n_resamples else "-",
                    str(m.n),
                    better(m.higher_is_better),
                ]
                for m in self.metrics.values()
            ],
        )
        blocks = [
            f"{self.n_records} records, {self.n_mrs} MRs, domain {self.domain}"
            + (f", {self.n_empty} empty texts" if self.n_empty else "")
            + (
                f", {len(self.bad)} bad line{'s' * (len(self.bad) > 1)} not scored"
                if self.bad
                else ""
            ),
            metrics,
        ]
        if self.breakdown:
            blocks.append(_breakdown_table(self))
        blocks.append(
            signature_lines([m.signature for m in self.metrics.values()], self.resampling)
        )
        return "\n\n".join(blocks) + "\n"


def evaluate_records(
    records: Sequence[EvaluationRecord],
    domain: Domain,
    *,
    parts: Sequence[Part] = ALL_PARTS,
    metrics: Sequence[str] = (),
    checker: Checker | None = None,
    resampling: Resampling | None = None,
    bad: Sequence[BadRecord] = (),
    extra: Sequence[Scorer] = (),
) -> EvaluationReport:
    """Score records; metrics that need plans or references use the records that have them.

    Args:
        records: what to score.
        domain: the domain.
        parts: which families of metrics; one asked for alone must be computable.
        metrics: names of further metrics that are registered (``d2t.score.metric.METRICS``).
        checker: aligns texts; the domain's own when None.
        resampling: of the intervals; the default is 1000 bootstrap resamples.
        bad: lines that could not be read, to be reported along.
        extra: more scorers, such as those of ``d2t.score.fluency``.

    Raises:
        ConfigError: code ``unknown_metric``: a metric is not registered.
        DataError: there are no records, or a part asked for alone needs plans or references and
            there are none.
    """
    if not records:
        why = f": all {len(bad)} lines are bad; the first: {bad[0].error.message}" if bad else ""
        raise DataError(f"nothing to evaluate{why}", code="empty_file")
    resampling = resampling or Resampling()
    checker = checker or checker_for(domain)
    checked = check_records(records, checker)
    scorers = [
        scorer
        for scorer in [*make_scorers(domain, parts, checker, metrics), *extra]
        if any(map(scorer.applies, checked))
    ]
    _require(parts, scorers)
    breakdown = break_down(checked, domain.slot_names) if "slots" in parts else []
    return EvaluationReport(
        domain=domain.name,
        n_records=len(records),
        n_mrs=len({record.mr.key() for record in records}),
        n_empty=sum(not record.text.strip() for record in records),
        n_plans=sum(record.plan is not None for record in records),
        n_references=sum(bool(record.references) for record in records),
        metrics=_results(scorers, checked, resampling),
        counts={
            name: sum(getattr(row, name) for row in breakdown)
            for name in ("n_slots", "missing", "added", "wrong", "repeated")
            if breakdown
        },
        breakdown=tuple(breakdown),
        resampling=resampling,
        bad=tuple(bad),
    )


def resampling_units(records: Sequence[EvaluationRecord], resampling: Resampling) -> list[int]:
    """For each record the index of its unit; records one by one when there is a single MR."""
    units: dict[object, int] = {}
    keys = [units.setdefault(record.mr.key(), len(units)) for record in records]
    return list(range(len(records))) if resampling.unit == "record" or len(units) < 2 else keys


def resampling_as_dict(resampling: Resampling) -> dict[str, Any]:
    """JSON form of the settings of intervals."""
    return {
        "method": "percentile bootstrap",
        "level": resampling.level,
        "n_resamples": resampling.n_resamples,
        "unit": resampling.unit,
        "seed": resampling.seed,
    }


def _results(
    scorers: Sequence[Scorer], checked: Sequence[CheckedRecord], resampling: Resampling
) -> dict[str, MetricResult]:
    statistics = [scorer.statistics(checked) for scorer in scorers]
    samples = _bootstrap_scores(scorers, statistics, checked, resampling)
    results = {}
    for scorer, rows, resampled in zip(scorers, statistics, samples, strict=True):
        point = float(scorer.scores(rows.sum(axis=0, keepdims=True))[0])
        if np.isnan(point):  # not defined for any record (no two common slots): left out
            continue
        low, high = percentile_interval(resampled, point, resampling.level)
        results[scorer.key] = MetricResult(
            key=scorer.key,
            label=scorer.label,
            score=point,
            low=low,
            high=high,
            n=sum(map(scorer.applies, checked)),
            signature=scorer.signature(),
            higher_is_better=scorer.higher_is_better,
        )
    return results


def _bootstrap_scores(
    scorers: Sequence[Scorer],
    statistics: Sequence[FloatArray],
    checked: Sequence[CheckedRecord],
    resampling: Resampling,
) -> list[FloatArray]:
    """Scores ``(n_resamples,)`` of each metric on the same resamples."""
    if not scorers:
        return []
    units = resampling_units([item.record for item in checked], resampling)
    everything = sum_by_unit(np.hstack(statistics), units)
    totals = resampled_totals(everything, resampling.n_resamples, resampling.seed)
    borders = np.cumsum([rows.shape[1] for rows in statistics])[:-1]
    return [
        scorer.scores(columns)
        for scorer, columns in zip(scorers, np.split(totals, borders, axis=1), strict=True)
    ]


def _require(parts: Sequence[Part], scorers: Sequence[Scorer]) -> None:
    """A family asked for alone must give numbers."""
    if scorers:
        return
    if tuple(parts) == ("order",):
        raise DataError(
            "no record has a 'plan': order is scored against the order asked for. Add a field "
            'such as "plan": ["area", "food", "name"] to each record.',
            code="missing_plan",
        )
    raise DataError(
        "no record has references. Add a field 'references' (a list of texts) to each record, or "
        "name a corpus that has them: --corpus e2e_cleaned --split test",
        code="missing_references",
    )


def _breakdown_table(report: EvaluationReport) -> str:
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
