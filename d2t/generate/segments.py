"""Texts whose sentences say parts of the plan, each proved on its own and then joined.

A late stage of verified generation, and of self-training: an MR that no reference resembles (a
place that is cheap and expensive) can still be said one sentence at a time.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple

from d2t.generate.candidates import Candidate
from d2t.generate.types import GenerationRequest, check_text
from d2t.mr.types import MeaningRepresentation, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import Hypothesis
    from d2t.language.habits.linking import Linking

_MOST_SEGMENTATIONS = 64
"""Ways of cutting a plan that are joined and checked, best first."""


class _Part(NamedTuple):
    """A sentence that says slots ``start:end`` of a plan, exactly and in order."""

    text: str
    score: float


_Parts = dict[tuple[int, int], _Part]


def segment_texts(
    generator: ModelGenerator,
    requests: Sequence[GenerationRequest],
    plans: Sequence[Plan],
    *,
    keep: int = 1,
    linking: Linking | None = None,
) -> list[list[Hypothesis]]:
    """Per request the texts that are joined from sentences proved one by one.

    The model says every contiguous part of the plan as a sentence of an utterance ("It is near
    Avalon."). It says the first part also as a whole utterance, which a model without phrases can
    do. The parts that say exactly their slots in order are joined; the likeliest texts come first,
    and these usually have few parts. Planned sentences are not cut.

    Args:
        generator: its beam gives the texts of each part.
        requests: what to say.
        plans: the order of each request.
        keep: most texts per request that pass the check as a whole; if none passes, the last that
            failed is returned.
        linking: tells whether a sentence can follow others; those that cannot are left out. A part
            that only names the subject is then said as people name it late ("It is called Aromi.").
    """
    spans = [_spans(plan) for plan in plans]
    wanted = [
        part
        for request, plan, places in zip(requests, plans, spans, strict=True)
        for span in places
        for part in _part_requests(request, plan, span)
    ]
    texts = iter(generator.checking(wanted))
    answers = []
    for request, plan, places in zip(requests, plans, spans, strict=True):
        parts: _Parts = {}
        for span in places:
            ways = [next(texts) for _ in _kinds(span)]
            part = _best_part(ways, linking if span[0] else None)
            if naming := linking and span[0] and linking.names(plan.slots[slice(*span)]):
                part = _Part(naming, 0.0)
            if part is not None:
                parts[span] = part
        answers.append(_first_proved(generator, request, plan, parts, keep))
    return answers


def _best_part(ways: Sequence[Iterable[Hypothesis]], linking: Linking | None) -> _Part | None:
    """The likeliest text that says its part and can follow others; None if there is none.

    Args:
        ways: texts of each kind, best first; they are checked up to the first that fits.
        linking: tells whether a sentence can follow others; None: there is none before it.
    """

    def fits(text: Hypothesis) -> bool:
        if text.status != "ok" or not text.order_kept:
            return False
        return linking is None or linking.follows(text.template)

    first = (next(filter(fits, texts), None) for texts in ways)
    fitting = [text for text in first if text is not None]
    if not fitting:
        return None
    best = max(fitting, key=lambda text: text.score)
    return _Part(_as_sentence(best.text), best.score)


def joined_candidates(
    generator: ModelGenerator,
    requests: Sequence[GenerationRequest],
    keep: int,
    linking: Linking | None = None,
) -> list[list[Candidate]]:
    """The texts of ``segment_texts`` that say exactly what was asked in its order, as candidates.

    Args:
        generator: as in ``segment_texts``.
        requests: what to say, each with its plan.
        keep: most texts per request; there may be none.
        linking: as in ``segment_texts``.
    """
    plans = [request.plan or Plan(request.mr.slots) for request in requests]
    return [
        [
            Candidate(text.template, text.text, text.score)
            for text in texts
            if text.status == "ok" and text.order_kept
        ]
        for texts in segment_texts(generator, requests, plans, keep=keep, linking=linking)
    ]


def _spans(plan: Plan) -> list[tuple[int, int]]:
    """The parts that a sentence may say; a sentence of all slots was tried by earlier stages."""
    n = len(plan)
    if plan.breaks is not None:
        return list(pairwise((0, *plan.breaks, n)))
    return [(i, j) for i, j in combinations(range(n + 1), 2) if j - i < n]


def _kinds(span: tuple[int, int]) -> tuple[str | None, ...]:
    """The kinds of phrase for a part: only the first may be a whole utterance (None).

    Later parts are sentences: as a whole utterance, two slots easily give a fragment.
    """
    return ("sentence",) if span[0] else ("sentence", None)


def _part_requests(
    request: GenerationRequest, plan: Plan, span: tuple[int, int]
) -> list[GenerationRequest]:
    start, end = span
    slots = plan.slots[start:end]
    mr = MeaningRepresentation(slots, request.mr.dialogue_act)
    id = f"{request.id}/{start}-{end}"
    return [GenerationRequest(id, mr, Plan(slots, ()), kind) for kind in _kinds(span)]


def _as_sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def _first_proved(
    generator: ModelGenerator, request: GenerationRequest, plan: Plan, parts: _Parts, keep: int
) -> list[Hypothesis]:
    """The first joined texts that pass as a whole, or the last that did not."""
    proved: list[Hypothesis] = []
    other: list[Hypothesis] = []
    for cut in _cuts(len(plan), parts):
        text = _joined(generator, request, plan, [parts[span] for span in cut])
        if text.status == "ok" and text.order_kept:
            proved.append(text)
        else:
            other = [text]
        if len(proved) == keep:
            break
    return proved or other


def _cuts(n: int, parts: Mapping[tuple[int, int], _Part]) -> list[list[tuple[int, int]]]:
    """Ways to cover slots ``0:n`` with parts, those with the likeliest words first.

    For each end of the plan only the best ways are kept, since all of them would be too many.
    """
    best: dict[int, list[tuple[float, list[tuple[int, int]]]]] = {n: [(0.0, [])]}
    for start in range(n - 1, -1, -1):
        ways = []
        for end in range(n, start, -1):
            if part := parts.get((start, end)):
                cost = -part.score * len(part.text.split())
                ways += [(cost + other, [(start, end), *rest]) for other, rest in best[end]]
        best[start] = sorted(ways, key=lambda way: way[0])[:_MOST_SEGMENTATIONS]
    return [cut for _, cut in best[0]]


def _joined(
    generator: ModelGenerator, request: GenerationRequest, plan: Plan, said: Sequence[_Part]
) -> Hypothesis:
    text = " ".join(part.text for part in said)
    score = sum(part.score for part in said) / len(said)
    return check_text(text, request, plan, generator.checker, score=score)
