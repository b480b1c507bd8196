"""How an arm's texts are judged: sums that every number and every paired test comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.judges.qa.report import QAOptions, QAReport, judge_records, signature
from d2t.score.bootstrap import Resampling, paired_bootstrap
from d2t.score.checking import check_records
from d2t.score.metric import ratio
from d2t.score.order import OrderAccuracy
from d2t.score.text import bleu
from experiments.faithfulness.contrast_scores import KINDS, errors_of, parser_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d2t.judges.parser.learned_parser import LearnedParser
    from d2t.judges.qa.reader import QAReader
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.bootstrap import FloatArray
    from d2t.score.records import EvaluationRecord
    from d2t.slots.checker import SlotChecker
    from experiments.runner.kept import Kept, Matrix, Rows

SINGLE = "missing_single"
METRICS = {
    "missing": "missing %", SINGLE: "missing %, one value a slot", "wrong": "wrong %",
    "added": "added %", "repeated": "repeated %",
    "ser": "SER %", "exact": "exact %", "order": "order %", "bleu": "BLEU", "words": "words",
    "qa_f1": "QA F1", "qa_missing": "QA missing %", "qa_wrong": "QA wrong %",
    "qa_added": "QA added %", "qa_exact": "QA exact %",
    "parser_missing": "parser missing %", "parser_wrong": "parser wrong or added %",
    "distinct1": "distinct-1 %", "distinct2": "distinct-2 %", "copied": "copied %",
}  # fmt: skip
"""In the order of the table; those that nothing judged are left out."""
_MEANS = ("words", "qa_f1")
_WITHOUT_JUDGE = ("bleu", "words", "distinct1", "distinct2")


def judged_rows(
    records: Sequence[EvaluationRecord],
    checker: SlotChecker,
    reader: QAReader | None,
    parser: LearnedParser | None,
    *,
    n_wordings: int,
) -> Rows:
    """Statistics of every metric: ``[count, of]`` of rates, sacreBLEU's own of BLEU.

    Of the order only where every record has a plan.
    """
    checked = check_records(records, checker)
    errors = errors_of(checked)
    slots = errors[:, 4]
    ones = np.ones(len(records))
    found: dict[str, FloatArray] = {
        kind: np.stack([errors[:, at], slots], axis=1) for at, kind in enumerate(KINDS)
    }
    found["ser"] = np.stack([errors[:, :4].sum(axis=1), slots], axis=1)
    found["exact"] = np.stack([(errors[:, :4].sum(axis=1) == 0).astype(float), ones], axis=1)
    found["words"] = np.array([[float(len(r.text.split())), 1.0] for r in records])
    found["bleu"] = bleu().statistics(checked)
    if all(record.plan is not None for record in records):
        found["order"] = OrderAccuracy(checker.domain, checker).statistics(checked)
    if reader is not None:
        options = QAOptions(modes=("consistency",), n_wordings=n_wordings)
        report = QAReport(signature(reader, options))
        list(judge_records(records, reader, options, report))
        lines = [{name: value or 0.0 for name, value in line.items()} for line in report.lines]
        for kind in ("missing", "wrong", "added"):
            counts = np.array([line[f"consistency_{kind}"] for line in lines])
            found[f"qa_{kind}"] = np.stack([counts, slots], axis=1)
        found["qa_f1"] = np.array([[line["consistency_f1"], 1.0] for line in lines])
        found["qa_exact"] = np.array([[line["consistency_exact"] / 100, 1.0] for line in lines])
    if parser is not None:
        texts = [(c.record.mr, c.report.alignment) for c in checked]
        read = parser_errors(texts, checker.domain, parser)
        found["parser_missing"], found["parser_wrong"] = read[:, [0, 2]], read[:, [1, 2]]
    return {name: rows.tolist() for name, rows in found.items()}


def with_single(kept: Kept, mrs: Sequence[MeaningRepresentation]) -> Kept:
    """Missing slots of the records that have no slot twice, beside those of all.

    A second value that goes unsaid is missing to the slot checker; judges that look for any of a
    slot's values do not count it.

    Args:
        kept: an arm's statistics.
        mrs: of its records, in order.
    """
    rows = [
        row if len(set(mr.names)) == len(mr.slots) else [0.0] * len(row)
        for row, mr in zip(kept.rows["missing"], mrs, strict=True)
    ]
    return kept._replace(rows={**kept.rows, SINGLE: rows})


def score_of(metric: str) -> Callable[[FloatArray], FloatArray]:
    """From totals ``(r, k)`` to scores ``(r,)``."""
    if metric == "bleu":
        return bleu().scores
    if metric in _MEANS:
        return lambda totals: totals[:, 0] / totals[:, 1]
    return lambda totals: ratio(totals[:, 0], totals[:, 1])


def score(metric: str, rows: Matrix) -> float:
    """The metric over all records."""
    totals = np.asarray(rows, dtype=np.float64).sum(axis=0, keepdims=True)
    return float(score_of(metric)(totals)[0])


def compared(
    metric: str,
    plain: Sequence[Sequence[Sequence[float]]],
    other: Sequence[Sequence[Sequence[float]]],
) -> dict[str, Any]:
    """``other`` - ``plain``, seeds added up MR by MR, with a paired bootstrap over MRs.

    Args:
        metric: what is compared.
        plain: by seed, the rows of one arm.
        other: of the other.
    """
    sums = [np.asarray(arm, dtype=np.float64).sum(axis=0) for arm in (plain, other)]
    result = paired_bootstrap(score_of(metric), sums[0], sums[1], Resampling())
    numbers = {"difference": result.difference, "low": result.low, "high": result.high}
    return {**{name: round(v, 4) for name, v in numbers.items()}, "p": round(result.p_value, 4)}


def same_judge(metric: str, plain: Kept, own: Kept) -> bool:
    """Whether one and the same model, or lexicon, gave the metric to both.

    What is kept outlives the models that judged it; those of another machine are others.
    """
    judge = "qa" if metric.startswith("qa_") else "parser" if metric.startswith("parser_") else None
    if judge is None and metric not in _WITHOUT_JUDGE:
        judge = "lexicon"
    judges = [arm.facts.get("judges", {}).get(judge) for arm in (plain, own)]
    return bool(judges[0] == judges[1])


def tested(
    plain: Mapping[int, Kept], own: Mapping[int, Kept], keys: Sequence[str]
) -> dict[str, Any]:
    """``own`` - ``plain`` over the seeds that both have, and how many; empty: they share none.

    Beside the difference of all stand those of single seeds. What two judges of one kind have said
    is not compared.

    Args:
        plain: by seed, one arm.
        own: the other.
        keys: of their rows: a metric, or ``SETTING/METRIC``; those that one lacks are left out.
    """
    seeds = [seed for seed in own if seed in plain]
    if not seeds:
        return {}
    found: dict[str, Any] = {"seeds": len(seeds)}
    for key in keys:
        metric = key.rpartition("/")[2]
        there = all(key in arm[seed].rows for arm in (plain, own) for seed in seeds)
        if not there or not all(same_judge(metric, plain[s], own[s]) for s in seeds):
            continue
        sides = [[arm[seed].rows[key] for seed in seeds] for arm in (plain, own)]
        alone = [round(score(metric, b) - score(metric, a), 4) for a, b in zip(*sides, strict=True)]
        found[key] = {**compared(metric, *sides), "by_seed": alone}
    return found
