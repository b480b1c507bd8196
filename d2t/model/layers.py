"""Building blocks shared by the models that are trained from scratch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Dropout(nn.Module):
    """Dropout whose mask costs one random byte an element.

    ``nn.Dropout`` draws one Bernoulli an element from a serial generator, a cost one notices on a
    CPU. Here one 64-bit draw serves eight elements, so the rate is rounded to a multiple of 1/256
    (0.1 becomes 0.1016) and kept elements are scaled by the exact inverse.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._threshold = min(255, max(1, round(rate * 256))) if rate > 0 else 0

    def forward(self, values: Tensor) -> Tensor:
        """``values`` of any shape; unchanged in evaluation mode."""
        if not self.training or self._threshold == 0:
            return values
        if values.device.type != "cpu":
            return nn.functional.dropout(values, self._threshold / 256)
        draws = torch.empty((values.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[: values.numel()].view(values.shape) >= self._threshold
        return values * kept.to(values.dtype).mul_(256 / (256 - self._threshold))

    def extra_repr(self) -> str:
        """The rate, for ``print(model)``."""
        return f"rate={self.rate}"


def with_noise(hidden: Tensor, noise: Tensor) -> Tensor:
    """``hidden (batch, 1, width)`` plus ``noise (batch, width)``, in units of each row's RMS."""
    size = hidden.square().mean(dim=-1, keepdim=True).sqrt()
    return hidden + noise[:, None].to(hidden.dtype) * size


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """Position encodings ``(length, width) float32``, sines, cosines (Vaswani et al. 2017, §3.5).

    The two halves stand side by side as in tensor2tensor, not interleaved as in the paper: the same
    functions in another order, which the first linear layer cannot tell apart.
    """
    half = width // 2
    rates = torch.exp(torch.arange(half) * -(math.log(10000.0) / max(1, half - 1)))
    angles = torch.arange(length)[:, None] * rates[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def xavier_(module: nn.Module, *_: Any) -> None:
    """Xavier-uniform weights and zero biases for a linear layer; other modules are left alone."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
