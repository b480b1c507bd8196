"""Scores of one outputs file, and its statistics per MR, small enough to be committed.

Paired tests need the sufficient statistics of both systems on the same requests, never their
outputs: a later session that has no runs can still compare old rows with new ones.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from d2t.io.hashing import sha256_json
from d2t.score.bootstrap import sum_by_unit
from d2t.score.checking import check_records
from d2t.score.fluency import Fluency, WorstWindow
from d2t.score.metric import make_scorers
from d2t.score.records import read_evaluation_records
from d2t.score.report.report import evaluate_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.language.ngram.fluency import NgramLanguageModel
    from d2t.mr.domain import Domain
    from d2t.score.metric import Part, Scorer
    from d2t.score.records import EvaluationRecord
    from d2t.score.tasks import GenerationTask
    from d2t.slots.checker import SlotChecker

KEPT = ("slot_error_rate", "exact_utterances", "order_accuracy", "sentence_plan")
"""Metrics whose statistics are committed; BLEU's too where the setting says ``text``."""
ERRORS = ("missing", "added", "wrong", "repeated")


def read_outputs(
    path: Path, tasks: Sequence[GenerationTask], domain: Domain
) -> list[EvaluationRecord]:
    """The outputs with the references of their MRs; a bad line raises, since we wrote the file."""
    references = {task.mr.key(): task.references for task in tasks}
    records, _ = read_evaluation_records(str(path), domain, strict=True)
    return [
        dataclasses.replace(record, references=references[record.mr.key()]) for record in records
    ]


def score_records(
    records: list[EvaluationRecord],
    domain: Domain,
    checker: SlotChecker,
    lm: NgramLanguageModel | None,
    *,
    several: bool,
    text: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scores and the statistics per MR of one setting.

    Args:
        records: outputs, with plans and references.
        domain: theirs.
        checker: of the domain.
        lm: scores fluency, if there is one.
        several: whether an MR occurs with several plans: text overlap is then left out, since
            references do not come in random orders (and it is the slowest part).
        text: whether BLEU's statistics are kept.
    """
    parts: tuple[Part, ...] = ("slots", "order") if several else ("slots", "order", "text")
    extra: list[Scorer] = []
    if lm is not None:
        extra = [scorer(lm, domain, checker) for scorer in (Fluency, WorstWindow)]
    report = evaluate_records(records, domain, parts=parts, checker=checker, extra=extra).as_dict()
    judged = check_records(records, checker)
    units = _units(records)
    scores = _as_entry(report)
    kept = (*KEPT, *(["bleu"] if text else []))
    statistics = {
        scorer.key: sum_by_unit(scorer.statistics(judged), units).astype(int).tolist()
        for scorer in make_scorers(domain, parts, checker)
        if scorer.key in kept and any(map(scorer.applies, judged))
    }
    asked = [[str(sorted(record.mr.slots)), record.id] for record in records]
    return scores, {"requests": sha256_json(asked)[:16], **statistics}


def _as_entry(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report is committed."""
    metrics: dict[str, Any] = report["metrics"]
    return {
        "n_records": report["n_records"],
        "metrics": {
            key: {name: metric[name] for name in ("score", "low", "high", "n")}
            for key, metric in metrics.items()
        },
        "signatures": {key: metric["signature"] for key, metric in metrics.items()},
        "counts": report["counts"],
        "slots": {
            name: [row[error] for error in ERRORS]
            for name, row in report["slots"].items()
            if any(row[error] for error in ERRORS)
        },
    }


def _units(records: Sequence[EvaluationRecord]) -> list[int]:
    found: dict[object, int] = {}
    return [found.setdefault(record.mr.key(), len(found)) for record in records]
