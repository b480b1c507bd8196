"""Scores of one outputs file, and its statistics per MR, small enough to be committed.

Paired tests need the sufficient statistics of both systems on the same requests, never their
outputs: a later session that has no runs can still compare old rows with new ones.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.evaluate.bootstrap import percentile_interval, resampled_totals, sum_by_unit
from d2t.evaluate.fluency import template_of
from d2t.evaluate.judged import judge
from d2t.evaluate.records import read_evaluation_records
from d2t.evaluate.report import evaluate_records, make_scorers
from d2t.io.hashing import sha256_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.evaluate.bootstrap import FloatArray
    from d2t.evaluate.fluency import NgramLanguageModel
    from d2t.evaluate.judged import Judged
    from d2t.evaluate.records import EvaluationRecord
    from d2t.evaluate.report import Part
    from d2t.evaluate.tasks import GenerationTask
    from d2t.mr.domain import Domain
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
    report = evaluate_records(records, domain, parts=parts, checker=checker).as_dict()
    judged = judge(records, checker)
    units = _units(records)
    metrics: dict[str, Any] = dict(report["metrics"])
    if lm is not None:
        metrics["lm"] = _fluency(judged, units, domain, lm)
    scores = {
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
    kept = (*KEPT, *(["bleu"] if text else []))
    statistics = {
        scorer.key: sum_by_unit(scorer.statistics(judged), units).astype(int).tolist()
        for scorer in make_scorers(domain, parts, checker)
        if scorer.key in kept and any(map(scorer.applies, judged))
    }
    asked = [[str(sorted(record.mr.slots)), record.id] for record in records]
    return scores, {"requests": sha256_json(asked)[:16], **statistics}


def _units(records: Sequence[EvaluationRecord]) -> list[int]:
    found: dict[object, int] = {}
    return [found.setdefault(record.mr.key(), len(found)) for record in records]


def _fluency(
    judged: Sequence[Judged], units: list[int], domain: Domain, lm: NgramLanguageModel
) -> dict[str, Any]:
    """Nats per token (the negative mean log-probability): lower is more fluent."""
    logs = lm.token_scores([template_of(item.report.alignment, domain) for item in judged])
    rows = np.asarray([[-float(part.sum()), len(part)] for part in logs])
    per_mr = sum_by_unit(rows, units)

    def score(totals: FloatArray) -> FloatArray:
        ratio: FloatArray = totals[:, 0] / totals[:, 1]
        return ratio

    point = float(score(per_mr.sum(axis=0, keepdims=True))[0])
    low, high = percentile_interval(score(resampled_totals(per_mr, 1000, 12345)), point)
    numbers = {"score": point, "low": low, "high": high}
    signature = f"LM nats/token|{lm.signature}"
    rounded: dict[str, Any] = {name: round(value, 4) for name, value in numbers.items()}
    return {**rounded, "n": len(judged), "signature": signature}


def write_statistics(path: Path, statistics: dict[str, Any]) -> None:
    """Write them compressed; equal content gives equal bytes."""
    text = json.dumps(statistics, separators=(",", ":"), sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    temporary.replace(path)
