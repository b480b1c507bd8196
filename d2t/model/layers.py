"""Layers that the networks share: dropout, positions, first weights, attention; padding of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

PAD = 0
"""Token id of padding in small networks; its embedding is zero and stays so."""


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


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False
) -> Tensor:
    """Scaled dot-product attention, softmax in fp32 (Vaswani et al. 2017, §3.2.1).

    On a CPU this is written out: for sequences as short as ours the fused kernel's bf16 backward
    pass takes 12 times as long (26 ms against 2 at batch 64, 4 heads of 64, 40 tokens, torch 2.13).

    Args:
        q: queries ``(batch, heads, q_len, head_width)``.
        k: keys ``(batch, heads, k_len, head_width)``.
        v: values, shaped like ``k``.
        mask: bool, True = keep, broadcastable to ``(batch, heads, q_len, k_len)``.
        causal: position i sees positions 0..i; needs ``q_len == k_len`` and no mask.

    Returns:
        ``(batch, q_len, heads * head_width)``.
    """
    if q.device.type != "cpu":
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return mixed.transpose(1, 2).flatten(2)
    if causal:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    scores = ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).float()
    if (
        mask is not None
    ):  # adding a bias is cheaper than masked_fill, whose backward pass masks again
        lowest = torch.finfo(torch.float32).min
        scores = scores + torch.zeros(mask.shape).masked_fill_(~mask, lowest)
    weights = torch.softmax(scores, dim=-1).to(v.dtype)
    return (weights @ v).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of ``hidden (batch, len, width)``.

        Returns:
            Three tensors ``(batch, heads, len, width/heads)``.
        """
        batch, length, _ = hidden.shape
        q, k, v = self.qkv(hidden).view(batch, length, 3, self.heads, -1).unbind(2)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


class CrossAttention(nn.Module):
    """Attention of decoder positions to the source, whose keys and values are computed once."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def memory(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of ``encoded (batch, src_len, width)``.

        Returns:
            Two tensors ``(batch, heads, src_len, width/heads)``.
        """
        batch, length, _ = encoded.shape
        k, v = self.kv(encoded).view(batch, length, 2, self.heads, -1).unbind(2)
        return k.transpose(1, 2), v.transpose(1, 2)

    def forward(self, hidden: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """Attend from ``hidden (batch, len, width)`` to the source.

        Args:
            hidden: decoder positions.
            k: from ``memory``.
            v: from ``memory``.
            mask: ``(batch, 1, 1, src_len) bool``, True = keep.

        Returns:
            ``(batch, len, width)``.
        """
        batch, length, _ = hidden.shape
        q = self.query(hidden).view(batch, length, self.heads, -1).transpose(1, 2)
        return self.out(attend(q, k, v, mask))


def rows_by_length(rows: Sequence[Sequence[int]], size: int) -> Iterator[tuple[list[int], Tensor]]:
    """Batches of at most ``size`` rows of like length: their places, and the padded rows."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    for start in range(0, len(order), size):
        places = order[start : start + size]
        yield places, pad([rows[at] for at in places])


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """``(batch, length) int64``, padded at the end."""
    length = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (length - len(row))] for row in rows], dtype=torch.int64)
