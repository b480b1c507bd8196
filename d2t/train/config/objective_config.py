"""``[objective]``: what training learns beside the likelihood of the references, by ``name``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from d2t.augment.counterfactual.options import DEFAULT_SOURCES, Source
from d2t.section import Section
from d2t.train.config.conseq import ConseqObjective

PLAN_FREE_STRATEGY = "random"
"""What orders the sources of an objective whose plan stands in the decoder, unless one is named."""


class CounterfactualObjective(Section):
    """SCOTT's student (rules F3.2, F5.6): the plan is said first, then the utterance.

    ``L = (1 - alpha) L_factual + alpha L_counterfactual``, each the mean over its labels: of
    factual pairs the plan and the utterance, of counterfactual pairs the utterance alone. The
    source must not show the plan, so that it is the decoder's plan that is obeyed.

    Attributes:
        pairs: JSONL files of ``d2t augment counterfactual``; None makes them from the training
            pairs as that command does; an empty list is the plan without counterfactual pairs.
        sources: what they are made from where ``pairs`` is None.
        alpha: weight of the counterfactual pairs.
        tags: whether source and target begin with a tag that says which kind a pair is.
    """

    name: Literal["counterfactual"]
    pairs: tuple[str, ...] | None = None
    sources: tuple[Source, ...] = Field(default=DEFAULT_SOURCES, min_length=1)
    alpha: float = Field(default=0.5, gt=0.0, lt=1.0)
    tags: bool = True

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        """Raise ``ValueError`` where the rest of the configuration does not go with it."""
        from d2t.linearize.base import STRATEGIES

        if STRATEGIES.get(strategy).needs_planner:
            raise ValueError(
                f"the counterfactual objective needs sources that do not show the plan, strategy "
                f"{strategy!r} does: take {PLAN_FREE_STRATEGY}, increasing_frequency or "
                "fixed_position"
            )
        if architecture == "pretrained":
            raise ValueError(
                "the counterfactual objective is for models trained from scratch; leave out "
                "--pretrained"
            )


ObjectiveConfig = Annotated[CounterfactualObjective | ConseqObjective, Field(discriminator="name")]
