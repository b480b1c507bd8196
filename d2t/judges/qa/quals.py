"""QUALS (ACL 2021): pairs that are likely given one context, scored under both; rules F1.2, F5.3.

    lm(q, a | t) = 1/T sum_i log p(y_i | y_<i, t),   y = q SEP a EOS
    QUALS(S; D)  = 1/M sum_m [ lm(q_m, a_m | D) - lm(q_m, a_m | S) ]

S is the context that proposed the pairs, D the other one. Both terms are teacher-forced by the same
pass without dropout: the original takes the second from its diverse beam search, whose scores hold
the diversity penalty, which biases QUALS upward (rule F1.2, end).

Departures, forced by records instead of documents: questions are templates, answers are values of
the domain; "the answer occurs in the text" becomes "the model, asked the question, gives this
answer" (round trip), because texts word values in their own way; pairs whose answer is ``none`` are
left out; equal answers to different slots, or about different values of a list slot, count as
different answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from d2t.judges.qa.questions import fill
from d2t.judges.qa.types import QAPair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.types import ContextPair, PairLogs, QuestionAnswerer

Side = Literal["text", "mr"]
"""The context that proposed a pair: ``text`` is the original direction, precision."""
SIDES: tuple[Side, ...] = get_args(Side)


CLOSED_WORDINGS = 3
"""Wordings of a slot that the closed proposals ask; training sees all (rule F5.3 has three)."""


@dataclass(frozen=True, slots=True)
class QualsOptions:
    """How pairs are proposed and how many are kept.

    Attributes:
        propose: ``closed``: every slot of the domain is asked for in three wordings, the model's
            own answers make the pairs, exactly and deterministically; ``diverse``: beam search in
            groups of one beam with a Hamming penalty, as in the original.
        n_pairs: a pass over the distinct answers that reaches this number is the last (10).
        n_groups: of the diverse search (60).
        penalty: taken off a token for each earlier group that chose it at the same step (0.5).
    """

    propose: Literal["closed", "diverse"] = "closed"
    n_pairs: int = 10
    n_groups: int = 60
    penalty: float = 0.5


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One pair and what it contributes.

    Attributes:
        side: the context that proposed it.
        own: its log-probabilities under that context.
        other: and under the other one.
    """

    side: Side
    pair: QAPair
    own: PairLogs
    other: PairLogs

    @property
    def difference(self) -> float:
        """``lm(other) - lm(own)``: near 0 where both contexts say it, very negative otherwise."""
        return self.other.mean - self.own.mean

    @property
    def answer_difference(self) -> float:
        """The same for the answer's tokens alone, summed; it does not see what is never asked."""
        return self.other.answer - self.own.answer


@dataclass(frozen=True, slots=True)
class QualsScore:
    """QUALS of one record, in nats per token; None where there is no pair."""

    pairs: tuple[ScoredPair, ...]

    @property
    def precision(self) -> float | None:
        """Pairs from the text, MR minus text: the original."""
        return mean_or_none([pair.difference for pair in self.pairs if pair.side == "text"])

    @property
    def recall(self) -> float | None:
        """Pairs from the MR, text minus MR."""
        return mean_or_none([pair.difference for pair in self.pairs if pair.side == "mr"])

    @property
    def total(self) -> float | None:
        """Precision plus recall; a side without pairs adds nothing.

        Where both sides propose the same pairs, what one gains the other loses, and the sum is 0:
        it measures what only one side would ask. The worst pair is not blind to the rest.
        """
        sides = [side for side in (self.precision, self.recall) if side is not None]
        return sum(sides) if sides else None

    @property
    def mean(self) -> float | None:
        """Over the pairs of both sides."""
        return mean_or_none([pair.difference for pair in self.pairs])

    @property
    def worst(self) -> float | None:
        """The lowest difference: an average hides one error among ten pairs (rule F5.3)."""
        return min((pair.difference for pair in self.pairs), default=None)

    def failing(self, threshold: float) -> list[ScoredPair]:
        """The pairs below a threshold, worst first: the explanation."""
        low = (pair for pair in self.pairs if pair.difference < threshold)
        return sorted(low, key=lambda pair: pair.difference)


def select_pairs(candidates: Sequence[tuple[QAPair, float]], n_pairs: int) -> list[QAPair]:
    """Rule F1.2, step 2: round-robin over distinct answers, likeliest pairs first.

    Args:
        candidates: pairs with their *total* log-likelihood under the proposing context.
        n_pairs: stop after a pass in which so many are held, or nothing was added. Each distinct
            answer is kept at least once, so there can be more.
    """
    by_answer: dict[tuple[str | None, str | None, str], list[QAPair]] = {}
    for pair, _ in sorted(candidates, key=lambda item: -item[1]):
        queue = by_answer.setdefault((pair.slot, pair.value, pair.answer.lower()), [])
        if all(pair.question != held.question for held in queue):
            queue.append(pair)
    kept: list[QAPair] = []
    turn = 0
    while len(kept) < n_pairs:
        added = [queue[turn] for queue in by_answer.values() if turn < len(queue)]
        if not added:
            break
        kept += added
        turn += 1
    return kept


def quals(
    records: Sequence[ContextPair],
    answerer: QuestionAnswerer,
    options: QualsOptions | None = None,
    *,
    sides: Sequence[Side] = SIDES,
) -> list[QualsScore]:
    """The pairs of some sides (both: two-sided) for every record, batched over all of them."""
    options = options or QualsOptions()
    contexts = {"text": [r.text for r in records], "mr": [r.data for r in records]}
    others: dict[Side, Side] = {"text": "mr", "mr": "text"}
    scored = [
        _one_side(side, records, contexts[side], contexts[others[side]], answerer, options)
        for side in sides
    ]
    return [
        QualsScore(tuple(pair for side in scored for pair in side[at]))
        for at in range(len(records))
    ]


def proposed_pairs(
    records: Sequence[ContextPair],
    contexts: Sequence[str],
    answerer: QuestionAnswerer,
    options: QualsOptions,
) -> list[list[QAPair]]:
    """Pairs that each context gives rise to, those answered ``none`` left out."""
    none = answerer.questions.none
    if options.propose == "closed":
        asked = [
            (at, pair) for at, record in enumerate(records) for pair in _closed(record, answerer)
        ]
        answers = answerer.answers(contexts, [(at, pair.question) for at, pair in asked])
        rows = [
            (at, replace(pair, answer=answer))
            for (at, pair), answer in zip(asked, answers, strict=True)
        ]
    else:
        found = answerer.proposals(contexts, n_groups=options.n_groups, penalty=options.penalty)
        asked_of = [_by_question(record, answerer) for record in records]
        rows = [
            (at, replace(asked_of[at].get(pair.question, pair), answer=pair.answer))
            for at, pairs in enumerate(found)
            for pair in dict.fromkeys(pairs)
        ]
        answers = answerer.answers(contexts, [(at, pair.question) for at, pair in rows])
        rows = [row for row, answer in zip(rows, answers, strict=True) if row[1].answer == answer]
    proposed: list[list[QAPair]] = [[] for _ in records]
    for at, pair in rows:
        if pair.answer not in (none, ""):
            proposed[at].append(pair)
    return proposed


def _one_side(
    side: Side,
    records: Sequence[ContextPair],
    own: Sequence[str],
    other: Sequence[str],
    answerer: QuestionAnswerer,
    options: QualsOptions,
) -> list[list[ScoredPair]]:
    """Propose under ``own``, select, score under both."""
    proposed = proposed_pairs(records, own, answerer, options)
    rows = [(at, pair) for at, pairs in enumerate(proposed) for pair in pairs]
    logs = dict(zip(rows, answerer.log_probs(own, rows), strict=True))
    kept = [
        (at, pair)
        for at, pairs in enumerate(proposed)
        for pair in select_pairs([(p, logs[at, p].total) for p in pairs], options.n_pairs)
    ]
    scored: list[list[ScoredPair]] = [[] for _ in records]
    for (at, pair), there in zip(kept, answerer.log_probs(other, kept), strict=True):
        scored[at].append(ScoredPair(side, pair, logs[at, pair], there))
    return scored


def _closed(
    record: ContextPair, answerer: QuestionAnswerer, *, every: bool = False
) -> list[QAPair]:
    """The questions that are asked about a record (or can be), without an answer yet.

    A list slot is asked about with its first wording alone: once for each value is often enough.
    """
    found = []
    for name, asking in answerer.questions.slots.items():
        usable = asking.usable(subject=record.subject is not None)
        if not asking.by_value:
            wordings = usable if every else usable[:CLOSED_WORDINGS]
            texts = (fill(wording, subject=record.subject).lower() for wording in wordings)
            found += [QAPair(text, "", name) for text in texts]
        else:
            values = dict.fromkeys(
                [*answerer.domain.slot(name).values, *filter(None, record.mr.values(name))]
            )
            for words in (record.entities.symbol(value) or value.lower() for value in values):
                text = fill(usable[0], subject=record.subject, value=words).lower()
                found.append(QAPair(text, "", name, words))
    return found


def _by_question(record: ContextPair, answerer: QuestionAnswerer) -> dict[str, QAPair]:
    """What a question of the domain asks for, so that free questions can be placed."""
    return {pair.question: pair for pair in _closed(record, answerer, every=True)}


def mean_or_none(values: Sequence[float]) -> float | None:
    """The mean; None where there are no values."""
    return sum(values) / len(values) if values else None
