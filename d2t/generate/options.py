"""What a caller can set: of generation, and of verified generation.

``load``, ``ModelGenerator`` and the command line take these options under the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d2t.plan.base import Planner

MAX_LENGTH = 100
"""Most tokens per utterance where neither the caller nor the bundle says otherwise (rule O5.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """How a model generates. None takes the bundle's own default.

    Attributes:
        beam_size: hypotheses kept at each step; 1 is greedy search.
        batch_size: sources searched together; halved for good when memory runs out.
        max_length: most tokens per utterance.
        length_penalty: exponent of the length in the ranking of beams.
        seed: of the orders of RND and of planners that draw.
        rerank: of the ``beam_size`` best texts take the one with the best slot F1, then the best
            order, then the best score; RND pools five shuffles (rule O5.6).
        planner: orders MRs without a plan, where the strategy has no order of its own, and
            finishes plans that end in ``...``. A planner, or what ``make_planner`` takes; None is
            the bundle's neural planner if it has one, else its bigram planner.
        plan_sentences: whether the planner also plans where sentences end.
    """

    beam_size: int | None = None
    batch_size: int = 64
    max_length: int | None = None
    length_penalty: float | None = None
    seed: int = 0
    rerank: bool = False
    planner: Planner | str | None = None
    plan_sentences: bool = False


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How much work a record gets whose first text fails the check. A 0 turns a stage off.

    Attributes:
        beam_size: texts of the beam search, which the first stage checks.
        variants: other sentence plans (where an order was asked for) or other orders (where none
            was), each with the text of greedy search.
        samples: texts drawn from the nucleus ``top_p``.
        top_p: probability that the nucleus of ``samples`` holds; a wider one gives worse English.
        segment_beam: texts of each part of the plan, which a stage joins to an answer.
        last_samples: texts drawn from 95% of the distribution where all else failed.
    """

    beam_size: int = 5
    variants: int = 6
    samples: int = 32
    top_p: float = 0.7
    segment_beam: int = 2
    last_samples: int = 64
