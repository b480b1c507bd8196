"""A question answerer that follows a table, for tests of the QA metrics' formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.types import PairLogs, QAPair
from d2t.mr.domain import load_domain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.questions import QuestionSet
    from d2t.mr.domain import Domain

TINY_SOURCE = {
    "subject": "name",
    "none": "none",
    "slots": {
        name: {"ask": [f"{name} a?", f"{name} b?"], "held_out": [f"{name} c?"]}
        for name in load_domain("restaurant").slot_names
    },
}


class ScriptedAnswerer:
    """Answers by (tag of the context, question); log-probabilities by (tag, question, answer).

    Attributes:
        known: answers; everything else is answered ``none``.
        logs: the two token log-probabilities of question and answer; ``default`` where not given.
        calls: batches asked for, by method.
    """

    digest = "0123"

    def __init__(
        self,
        known: dict[tuple[str, str], str],
        logs: dict[tuple[str, str, str], tuple[float, float]],
        *,
        default: tuple[float, float] = (-1.0, -1.0),
        questions: QuestionSet | None = None,
        proposed: dict[str, list[QAPair]] | None = None,
    ) -> None:
        self.domain: Domain = load_domain("restaurant")
        self.questions = questions or load_questions(self.domain)
        self.known, self.logs, self.default = known, logs, default
        self.proposed = proposed or {}
        self.calls: list[str] = []

    def log_probs(
        self, contexts: Sequence[str], rows: Sequence[tuple[int, QAPair]]
    ) -> list[PairLogs]:
        self.calls.append("log_probs")
        return [
            PairLogs(self.logs.get((contexts[at][:4], pair.question, pair.answer), self.default), 1)
            for at, pair in rows
        ]

    def answers(self, contexts: Sequence[str], rows: Sequence[tuple[int, str]]) -> list[str]:
        self.calls.append("answers")
        return [self.known.get((contexts[at][:4], question), "none") for at, question in rows]

    def proposals(
        self, contexts: Sequence[str], *, n_groups: int, penalty: float
    ) -> list[list[QAPair]]:
        self.calls.append("proposals")
        return [self.proposed.get(context[:4], []) for context in contexts]
