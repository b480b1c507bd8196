"""Learning-rate schedules: a multiplier of the peak rate per optimizer step."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "inverse_sqrt", "linear", "constant"]
_FLOOR = 0.02  # the last steps still move a little, which the moving average likes


def default_warmup(total_steps: int) -> int:
    """6% of all steps, at most 400: long enough for AdamW's second moments at a rate of 1e-3."""
    return max(1, min(400, round(0.06 * total_steps)))


def rate_factor(step: int, *, schedule: Schedule, warmup: int, total: int) -> float:
    """The share of the peak rate used by step ``step`` (0-based).

    Linear warm-up to 1, then ``inverse_sqrt`` is Noam's tail (rule O5.3), ``cosine`` and ``linear``
    fall to 2% at ``total``, ``constant`` stays.
    """
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "inverse_sqrt":
        return math.sqrt(max(1, warmup) / (step + 1))
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    share = 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return _FLOOR + (1 - _FLOOR) * share
