"""Judge the records of one condition, once: a JSON a condition, found again by what it answers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_json
from d2t.judges.qa.consistency import consistency
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import QualsOptions, QualsScore, quals
from d2t.judges.qa.questeval import questeval
from experiments.runner.files import is_current

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.judges.qa.reader import QAReader
    from d2t.judges.qa.types import ContextPair
    from d2t.slots.checker import SlotChecker
    from experiments.faithfulness.qa_corruptions import Judged

BATCH = 64
Row = dict[str, float | None]


def judge(
    records: Sequence[Judged],
    reader: QAReader,
    checker: SlotChecker,
    path: Path,
    *,
    n_wordings: int,
    diverse: bool = False,
) -> dict[str, Any]:
    """Scores of every record and the seconds each mode took; read from ``path`` when it fits."""
    identity = {
        "records": sha256_json([[r.id, [str(s) for s in r.mr.slots], r.text] for r in records]),
        "model": reader.digest,
        "questions": reader.questions.digest,
        "lexicon": checker.lexicon_digest,
        "n_wordings": n_wordings,
        "diverse": diverse,
    }
    if is_current(path, identity):
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    rows: list[Row] = []
    seconds: dict[str, float] = {}
    for start in range(0, len(records), BATCH):
        chunk = records[start : start + BATCH]
        rows += _rows(chunk, reader, checker, seconds, n_wordings=n_wordings, diverse=diverse)
    kinds = [record.kind for record in records]
    made = {
        "identity": identity, "n": len(rows), "seconds": seconds, "rows": rows, "kinds": kinds
    }  # fmt: skip
    atomic_write_json(path, made)
    return made


def _rows(
    chunk: Sequence[Judged],
    reader: QAReader,
    checker: SlotChecker,
    seconds: dict[str, float],
    *,
    n_wordings: int,
    diverse: bool,
) -> list[Row]:
    pairs = [context_pair(r.mr, r.text, reader.domain, reader.questions) for r in chunk]

    def timed(name: str, call: Callable[[], Any]) -> Any:
        """The result; its time is added up."""
        began = time.perf_counter()
        result = call()
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
        return result

    reports = timed(
        "checker", lambda: [checker.check(r.text, r.mr, merge_synonyms=True) for r in chunk]
    )
    if diverse:
        # The source's QUALS and its QAGS ask what the text gives rise to: these two compare.
        options = QualsOptions("diverse")
        own = timed("quals_diverse", lambda: quals(pairs, reader, options, sides=("text",)))
        timed("qags", lambda: qags(pairs, reader, options))
        back = timed("quals_diverse_recall", lambda: quals(pairs, reader, options, sides=("mr",)))
        scores = [QualsScore((*a.pairs, *b.pairs)) for a, b in zip(own, back, strict=True)]
        return [
            _quals_row(score, r.slot, "diverse") for score, r in zip(scores, chunk, strict=True)
        ]
    q = timed("quals", lambda: quals(pairs, reader))
    c = timed("consistency", lambda: consistency(pairs, reader, n_wordings=n_wordings))
    e = timed("questeval", lambda: questeval(pairs, reader, n_wordings=n_wordings))
    held = timed("held_out_wordings", lambda: consistency(pairs, reader, held_out=True))
    return [
        {
            "checker": -float(reports[at].n_errors),
            "n_slots": float(len(record.mr.slots)),
            **_quals_row(q[at], record.slot, "quals"),
            "consistency_f1": c[at].f1,
            "consistency_mean_log_p": c[at].mean_log_p,
            "consistency_worst_log_p": c[at].worst_log_p,
            "held_out_wordings_f1": held[at].f1,
            "held_out_wordings_worst_log_p": held[at].worst_log_p,
            "questeval": e[at].score,
        }
        for at, record in enumerate(chunk)
    ]


def qags(pairs: Sequence[ContextPair], reader: QAReader, options: QualsOptions) -> list[float]:
    """The steps of QAGS with one model: generate questions, answer each on both contexts.

    For its cost: the share of answers that agree (no token F1, which costs nothing).
    """
    texts, data = [p.text for p in pairs], [p.data for p in pairs]
    found = reader.proposals(texts, n_groups=options.n_groups, penalty=options.penalty)
    rows = [(at, pair.question) for at, some in enumerate(found) for pair in dict.fromkeys(some)]
    on_text, on_data = reader.answers(texts, rows), reader.answers(data, rows)
    agree: list[list[bool]] = [[] for _ in pairs]
    for (at, _), one, other in zip(rows, on_text, on_data, strict=True):
        agree[at].append(one == other)
    return [sum(some) / len(some) if some else 0.0 for some in agree]


def _quals_row(score: QualsScore, slot: str, name: str) -> Row:
    """Every reading of QUALS; ``rest`` leaves the pairs about the wrong slot out (rule F5.3)."""
    rest = [p.difference for p in score.pairs if p.pair.slot != slot and p.side == "text"]
    back = [p.difference for p in score.pairs if p.pair.slot != slot and p.side == "mr"]
    answers = [p.answer_difference for p in score.pairs]
    return {
        f"{name}_precision": score.precision,
        f"{name}_recall": score.recall,
        f"{name}_sum": score.total,
        f"{name}_mean": score.mean,
        f"{name}_worst": score.worst,
        f"{name}_answers_only": sum(answers) / len(answers) if answers else None,
        f"{name}_rest_precision": sum(rest) / len(rest) if rest else None,
        f"{name}_rest_recall": sum(back) / len(back) if back else None,
    }
