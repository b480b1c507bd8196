"""What the metrics and their model pass to each other: contexts, pairs, log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.entities import Entities
    from d2t.judges.qa.questions import QuestionSet
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

TEXT_TAG, MR_TAG, ANSWER = "<txt>", "<mr>", "<ans>"
"""What a context begins with, and what stands between a question and its answer."""


@dataclass(frozen=True, slots=True)
class QAPair:
    """A question with an answer, as the model reads them (lower case, ``<ent:k>`` for names).

    Attributes:
        slot: what is asked for; None where a free question fits no wording of the domain.
        value: of a list slot: the value that is asked about.
    """

    question: str
    answer: str
    slot: str | None = None
    value: str | None = None

    @property
    def target(self) -> str:
        """``question SEP answer`` (rule F1.2)."""
        return f"{self.question} {ANSWER} {self.answer}"


@dataclass(frozen=True)
class ContextPair:
    """The two contexts of one record, and what their symbols stand for.

    Attributes:
        text: tagged utterance.
        data: tagged linearized MR.
        mr: the meaning representation.
        entities: shared by both contexts.
        subject: the symbol (or words) of the subject slot's value, when there is exactly one.
    """

    text: str
    data: str
    mr: MeaningRepresentation
    entities: Entities
    subject: str | None


@dataclass(frozen=True, slots=True)
class PairLogs:
    """Teacher-forced natural log-probabilities of one pair's tokens under one context.

    Attributes:
        tokens: of the question, the separator, the answer and the end, in order.
        n_question: how many of them belong to the question, the separator included.
    """

    tokens: tuple[float, ...]
    n_question: int

    @property
    def total(self) -> float:
        """``log p(q, a | context)``."""
        return sum(self.tokens)

    @property
    def mean(self) -> float:
        """``lm(q, a | context)`` of rule F1.2, step 4."""
        return self.total / len(self.tokens)

    @property
    def answer(self) -> float:
        """``log p(a | q, context)``, the end included."""
        return sum(self.tokens[self.n_question :])


class QuestionAnswerer(Protocol):
    """A model that scores and answers questions about contexts. Calls are batched inside.

    ``contexts`` are tagged templates; ``rows`` say which context each item is about.
    """

    domain: Domain
    questions: QuestionSet

    @property
    def digest(self) -> str:
        """Identifies the weights, for signatures."""
        ...

    def log_probs(
        self, contexts: Sequence[str], rows: Sequence[tuple[int, QAPair]]
    ) -> list[PairLogs]:
        """Teacher-forced scores, without dropout and without any search penalty."""
        ...

    def answers(self, contexts: Sequence[str], rows: Sequence[tuple[int, str]]) -> list[str]:
        """The likeliest answer to each question (greedy)."""
        ...

    def proposals(
        self, contexts: Sequence[str], *, n_groups: int, penalty: float
    ) -> list[list[QAPair]]:
        """Pairs by diverse beam search, ``n_groups`` a context, badly formed ones left out."""
        ...
