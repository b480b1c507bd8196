"""The last resort: parts of a plan said on their own, and joined into sentences in plan order."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple

from d2t.decode.pipeline import breaks_kept
from d2t.decode.types import GenerationRequest, Hypothesis
from d2t.mr.types import MeaningRepresentation, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d2t.decode.pipeline import ModelGenerator

_MOST_SEGMENTATIONS = 64
"""Ways of cutting a plan that are joined and checked, best first."""


class _Part(NamedTuple):
    """A sentence that says slots ``start:end`` of a plan, exactly and in order."""

    text: str
    score: float


_Parts = dict[tuple[int, int], _Part]


def segment_texts(
    generator: ModelGenerator, requests: Sequence[GenerationRequest], plans: Sequence[Plan]
) -> list[list[Hypothesis]]:
    """Per request the texts that could be joined from sentences proved one by one.

    Every contiguous part of the plan is said on its own, as a whole utterance (the first) or as a
    sentence of one (the others: "It is near Avalon."). Parts that say just their slots in order are
    joined, as few as possible first. Planned sentences are not cut.

    Args:
        generator: with the beam whose texts are looked at for each part.
        requests: what to say.
        plans: the order of each.
    """
    spans = [_spans(plan) for plan in plans]
    wanted = [
        _part_request(request, plan, span)
        for request, plan, places in zip(requests, plans, spans, strict=True)
        for span in places
    ]
    found = iter(generator.hypotheses(wanted))
    answers = []
    for request, plan, places in zip(requests, plans, spans, strict=True):
        parts: _Parts = {}
        for span in places:
            said = [text for text in next(found) if text.status == "ok" and text.order_kept]
            if said:  # best first
                parts[span] = _Part(_as_sentence(said[0].text), said[0].score)
        answers.append(_first_proved(generator, request, plan, parts))
    return answers


def _spans(plan: Plan) -> list[tuple[int, int]]:
    """The parts that a sentence may say; one of all slots was tried before."""
    n = len(plan)
    if plan.breaks is not None:
        return list(pairwise((0, *plan.breaks, n)))
    return [(i, j) for i, j in combinations(range(n + 1), 2) if j - i < n]


def _part_request(
    request: GenerationRequest, plan: Plan, span: tuple[int, int]
) -> GenerationRequest:
    start, end = span
    slots = plan.slots[start:end]
    mr = MeaningRepresentation(slots, request.mr.dialogue_act)
    kind = "sentence" if start else None
    return GenerationRequest(f"{request.id}/{start}-{end}", mr, Plan(slots, ()), kind)


def _as_sentence(text: str) -> str:
    """With a capital at the start and a stop at the end."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def _first_proved(
    generator: ModelGenerator, request: GenerationRequest, plan: Plan, parts: _Parts
) -> list[Hypothesis]:
    """The first joined text that passes as a whole, or the last that did not."""
    answer: list[Hypothesis] = []
    for cut in _cuts(len(plan), parts):
        answer = [_joined(generator, request, plan, [parts[span] for span in cut])]
        if answer[0].status == "ok" and answer[0].order_kept:
            break
    return answer


def _cuts(n: int, parts: Mapping[tuple[int, int], _Part]) -> list[list[tuple[int, int]]]:
    """Ways to cover ``0:n``, fewest parts first, then the best scores; at most a few."""

    def covers(start: int) -> Iterator[list[tuple[int, int]]]:
        if start == n:
            yield []
        for end in range(n, start, -1):
            if (start, end) in parts:
                for rest in covers(end):
                    yield [(start, end), *rest]

    def cost(cut: list[tuple[int, int]]) -> tuple[int, float]:
        return len(cut), -sum(parts[span].score for span in cut) / len(cut)

    return sorted(covers(0), key=cost)[:_MOST_SEGMENTATIONS]


def _joined(
    generator: ModelGenerator, request: GenerationRequest, plan: Plan, said: Sequence[_Part]
) -> Hypothesis:
    text = " ".join(part.text for part in said)
    report = generator.checker.check(text, request.mr)
    realised = report.alignment.plan()
    return Hypothesis(
        id=request.id,
        mr=request.mr,
        plan=plan,
        text=text,
        alignment=report.alignment,
        report=report,
        score=sum(part.score for part in said) / len(said),
        status="ok" if report.ok else "failed",
        order_kept=realised.slots == plan.slots,
        breaks_kept=breaks_kept(plan, realised),
    )
