"""S+ and S- from scored texts: absolute limits or shares of a ranking, by MR; rules F2.1, F5.4.

A text that is chosen for S+ is never in S- of the same MR, whatever chose it: samples that say a
reference of S+ word for word are no negatives.

Departures from the source, all for corpora with several references an MR: the best references are
the positive candidates, not the one there is; ties are broken by chance among references, among
samples by the model's likelihood (its likeliest mistake first); an MR may give several texts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.recipes.conseq.options import ConseqOptions, Selector


@dataclass(frozen=True)
class ScoredText:
    """A reference or a sample.

    Attributes:
        id: a reference's is that of its training pair.
        scores: by selector, more is better; None where one says nothing of it.
        log_prob: of a sample, per token; None of a reference.
        plan: the order that a sample was asked for.
    """

    id: str
    text: str
    scores: Mapping[str, float | None]
    log_prob: float | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class ScoredMR:
    """One training MR with its references and the samples drawn for it."""

    id: str
    mr: MeaningRepresentation
    references: tuple[ScoredText, ...]
    samples: tuple[ScoredText, ...]


class ContrastiveSets(NamedTuple):
    """S+ and S-: texts with their MRs, in the order of the MRs."""

    positives: list[tuple[ScoredMR, ScoredText]]
    negatives: list[tuple[ScoredMR, ScoredText]]


_Ranked = list[list[ScoredText]]
"""Texts that qualify, by MR, those that are wanted most first."""


def select(records: Sequence[ScoredMR], how: ConseqOptions, seed: int) -> ContrastiveSets:
    """S+ and S- as ``how`` says; a function of the records and the seed."""
    good = _ranked(
        [record.references for record in records], how.positives, seed, "positive",
        limit=how.positive_limit, share=how.positive_share if how.rule == "rank" else None,
    )  # fmt: skip
    chosen = ContrastiveSets([], [])
    if how.negatives == "none":
        for record, texts in zip(records, good, strict=True):
            chosen.positives.extend((record, text) for text in texts[: how.per_mr])
        return chosen
    bad = _ranked(
        [record.samples for record in records], how.negatives, seed, "negative",
        limit=how.negative_limit, share=how.negative_share if how.rule == "rank" else None,
    )  # fmt: skip
    for record, above, below in zip(records, good, bad, strict=True):
        n_good = n_bad = how.per_mr
        taught = {folded(text.text) for text in above}
        below = [text for text in below if folded(text.text) not in taught]
        if how.intersect:
            n_good = n_bad = min(len(above), len(below), how.per_mr)
        chosen.positives.extend((record, text) for text in above[:n_good])
        chosen.negatives.extend((record, text) for text in below[:n_bad])
    return chosen


def without(chosen: ContrastiveSets, dropped: Collection[str]) -> ContrastiveSets:
    """``chosen`` without some samples, for each of which its MR gives a reference less.

    For sets of which each MR gives as many texts to either (``intersect``).

    Args:
        chosen: S+ and S-.
        dropped: ids of samples.
    """
    negatives = [(record, text) for record, text in chosen.negatives if text.id not in dropped]
    left = Counter(record.id for record, _ in negatives)
    positives = []
    for record, text in chosen.positives:
        if left[record.id] > 0:
            left[record.id] -= 1
            positives.append((record, text))
    return ContrastiveSets(positives, negatives)


def folded(text: str) -> str:
    """A text without what no model would be taught to tell apart: case and white space."""
    return " ".join(text.split()).casefold()


def _ranked(
    texts: Sequence[Sequence[ScoredText]],
    by: Selector,
    seed: int,
    side: str,
    *,
    limit: float | None,
    share: float | None,
) -> _Ranked:
    """The texts of each MR that qualify; those of a share of the MRs where there is a ``share``."""
    sign = 1.0 if side == "positive" else -1.0

    def value(text: ScoredText) -> float | None:
        """What is ranked by, more is wanted more."""
        if by == "random":
            return derived_rng(seed, "conseq", side, text.id).random()
        score = text.scores.get(by)
        return None if score is None else sign * score

    ranked, values = _sorted(texts, value, seed)
    if share is None:
        least = None if limit is None or by == "random" else sign * limit
        return [
            [t for t, v in zip(own, vs, strict=True) if least is None or v >= least]
            for own, vs in zip(ranked, values, strict=True)
        ]
    tops = [
        (-vs[0], derived_rng(seed, "conseq", "tie", side, own[0].id).random(), at)
        for at, (own, vs) in enumerate(zip(ranked, values, strict=True))
        if vs
    ]
    taken = sorted(tops)[: round(share * len(texts))]
    least = min((-top for top, _, _ in taken), default=0.0)
    places = {at for _, _, at in taken}
    return [
        [t for t, v in zip(own, vs, strict=True) if v >= least] if at in places else []
        for at, (own, vs) in enumerate(zip(ranked, values, strict=True))
    ]


def _sorted(
    texts: Sequence[Sequence[ScoredText]],
    value: Callable[[ScoredText], float | None],
    seed: int,
) -> tuple[_Ranked, list[list[float]]]:
    """Each MR's texts that have a value, most wanted first and each once, and the values."""
    ranked: _Ranked = []
    values: list[list[float]] = []
    for own in texts:
        valued = [(v, text) for text in own if (v := value(text)) is not None]
        valued.sort(key=lambda item: (-item[0], _tie(item[1], seed), item[1].id))
        once: dict[str, tuple[float, ScoredText]] = {}
        for v, text in valued:
            once.setdefault(folded(text.text), (v, text))
        ranked.append([text for _, text in once.values()])
        values.append([v for v, _ in once.values()])
    return ranked, values


def _tie(text: ScoredText, seed: int) -> float:
    """Of equal texts the likelier sample comes first, of references any."""
    if text.log_prob is not None:
        return -text.log_prob
    return derived_rng(seed, "conseq", "order", text.id).random()
