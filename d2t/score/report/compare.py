"""Two systems on the same inputs: paired differences, and the sentences where they differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import DataError
from d2t.score.bootstrap import PAIRED_TESTS, PairedResult, PairedTest, Resampling, sum_by_unit
from d2t.score.judged import Judged, checker_for, judge
from d2t.score.report.differing import DifferingPair, most_different
from d2t.score.report.report import (
    ALL_PARTS,
    Part,
    make_scorers,
    resampling_as_dict,
    resampling_units,
)
from d2t.score.text import chrf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import FloatArray
    from d2t.score.judged import Checker
    from d2t.score.metric import Scorer
    from d2t.score.records import EvaluationRecord
    from d2t.score.report.pairing import Pair


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
        }

    def as_markdown(self) -> str:
        """The comparison for a person."""
        from d2t.score.report.render import comparison_markdown

        return comparison_markdown(self)


def compare_records(
    pairs: Sequence[Pair],
    domain: Domain,
    *,
    names: tuple[str, str] = ("A", "B"),
    parts: Sequence[Part] = ALL_PARTS,
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
        checker: aligns texts; the domain's own when None.
        test: ``bootstrap`` or ``randomization``.
        resampling: of the test and the intervals.
        n_pairs: how many of the most different sentences to show.

    Raises:
        DataError: there are no pairs.
    """
    if not pairs:
        raise DataError("nothing to compare: no record is in both files", code="empty_file")
    resampling = resampling or Resampling()
    checker = checker or checker_for(domain)
    judged_a = judge([first for first, _ in pairs], checker)
    judged_b = judge([second for _, second in pairs], checker)
    units = resampling_units([first for first, _ in pairs], resampling)
    scorers = make_scorers(domain, parts, checker)
    rows = [_row(scorer, judged_a, judged_b, units, test, resampling) for scorer in scorers]
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
        pairs=tuple(most_different(judged_a, judged_b, n_pairs, sentence)),
    )


def _row(
    scorer: Scorer,
    a: Sequence[Judged],
    b: Sequence[Judged],
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
