"""Two systems on the same inputs: paired differences, and the records on which they differ most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import DataError
from d2t.plan.base import bigram_f1
from d2t.score.bootstrap import PAIRED_TESTS, PairedResult, PairedTest, Resampling, sum_by_unit
from d2t.score.metric import ALL_PARTS, make_scorers
from d2t.score.records import CheckedRecord, check_records, checker_for
from d2t.score.report.report import (
    better,
    markdown_table,
    resampling_as_dict,
    resampling_units,
    signature_lines,
)
from d2t.score.text import chrf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport
    from d2t.score.bootstrap import FloatArray
    from d2t.score.metric import Part, Scorer
    from d2t.score.records import Checker, EvaluationRecord

Pair = tuple["EvaluationRecord", "EvaluationRecord"]
"""The records of two systems for the same input."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one system did with one record."""

    text: str
    errors: tuple[str, ...]
    order: float | None
    chrf: float | None

    def verdict(self) -> str:
        """One line: slot errors, order, chrF."""
        parts = ["; ".join(self.errors) or "no slot errors"]
        if self.order is not None:
            parts.append(
                "order kept" if self.order == 1 else f"order bigram F1 {100 * self.order:.0f}"
            )
        if self.chrf is not None:
            parts.append(f"chrF {self.chrf:.1f}")
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "text": self.text,
            "errors": list(self.errors),
            "bigram_f1": None if self.order is None else round(100 * self.order, 4),
            "chrf": None if self.chrf is None else round(self.chrf, 4),
        }


@dataclass(frozen=True, slots=True)
class DifferingPair:
    """One record on which the two systems differ."""

    id: str
    mr: str
    a: Side
    b: Side

    def distance(self) -> tuple[float, float, float]:
        """Slot errors first, then order, then chrF."""
        return (
            abs(len(self.a.errors) - len(self.b.errors)),
            abs((self.a.order or 0.0) - (self.b.order or 0.0)),
            abs((self.a.chrf or 0.0) - (self.b.chrf or 0.0)),
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"id": self.id, "mr": self.mr, "a": self.a.as_dict(), "b": self.b.as_dict()}


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One metric of both systems."""

    key: str
    label: str
    higher_is_better: bool
    n: int
    signature: str
    result: PairedResult

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        numbers = {name: round(getattr(self.result, name), 4) for name in PairedResult.__slots__}
        return {
            "label": self.label,
            **numbers,
            "n": self.n,
            "higher_is_better": self.higher_is_better,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``d2t compare`` says; differences are B - A.

    Attributes:
        name_a: of the first system.
        name_b: of the second system.
        n_records: pairs compared.
        n_identical: pairs with the same text.
        n_plans_differ: pairs of which the two systems were asked for different orders; their order
            scores compare different tasks.
        test: which paired test.
        resampling: of the test and the intervals.
        rows: one per metric.
        pairs: the records on which the systems differ most.
        n_bad: lines of the two files that could not be read.
        n_unmatched: records that are in one file only.
        inputs: what reading the files ignored, guessed or took for absent.
    """

    name_a: str
    name_b: str
    n_records: int
    n_identical: int
    n_plans_differ: int
    test: PairedTest
    resampling: Resampling
    rows: tuple[ComparisonRow, ...]
    pairs: tuple[DifferingPair, ...]
    n_bad: int = 0
    n_unmatched: int = 0
    inputs: tuple[ReadReport, ...] = ()

    def __str__(self) -> str:
        """The tables, as Markdown."""
        return self.as_markdown()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "a": self.name_a,
            "b": self.name_b,
            "n_records": self.n_records,
            "n_identical": self.n_identical,
            "n_plans_differ": self.n_plans_differ,
            "test": f"paired {self.test}",
            "intervals": resampling_as_dict(self.resampling),
            "metrics": {row.key: row.as_dict() for row in self.rows},
            "pairs": [pair.as_dict() for pair in self.pairs],
            "n_bad": self.n_bad,
            "n_unmatched": self.n_unmatched,
            **({"inputs": [read.as_dict() for read in self.inputs]} if self.inputs else {}),
        }

    def as_markdown(self) -> str:
        """The comparison for a person."""
        return _markdown(self)


def compare_records(
    pairs: Sequence[Pair],
    domain: Domain,
    *,
    names: tuple[str, str] = ("A", "B"),
    parts: Sequence[Part] = ALL_PARTS,
    metrics: Sequence[str] = (),
    checker: Checker | None = None,
    test: PairedTest = "bootstrap",
    resampling: Resampling | None = None,
    n_pairs: int = 5,
) -> Comparison:
    """Score both systems on the same records and test every difference.

    Args:
        pairs: from ``pair_records``.
        domain: the domain.
        names: of the two systems.
        parts: families of metrics; those that need plans or references use the pairs where both
            sides have them.
        metrics: names of further metrics that are registered (``d2t.score.metric.METRICS``).
        checker: aligns texts; the domain's own when None.
        test: ``bootstrap`` or ``randomization``.
        resampling: of the test and the intervals.
        n_pairs: how many of the most different sentences to show.

    Raises:
        ConfigError: code ``unknown_metric``: a metric is not registered.
        DataError: there are no pairs.
    """
    if not pairs:
        raise DataError("nothing to compare: no record is in both files", code="empty_file")
    resampling = resampling or Resampling()
    checker = checker or checker_for(domain)
    checked_a = check_records([first for first, _ in pairs], checker)
    checked_b = check_records([second for _, second in pairs], checker)
    units = resampling_units([first for first, _ in pairs], resampling)
    scorers = make_scorers(domain, parts, checker, metrics)
    rows = [_row(scorer, checked_a, checked_b, units, test, resampling) for scorer in scorers]
    sentence = next((scorer for scorer in scorers if scorer.key == "chrf"), None) or chrf()
    return Comparison(
        name_a=names[0],
        name_b=names[1],
        n_records=len(pairs),
        n_identical=sum(first.text == second.text for first, second in pairs),
        n_plans_differ=sum(_plans_differ(*pair) for pair in pairs),
        test=test,
        resampling=resampling,
        rows=tuple(row for row in rows if row is not None),
        pairs=tuple(most_different(checked_a, checked_b, n_pairs, sentence)),
    )


def _row(
    scorer: Scorer,
    a: Sequence[CheckedRecord],
    b: Sequence[CheckedRecord],
    units: Sequence[int],
    test: PairedTest,
    resampling: Resampling,
) -> ComparisonRow | None:
    both = np.asarray([scorer.applies(x) and scorer.applies(y) for x, y in zip(a, b, strict=True)])
    if not both.any():
        return None
    statistics: list[FloatArray] = [
        sum_by_unit(scorer.statistics(side) * both[:, None], units) for side in (a, b)
    ]
    result = PAIRED_TESTS[test](scorer.scores, *statistics, resampling)
    if np.isnan(result.difference):
        return None
    return ComparisonRow(
        scorer.key,
        scorer.label,
        scorer.higher_is_better,
        int(both.sum()),
        scorer.signature(),
        result,
    )


def _plans_differ(a: EvaluationRecord, b: EvaluationRecord) -> bool:
    return a.plan is not None and b.plan is not None and a.plan.slots != b.plan.slots


def pair_records(
    a: Sequence[EvaluationRecord], b: Sequence[EvaluationRecord]
) -> tuple[list[Pair], list[str]]:
    """Match the records of two files: by id where the ids are shared, else by position.

    Records found in one file only are left out and listed. References are those of either file;
    they must be the same where both have them.

    Returns:
        The pairs in the order of ``a``, and the ids that have no partner.

    Raises:
        DataError: ids repeat, nothing matches, the MRs or the references of a pair differ.
    """
    ids_a, ids_b = _by_id(a, "the first file"), _by_id(b, "the second file")
    if ids_a and ids_b and ids_a.keys() & ids_b.keys():
        pairs = [(ids_a[key], ids_b[key]) for key in ids_a if key in ids_b]
        lonely = [
            *(key for key in ids_a if key not in ids_b),
            *(key for key in ids_b if key not in ids_a),
        ]
    elif len(a) == len(b):
        pairs, lonely = list(zip(a, b, strict=True)), []
    else:
        raise DataError(
            f"the files share no id and have {len(a)} and {len(b)} records: nothing says which "
            "belong together. Give both the same 'id' fields.",
            code="no_pairs",
        )
    return [_agree(*pair) for pair in pairs], lonely


def _by_id(records: Sequence[EvaluationRecord], where: str) -> dict[str, EvaluationRecord]:
    table: dict[str, EvaluationRecord] = {}
    for record in records:
        if record.id in table:
            raise DataError(
                f"{where} has the id {record.id!r} twice; ids must be unique", code="duplicate_id"
            )
        table[record.id] = record
    return table


def _agree(a: EvaluationRecord, b: EvaluationRecord) -> Pair:
    """Check that two records are outputs for the same input, and share their references."""
    if a.mr.key() != b.mr.key():
        first, second = (", ".join(map(str, record.mr.slots)) for record in (a, b))
        raise DataError(
            f"record {a.id!r} has different MRs in the two files: {first} and {second}. Compare "
            "outputs for the same inputs, in the same order or with the same ids.",
            code="mr_mismatch",
        )
    if a.references and b.references and set(a.references) != set(b.references):
        raise DataError(
            f"record {a.id!r} has different references in the two files; one set must judge both "
            "systems. Remove the field from one file.",
            code="reference_mismatch",
        )
    references = a.references or b.references
    return replace(a, references=references), replace(b, references=references)


def most_different(
    a: Sequence[CheckedRecord], b: Sequence[CheckedRecord], n: int, scorer: Scorer
) -> list[DifferingPair]:
    """The ``n`` pairs of different texts that lie furthest apart (``DifferingPair.distance``).

    Args:
        a: records of the first system.
        b: the same records of the second.
        n: how many pairs.
        scorer: of the sentences; chrF, which is defined for single sentences.
    """
    different = [
        i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x.record.text != y.record.text
    ]
    chrf_a, chrf_b = ([*_sentence_scores(scorer, [side[i] for i in different])] for side in (a, b))
    pairs = [
        DifferingPair(
            id=a[i].record.id,
            mr=", ".join(map(str, a[i].record.mr.slots)),
            a=_side(a[i], score_a),
            b=_side(b[i], score_b),
        )
        for i, score_a, score_b in zip(different, chrf_a, chrf_b, strict=True)
    ]
    return sorted(pairs, key=DifferingPair.distance, reverse=True)[:n]


def _sentence_scores(scorer: Scorer, checked: Sequence[CheckedRecord]) -> list[float | None]:
    if not checked:
        return []
    scores = scorer.scores(scorer.statistics(checked))
    return [
        None if not scorer.applies(item) else float(x)
        for item, x in zip(checked, scores, strict=True)
    ]


def _side(checked: CheckedRecord, score: float | None) -> Side:
    report, plan = checked.report, checked.record.plan
    order = None if plan is None else bigram_f1(plan, checked.realised)
    return Side(checked.record.text, tuple(report.errors()), order, score)


def _markdown(comparison: Comparison) -> str:
    """Both systems side by side, and the sentences where they differ most."""
    rows = [
        [
            row.label,
            f"{row.result.score_a:.2f}",
            f"{row.result.score_b:.2f}",
            f"{row.result.difference:+.2f}",
            f"[{row.result.low:+.2f}, {row.result.high:+.2f}]",
            _p_value(row.result.p_value) + ("*" if row.result.p_value < 0.05 else " "),
            better(row.higher_is_better),
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
    blocks += [_pair_lines(i, pair) for i, pair in enumerate(comparison.pairs, start=1)]
    blocks.append(
        signature_lines([row.signature for row in comparison.rows], comparison.resampling)
    )
    return "\n\n".join(blocks) + "\n"


def _pair_lines(number: int, pair: DifferingPair) -> str:
    lines = [f"{number}. {pair.id}: {pair.mr}"]
    for name, side in (("A", pair.a), ("B", pair.b)):
        lines.append(f"   {name}: {side.text or '(empty)'}")
        lines.append(f"      {side.verdict()}")
    return "\n".join(lines)


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"
