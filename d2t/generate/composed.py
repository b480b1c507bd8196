"""The stage of composed texts, and whether a model's text puts new values into frames."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.generate.types import check_text
from d2t.language.frames.compose import compose, natural_order
from d2t.language.frames.sights import stands_in_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import GenerationRequest, Hypothesis
    from d2t.language.frames.frames import Frames
    from d2t.mr.domain import Domain


def composed_texts(
    generator: ModelGenerator,
    frames: Frames | None,
    request: GenerationRequest,
    first: Hypothesis,
    n: int,
) -> Iterator[Hypothesis]:
    """Up to ``n`` composed texts, each checked, the most natural first.

    They keep the plan that was asked for. Where none was, they take the planner's order or the
    order of a plain description, whichever reads better.
    """
    domain = generator.domain
    if frames is None or request.kind is not None:
        return
    if request.mr.dialogue_act != domain.default_dialogue_act:
        return
    plans = [first.plan]
    if request.plan is None:
        plans.append(natural_order(request.mr, frames, domain.slot_names))
    seed = generator.seed
    texts = [t for plan in plans for t in compose(request.mr, frames, plan, n=n, seed=seed)]
    for text in sorted(texts, key=lambda text: text.cost)[:n]:
        plan = first.plan if request.plan is not None else replace(text.plan, breaks=None)
        answer = check_text(text.text, request, plan, generator.checker, score=0.0)
        yield replace(answer, stage="composed")


def frame_all(frames: Frames, text: Hypothesis, domain: Domain) -> bool:
    """Whether all values that the domain does not list stand in one of their frames."""
    spans = text.spans
    return all(
        stands_in_frame(text.text, span, frames, spans)
        for span in spans
        if span.slot.value not in domain.slot(span.slot.name).values
    )
