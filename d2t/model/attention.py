"""Multi-head attention with fused projections, in the two roles of an encoder–decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from torch import Tensor


class SelfAttention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each ``(batch, heads, len, width/heads)``, of ``(batch, len, width)``."""
        batch, length, _ = hidden.shape
        q, k, v = self.qkv(hidden).view(batch, length, 3, self.heads, -1).unbind(2)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """Attention output ``(batch, q_len, width)``; ``mask`` is bool, True = keep, broadcastable to
        ``(batch, heads, q_len, k_len)``."""
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Attention of decoder positions to the encoded source, whose keys and values are computed once."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def memory(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, each ``(batch, heads, src_len, width/heads)``, of ``(batch, src_len, width)``."""
        batch, length, _ = encoded.shape
        k, v = self.kv(encoded).view(batch, length, 2, self.heads, -1).unbind(2)
        return k.transpose(1, 2), v.transpose(1, 2)

    def forward(self, hidden: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """Attention output ``(batch, len, width)``; ``mask (batch, 1, 1, src_len) bool``, True = keep."""
        batch, length, _ = hidden.shape
        q = self.query(hidden).view(batch, length, self.heads, -1).transpose(1, 2)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))
