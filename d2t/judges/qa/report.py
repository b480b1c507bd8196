"""The QA metrics of many records: a line each, and the means with intervals, costs, signature.

Agreements are 0-100, QUALS and log-probabilities are nats.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from d2t.judges.qa.consistency import consistency, questeval
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import QualsOptions, quals
from d2t.score.bootstrap import percentile_interval, resampled_totals, sum_by_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d2t.judges.qa.consistency import ConsistencyScore, Kind, QuestEvalScore
    from d2t.judges.qa.quals import QualsScore
    from d2t.judges.qa.types import ContextPair, QuestionAnswerer
    from d2t.score.records import EvaluationRecord

Mode = Literal["quals", "consistency", "questeval"]
MODES: tuple[Mode, ...] = ("quals", "consistency", "questeval")
ERRORS: tuple[Kind, ...] = ("missing", "added", "wrong")


@dataclass(frozen=True, slots=True)
class QAOptions:
    """What is computed and how.

    Attributes:
        modes: which metrics.
        quals: how pairs are proposed.
        n_wordings: questions a slot in the consistency and QuestEval modes; None: all.
        threshold: a QUALS pair with a lower difference (nats per token) is shown as failing.
        batch_size: records judged together.
    """

    modes: tuple[Mode, ...] = MODES
    quals: QualsOptions = field(default_factory=QualsOptions)
    n_wordings: int | None = 2
    threshold: float = -0.5
    batch_size: int = 64


@dataclass
class QAReport:
    """Sums over records.

    Attributes:
        lines: scores of each record, by metric; None where a metric is undefined.
        units: which MR each record has, for the bootstrap.
        seconds: by mode.
        signature: what the scores depend on.
    """

    signature: str
    lines: list[dict[str, float | None]] = field(default_factory=list)
    units: list[object] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self, *, seed: int, n_resamples: int = 1000) -> dict[str, Any]:
        """Means with 95% intervals (bootstrap over MRs), undefined records, cost, signature."""
        names = dict.fromkeys(name for line in self.lines for name in line)
        numbers = {unit: at for at, unit in enumerate(dict.fromkeys(self.units))}
        units = [numbers[unit] for unit in self.units]
        n = len(self.lines)
        return {
            "n": n,
            "metrics": {name: self._metric(name, units, n_resamples, seed) for name in names},
            "seconds": {mode: round(s, 3) for mode, s in self.seconds.items()},
            "records_per_s": {mode: round(n / s, 2) for mode, s in self.seconds.items() if s},
            "signature": self.signature,
        }

    def _metric(
        self, name: str, units: Sequence[int], n_resamples: int, seed: int
    ) -> dict[str, Any]:
        values = [line.get(name) for line in self.lines]
        rows = np.array([[0.0, 0.0] if v is None else [v, 1.0] for v in values])
        count = int(rows[:, 1].sum())
        if not count:
            return {"score": None, "n": 0}
        score = float(rows[:, 0].sum() / count)
        totals = resampled_totals(sum_by_unit(rows, units), n_resamples, seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = percentile_interval(totals[:, 0] / totals[:, 1], score)
        return {"score": round(score, 4), "low": round(low, 4), "high": round(high, 4), "n": count}


def signature(answerer: QuestionAnswerer, options: QAOptions) -> str:
    """For example ``QA|dom:restaurant@9f3c|q:4b1e|model:77aa|...|wordings:2|v:0.1.0``."""
    from d2t._version import __version__

    domain = answerer.domain
    wordings = "all" if options.n_wordings is None else options.n_wordings
    quals, search = options.quals, ""
    if quals.propose == "diverse":
        search = f"/{quals.n_groups}/{quals.penalty:g}"
    return (
        f"QA|dom:{domain.name}@{domain.digest[:4]}|q:{answerer.questions.digest[:4]}"
        f"|model:{answerer.digest[:4]}|propose:{quals.propose}{search}|pairs:{quals.n_pairs}"
        f"|wordings:{wordings}|v:{__version__}"
    )


def judge_records(
    records: Sequence[EvaluationRecord],
    answerer: QuestionAnswerer,
    options: QAOptions,
    report: QAReport,
) -> Iterator[dict[str, Any]]:
    """Judge records in batches; a line each, in order, and the report grows beside.

    Scores of a record do not depend on the batch it is in.
    """
    for start in range(0, len(records), options.batch_size):
        chunk = records[start : start + options.batch_size]
        pairs = [context_pair(r.mr, r.text, answerer.domain, answerer.questions) for r in chunk]
        found: dict[Mode, Sequence[Any]] = {}
        for mode in options.modes:
            began = time.perf_counter()
            found[mode] = _SCORERS[mode](pairs, answerer, options)
            seconds = time.perf_counter() - began
            report.seconds[mode] = report.seconds.get(mode, 0.0) + seconds
        for at, record in enumerate(chunk):
            line: dict[str, Any] = {"id": record.id, "text": record.text}
            scores: dict[str, float | None] = {}
            for mode in options.modes:
                line[mode], flat = _AS_DICT[mode](found[mode][at], pairs[at], options)
                scores.update(flat)
            report.lines.append(scores)
            report.units.append(record.mr.key())
            yield line


def _quals_dict(
    score: QualsScore, record: ContextPair, options: QAOptions
) -> tuple[dict[str, Any], dict[str, float | None]]:
    numbers = {
        "precision": score.precision,
        "recall": score.recall,
        "sum": score.total,
        "mean": score.mean,
        "worst": score.worst,
    }
    failing = [
        {
            "from": scored.side,
            "slot": scored.pair.slot,
            "question": record.entities.show(scored.pair.question),
            "answer": record.entities.show(scored.pair.answer),
            "difference": round(scored.difference, 4),
        }
        for scored in score.failing(options.threshold)
    ]
    flat = {f"quals_{name}": value for name, value in numbers.items()}
    return {**_rounded(numbers), "pairs": len(score.pairs), "failing": failing}, flat


def _consistency_dict(
    score: ConsistencyScore, record: ContextPair, options: QAOptions
) -> tuple[dict[str, Any], dict[str, float | None]]:
    errors = score.errors()
    numbers = {
        "precision": _percent(score.precision),
        "recall": _percent(score.recall),
        "f1": _percent(score.f1),
        "mean_log_p": score.mean_log_p,
        "worst_log_p": score.worst_log_p,
    }
    counts: dict[str, int] = {kind: errors[kind] for kind in ERRORS}
    failing = [
        {
            "kind": answered.kind(score.none),
            "slot": answered.asked.slot,
            "question": record.entities.show(answered.asked.question),
            "expected": record.entities.show(answered.asked.expected[0]),
            "answer": answered.shown,
            "log_p": round(answered.log_p, 4),
        }
        for answered in score.failing()
    ]
    flat: dict[str, float | None] = {f"consistency_{name}": v for name, v in numbers.items()}
    flat |= {f"consistency_{kind}": float(count) for kind, count in counts.items()}
    flat["consistency_exact"] = _percent(not any(counts.values()))
    return {**_rounded(numbers), **counts, "failing": failing}, flat


def _questeval_dict(
    score: QuestEvalScore, record: ContextPair, options: QAOptions
) -> tuple[dict[str, Any], dict[str, float | None]]:
    numbers: dict[str, float | None] = {
        "precision": _percent(score.precision),
        "recall": _percent(score.recall),
        "score": _percent(score.score),
    }
    return _rounded(numbers), {f"questeval_{name}": value for name, value in numbers.items()}


def _percent(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _rounded(numbers: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in numbers.items()}


_SCORERS: dict[Mode, Callable[..., Sequence[Any]]] = {
    "quals": lambda pairs, answerer, options: quals(pairs, answerer, options.quals),
    "consistency": lambda pairs, answerer, options: consistency(
        pairs, answerer, n_wordings=options.n_wordings
    ),
    "questeval": lambda pairs, answerer, options: questeval(
        pairs, answerer, n_wordings=options.n_wordings, options=options.quals
    ),
}
_AS_DICT: dict[Mode, Callable[..., tuple[dict[str, Any], dict[str, float | None]]]] = {
    "quals": _quals_dict,
    "consistency": _consistency_dict,
    "questeval": _questeval_dict,
}
