"""An exponential moving average of the weights: cheap, and better than the last weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


class MovingAverage:
    """``average = d average + (1 - d) weights`` after each step, ``d = min(decay, (1+t)/(10+t))``.

    The growing decay keeps the random initial weights out of the average of a short run.

    Attributes:
        values: parameter name to averaged weights, fp32.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {
            name: p.detach().clone() for name, p in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after optimizer step ``step`` (1-based)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        weights = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(list(self.values.values()), weights, 1 - decay)

    @contextmanager
    def swapped_in(self, model: nn.Module) -> Iterator[None]:
        """The model computes with the averaged weights inside the block."""
        own = {name: p.data for name, p in model.named_parameters()}
        try:
            for name, parameter in model.named_parameters():
                parameter.data = self.values[name]
            yield
        finally:
            for name, parameter in model.named_parameters():
                parameter.data = own[name]
