"""How one way of decoding is judged: slot errors by two judges, BLEU, length, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from d2t.judges.parser.learned_parser import labels_of, merged_labels
from d2t.language.template import template_of
from d2t.score.bootstrap import Resampling, paired_bootstrap
from d2t.score.metric import ratio
from d2t.score.records import EvaluationRecord
from d2t.score.report.report import evaluate_records
from d2t.slots.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.judges.parser.learned_parser import LearnedParser
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.bootstrap import FloatArray
    from d2t.slots.types import Alignment, SlotReport

KINDS = ("missing", "wrong", "added", "repeated")


class Checked(Protocol):
    """A text that a checker has read."""

    @property
    def report(self) -> SlotReport:
        """What it found."""
        ...


def judged(
    said: Sequence[Hypothesis],
    plain: Sequence[Hypothesis],
    examples: Sequence[Example],
    domain: Domain,
    parser: LearnedParser | None,
) -> dict[str, Any]:
    """Errors in % of the slots, exact texts, BLEU; differences to ``plain`` with their intervals.

    Args:
        said: texts of the arm.
        plain: of greedy search, for the same requests.
        examples: their references.
        domain: for BLEU's records and the parser's labels.
        parser: the second judge, which no decoder has looked at; None: there is none.
    """
    tally = Tally()
    for hypothesis in said:
        tally.add(hypothesis.report)
    counts = errors_of(said).sum(axis=0)
    records = [
        EvaluationRecord(e.id, e.mr, h.text, None, e.references)
        for e, h in zip(examples, said, strict=True)
    ]
    report = evaluate_records(
        records, domain, parts=("text",), resampling=Resampling(n_resamples=0)
    )
    found: dict[str, Any] = {
        "n": len(said),
        **{kind: percent(counts[k], counts[4]) for k, kind in enumerate(KINDS)},
        "ser": tally.ser,
        "exact": 100 * sum(h.status == "ok" for h in said) / len(said),
        "bleu": report.score("bleu"),
        "words": float(np.mean([len(h.text.split()) for h in said])),
        "against_greedy": {
            kind: difference(errors_of(plain)[:, [k, 4]], errors_of(said)[:, [k, 4]])
            for k, kind in enumerate(KINDS)
        },
    }
    if parser is not None:
        read = parser_errors([(h.mr, h.alignment) for h in said], domain, parser).sum(axis=0)
        found["parser"] = {
            "missing": percent(read[0], read[2]), "wrong_or_added": percent(read[1], read[2])
        }  # fmt: skip
    return found


def missing_rows(
    said: Sequence[Hypothesis], domain: Domain, parser: LearnedParser | None
) -> dict[str, str]:
    """By judge, of each text the missing and all slots, as ``1/5 0/4 ...``: for paired tests."""
    found = {"missing": errors_of(said)[:, [0, 4]]}
    if parser is not None:
        read = parser_errors([(h.mr, h.alignment) for h in said], domain, parser)
        found["parser missing"] = read[:, [0, 2]]
    return {
        judge: " ".join(f"{missing:.0f}/{of:.0f}" for missing, of in rows)
        for judge, rows in found.items()
    }


def read_rows(text: str) -> FloatArray:
    """``(texts, 2)``: what ``missing_rows`` wrote."""
    return np.array([row.split("/") for row in text.split()], dtype=np.float64)


def errors_of(said: Sequence[Checked]) -> FloatArray:
    """``(texts, 5)``: missing, wrong, added, repeated, slots."""
    return np.array(
        [[*(len(getattr(h.report, kind)) for kind in KINDS), h.report.n_slots] for h in said],
        dtype=np.float64,
    )


def percent(part: float, whole: float) -> float:
    """100 part / whole; 0 of nothing."""
    return 100 * float(part) / float(whole) if whole else 0.0


def difference(plain: FloatArray, other: FloatArray) -> dict[str, float]:
    """Of the error rates, in points, with a paired bootstrap over MRs."""
    result = paired_bootstrap(
        lambda totals: ratio(totals[:, 0], totals[:, 1]), plain, other, Resampling()
    )
    return {"difference": result.difference, "low": result.low, "high": result.high,
            "p": result.p_value}  # fmt: skip


def parser_errors(
    said: Sequence[tuple[MeaningRepresentation, Alignment]], domain: Domain, parser: LearnedParser
) -> FloatArray:
    """``(texts, 3)``: labels missing, added or wrong, and wanted, synonyms taken as one."""
    rows = []
    for (mr, _), read in zip(
        said, parser.parse([template_of(alignment, domain) for _, alignment in said]), strict=True
    ):
        wanted = labels_of(mr.slots, domain, merge_synonyms=True)
        heard = merged_labels(read.slots, domain)
        missing = len({name for name, _ in wanted} - {name for name, _ in heard})
        rows.append([missing, len(heard - wanted), len(wanted)])
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
