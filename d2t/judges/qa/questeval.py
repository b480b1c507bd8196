"""Data-QuestEval (EMNLP 2021) as a mode of the same questions and answers; rules F4, F5.8.

Questions about the MR are asked of the text (recall), questions that the text gives rise to are
asked of the MR (precision). A question scores the mean of its answerability, ``1 - p(none)``, and
of the agreement of both answers; the third score of the original, BERTScore, needs pretrained
weights and is dropped. A direction without questions scores 0, as in the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.judges.qa.consistency import answer_questions
from d2t.judges.qa.contexts import ContextQuestion, all_questions
from d2t.judges.qa.quals import QualsOptions, proposed_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.consistency import QuestionAnswer
    from d2t.judges.qa.types import ContextPair, QuestionAnswerer


@dataclass(frozen=True, slots=True)
class QuestEvalScore:
    """Data-QuestEval of one record, each 0 to 1.

    Attributes:
        precision: of the text's questions, asked of the MR.
        recall: of the MR's questions, asked of the text.
    """

    precision: float
    recall: float

    @property
    def score(self) -> float:
        """The mean of both directions."""
        return (self.precision + self.recall) / 2


def questeval(
    records: Sequence[ContextPair],
    answerer: QuestionAnswerer,
    *,
    n_wordings: int | None = 2,
    options: QualsOptions | None = None,
) -> list[QuestEvalScore]:
    """Both directions for every record, batched over all of them.

    Args:
        records: texts and MRs.
        answerer: proposes the text's questions, and answers.
        n_wordings: in how many wordings the MR's slots are asked for; None: in all.
        options: how the text's questions are proposed; None: as ``QualsOptions()``.
    """
    texts, data = [r.text for r in records], [r.data for r in records]
    about_mr = [
        (at, asked)
        for at, record in enumerate(records)
        for asked in all_questions(
            record, answerer.domain, answerer.questions, n_wordings=n_wordings
        )
        if asked.said
    ]
    pairs = proposed_pairs(records, texts, answerer, options or QualsOptions())
    about_text = [
        (
            at,
            ContextQuestion(
                pair.slot or "", pair.question, _same(pair.answer, pair.slot, answerer), True
            ),
        )
        for at, found in enumerate(pairs)
        for pair in found
    ]
    recall = _means(len(records), about_mr, answer_questions(texts, records, about_mr, answerer))
    precision = _means(
        len(records), about_text, answer_questions(data, records, about_text, answerer)
    )
    return [QuestEvalScore(p, r) for p, r in zip(precision, recall, strict=True)]


def _same(answer: str, slot: str | None, answerer: QuestionAnswerer) -> tuple[str, ...]:
    """An answer and the values that tell a reader the same."""
    spec = answerer.domain.slot(slot or "")
    value = next((v for v in spec.values if v.lower() == answer), None)
    if value is None:
        return (answer,)
    merged = spec.merged(value)
    same = [v.lower() for v in spec.values if spec.merged(v) == merged]
    return tuple(dict.fromkeys([answer, *same]))


def _means(
    n: int, asked: Sequence[tuple[int, ContextQuestion]], answered: Sequence[QuestionAnswer]
) -> list[float]:
    """The mean score of each record's questions; 0 where there are none."""
    scores: list[list[float]] = [[] for _ in range(n)]
    for (at, _), one in zip(asked, answered, strict=True):
        scores[at].append((1 - one.p_none + one.similarity) / 2)
    return [sum(row) / len(row) if row else 0.0 for row in scores]
