"""The stage of composed texts, and whether a model's text puts new values into frames."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.generate.types import COMPOSED, check_text
from d2t.language.frames.compose import compose, natural_orders
from d2t.language.frames.sights import hangs_name, is_choppy, stands_in_frame
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import GenerationRequest, Hypothesis
    from d2t.language.frames.compose import Style
    from d2t.language.frames.frames import Frames
    from d2t.mr.domain import Domain


def composed_texts(
    generator: ModelGenerator,
    frames: Frames | None,
    request: GenerationRequest,
    planned: Plan,
    n: int,
    style: Style = "auto",
    *,
    orders: int = 0,
) -> Iterator[Hypothesis]:
    """Composed texts, each checked, the most natural first.

    They keep the plan that was asked for. Where none was, the planner's order and those of a plain
    description are tried.

    Args:
        generator: gives the domain, the checker and the seed.
        frames: of the domain; without any there is no text.
        request: what to say.
        planned: the order that was asked for, or else the planner's.
        n: most texts of each order and style.
        style: of the texts.
        orders: for variety: so many further orders, drawn with the name first, where none was asked
            for; and all styles where ``style`` chooses none.
    """
    domain = generator.domain
    if frames is None or request.kind is not None:
        return
    if request.mr.dialogue_act != domain.default_dialogue_act:
        return
    seed = generator.seed
    plans = [planned]
    if request.plan is None:
        plans += natural_orders(request.mr, frames, domain.slot_names)
        rng = derived_rng(seed, "wordings", request.id)
        drawn = (random_plan(request.mr, rng).slots for _ in range(orders))
        plans += (Plan(tuple(sorted(s, key=lambda one: one.name != frames.name))) for s in drawn)
    styles: tuple[Style, ...] = (
        ("auto", "brief", "full") if orders and style == "auto" else (style,)
    )
    texts = [
        (text.cost, at, plan, text)
        for at, plan in enumerate(dict.fromkeys(plans))
        for one in styles
        for text in compose(request.mr, frames, plan, n=n, seed=seed, style=one)
    ]
    most = len(texts) if orders else n
    for _, _, plan, text in sorted(texts, key=lambda one: one[:2])[:most]:
        said = plan if request.plan is not None else replace(text.plan, breaks=None)
        answer = check_text(text.text, request, said, generator.checker, score=0.0)
        yield replace(answer, stage=COMPOSED)


def reads_like_frames(frames: Frames, text: Hypothesis, domain: Domain) -> bool:
    """Whether a model's text reads no worse than a composed one would.

    All values that the domain does not list stand in one of their frames, a name is not hung on
    something else, and the sentences are not a row of "It is".
    """
    if is_choppy(text.alignment) or hangs_name(text.alignment, frames):
        return False
    return all(
        stands_in_frame(text.text, span, frames, text.spans)
        for span in text.spans
        if span.slot.value not in domain.slot(span.slot.name).values
    )
