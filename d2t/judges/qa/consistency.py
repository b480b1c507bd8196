"""QAGS-style consistency (rule F5.2) and Data-QuestEval (rules F4, F5.8), by the same questions.

The questions are templates and the MR answers its own questions exactly, so of the four steps of
QAGS (rule F1.1) the last two are kept; "QAGS-style" is the name for that. Each answer is compared
by token F1 where the slot is copied (names, numbers) and by identity, synonyms merged, where its
values are a closed list: ``3 out of 5`` is no three quarters of ``5 out of 5``.

Beside the answers stands how likely the expected one is, ``log p(expected | question, text)``: the
same judgement with degrees, of which the worst question decides best whether a text has any error.

Data-QuestEval (EMNLP 2021) has two directions: questions about the MR are asked of the text
(recall), questions that the text gives rise to are asked of the MR (precision). A question scores
the mean of its answerability, ``1 - p(none)``, and of the agreement of both answers; the third
score of the original, BERTScore, needs pretrained weights and is dropped. A direction without
questions scores 0, as in the original.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from d2t.judges.qa.contexts import ContextQuestion, all_questions
from d2t.judges.qa.entities import COPIED_KINDS
from d2t.judges.qa.quals import QualsOptions, mean_or_none, proposed_pairs
from d2t.judges.qa.types import QAPair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.types import ContextPair, QuestionAnswerer


Kind = Literal["ok", "missing", "added", "wrong"]


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """One question about a record and what the text answers.

    Attributes:
        asked: the question and what was expected.
        answer: what the text answers, as the model writes it.
        shown: the same with names in place.
        similarity: with the expected answer, 0 to 1.
        log_p: log-probability of the expected answers, summed over synonyms.
        p_none: probability that the text does not say.
    """

    asked: ContextQuestion
    answer: str
    shown: str
    similarity: float
    log_p: float
    p_none: float

    def kind(self, none: str) -> Kind:
        """What is wrong, if anything."""
        if self.answer in self.asked.expected:
            return "ok"
        if self.answer == none:
            return "missing"
        return "wrong" if self.asked.said else "added"


@dataclass(frozen=True, slots=True)
class ConsistencyScore:
    """Consistency of one record.

    Attributes:
        answered: every question.
        none: the answer that says nothing.
    """

    answered: tuple[QuestionAnswer, ...]
    none: str

    @property
    def precision(self) -> float | None:
        """Mean agreement of what the text does answer; None when it answers nothing."""
        return mean_or_none([a.similarity for a in self.answered if a.answer != self.none])

    @property
    def recall(self) -> float | None:
        """Mean agreement over the questions about the MR's slots."""
        return mean_or_none([a.similarity for a in self.answered if a.asked.said])

    @property
    def f1(self) -> float:
        """Harmonic mean; 1 where neither side says anything."""
        p, r = self.precision, self.recall
        if p is None and r is None:
            return 1.0
        p, r = p or 0.0, r or 0.0
        return 2 * p * r / (p + r) if p + r else 0.0

    @property
    def mean_log_p(self) -> float:
        """Mean log-probability of what the MR expects; 0 is certainty."""
        return mean_or_none([a.log_p for a in self.answered]) or 0.0

    @property
    def worst_log_p(self) -> float:
        """That of the slot, or value of a list slot, with the lowest mean over its wordings."""
        by_slot: dict[tuple[str, str | None], list[float]] = {}
        for answered in self.answered:
            key = (answered.asked.slot, answered.asked.value)
            by_slot.setdefault(key, []).append(answered.log_p)
        return min((sum(logs) / len(logs) for logs in by_slot.values()), default=0.0)

    def errors(self) -> Counter[Kind]:
        """Slots by kind of error: the kind that most wordings of a question agree on.

        Where as many say one as the other (of two wordings, one each), the first wording decides.
        Each value of a list slot counts by itself.
        """
        by_slot: dict[tuple[str, str | None], Counter[Kind]] = {}
        for answered in self.answered:
            key = (answered.asked.slot, answered.asked.value)
            by_slot.setdefault(key, Counter())[answered.kind(self.none)] += 1
        return Counter(kinds.most_common(1)[0][0] for kinds in by_slot.values())

    def failing(self) -> list[QuestionAnswer]:
        """The questions that are not answered as the MR would, least expected answers first."""
        wrong = (a for a in self.answered if a.kind(self.none) != "ok")
        return sorted(wrong, key=lambda answered: answered.log_p)


def consistency(
    records: Sequence[ContextPair],
    answerer: QuestionAnswerer,
    *,
    n_wordings: int | None = 2,
    held_out: bool = False,
) -> list[ConsistencyScore]:
    """Ask every text about every slot; batched over all records.

    Args:
        records: what is judged.
        answerer: the model.
        n_wordings: of each slot; None: all.
        held_out: ask with the wordings that the model was not trained on.
    """
    domain, questions = answerer.domain, answerer.questions
    asked = [
        (at, question)
        for at, record in enumerate(records)
        for question in all_questions(
            record, domain, questions, n_wordings=n_wordings, held_out=held_out
        )
    ]
    answered = answer_questions([r.text for r in records], records, asked, answerer)
    rows: list[list[QuestionAnswer]] = [[] for _ in records]
    for (at, _), one in zip(asked, answered, strict=True):
        rows[at].append(one)
    return [ConsistencyScore(tuple(row), questions.none) for row in rows]


def answer_questions(
    contexts: Sequence[str],
    records: Sequence[ContextPair],
    asked: Sequence[tuple[int, ContextQuestion]],
    answerer: QuestionAnswerer,
) -> list[QuestionAnswer]:
    """Answers, and the probabilities of ``none`` and of what is expected."""
    none, domain = answerer.questions.none, answerer.domain
    given = answerer.answers(contexts, [(at, question.question) for at, question in asked])
    wanted = {
        (at, QAPair(question.question, answer))
        for at, question in asked
        for answer in (*question.expected, none)
    }
    rows = sorted(wanted, key=lambda row: (row[0], row[1].question, row[1].answer))
    logs = {
        row: log.answer for row, log in zip(rows, answerer.log_probs(contexts, rows), strict=True)
    }
    found = []
    for (at, question), answer in zip(asked, given, strict=True):
        of = {a: logs[at, QAPair(question.question, a)] for a in (*question.expected, none)}
        entities = records[at].entities
        copied = domain.slot(question.slot).kind in COPIED_KINDS and answer != none
        similarity = float(answer in question.expected)
        if copied and question.said and not similarity:
            similarity = max(
                token_f1(entities.show(answer), entities.show(e)) for e in question.expected
            )
        found.append(
            QuestionAnswer(
                asked=question,
                answer=answer,
                shown=entities.show(answer),
                similarity=similarity,
                log_p=_log_sum([of[expected] for expected in question.expected]),
                p_none=math.exp(min(0.0, of[none])),
            )
        )
    return found


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return min(0.0, top + math.log(sum(math.exp(log - top) for log in logs)))


_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"\w+|[^\w\s]")


def answer_words(answer: str) -> list[str]:
    """Lower-cased words; punctuation and articles are left out, currency signs stay."""
    words = (word.lower() for word in _WORD.findall(answer))
    return [w for w in words if w not in _ARTICLES and (w.isalnum() or w in "£$€")]


def token_f1(first: str, second: str) -> float:
    """Harmonic mean of the shares of words that two answers have in common, 0 to 1 (rule F1.1)."""
    ours, theirs = answer_words(first), answer_words(second)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


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
