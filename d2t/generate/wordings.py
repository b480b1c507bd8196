"""Several texts for one record: which of many proved texts are really different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.language.frames.compose import Style, compose, natural_orders
from d2t.language.template import template_words
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plan
from d2t.seeding import derived_rng
from d2t.slots.claims import function_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d2t.generate.types import GenerationRequest, Hypothesis
    from d2t.language.frames.compose import Composed
    from d2t.language.frames.frames import Frames

DIFFERENT = 0.5
"""Least share of content words, outside of values, that two wordings of one order do not share."""
_ORDERS = 6
_TEXTS = 12


def distinct(texts: Iterable[Hypothesis], n: int) -> list[Hypothesis]:
    """The first ``n`` texts of which no two are near-copies: the order or the wording differs."""
    chosen: list[Hypothesis] = []
    for text in texts:
        if all(differ(text, other) for other in chosen):
            chosen.append(text)
        if len(chosen) == n:
            break
    return chosen


def differ(one: Hypothesis, other: Hypothesis) -> bool:
    """Whether two texts say their slots in different orders or sentences, or in other words.

    Other words: at least half of the content words of the longer wording, values left out.
    """
    if one.realised != other.realised:
        return True
    first, second = _content(one), _content(other)
    longest = max(len(first), len(second))
    return bool(longest) and 1 - len(first & second) / longest >= DIFFERENT


def _content(text: Hypothesis) -> frozenset[str]:
    """The words outside of the spans that carry the wording."""
    outside, at = [], 0
    for span in text.spans:
        outside.append(text.text[at : span.start])
        at = span.end
    outside.append(text.text[at:])
    words = template_words(" ".join(outside))
    return frozenset(word for word in words if word[0].isalpha()) - function_words()


def variants(
    request: GenerationRequest, first: Plan, frames: Frames, *, n: int, seed: int, style: Style
) -> Iterator[tuple[Plan, Composed]]:
    """Composed texts in several orders and styles, each with the plan that it has to keep.

    The order that was asked for is kept. Where none was, the planner's order, that of a plain
    description and orders at random, with the name first, are taken.
    """
    plans = [first]
    if request.plan is None:
        rng = derived_rng(seed, "wordings", request.id)
        plans += natural_orders(request.mr, frames)
        plans += (_name_first(random_plan(request.mr, rng), frames.name) for _ in range(_ORDERS))
    styles: tuple[Style, ...] = (style,) if style != "auto" else ("auto", "brief", "full")
    texts = [
        (plan, text)
        for plan in dict.fromkeys(Plan(plan.slots, plan.breaks) for plan in plans)
        for one in styles
        for text in compose(request.mr, frames, plan, n=max(_TEXTS, 2 * n), seed=seed, style=one)
    ]
    yield from sorted(texts, key=lambda pair: pair[1].cost)


def _name_first(plan: Plan, name: str) -> Plan:
    return Plan(tuple(sorted(plan.slots, key=lambda slot: slot.name != name)))
