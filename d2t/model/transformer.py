"""A pre-norm encoder–decoder Transformer that trains on a CPU and exports to CTranslate2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.model.layers import (
    CrossAttention,
    Dropout,
    SelfAttention,
    attend,
    sinusoidal_positions,
    with_noise,
    xavier_,
)

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.config import TransformerConfig


class FeedForward(nn.Module):
    """Two linear layers with a non-linearity between: ``(..., width) -> (..., width)``."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(config.width, config.ffn)
        self.outer = nn.Linear(config.ffn, config.width)
        self.activation: nn.Module = nn.ReLU() if config.activation == "relu" else nn.GELU()

    def forward(self, hidden: Tensor) -> Tensor:
        """Position-wise transformation."""
        return self.outer(self.activation(self.inner(hidden)))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each as ``x + dropout(f(norm(x)))``."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = SelfAttention(config.width, config.heads)
        self.ffn_norm = nn.LayerNorm(config.width)
        self.ffn = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """``hidden (batch, src_len, width)``, ``mask (batch, 1, 1, src_len) bool``."""
        mixed = attend(*self.attention.project(self.attention_norm(hidden)), mask)
        hidden = hidden + self.dropout(self.attention.out(mixed))
        return hidden + self.dropout(self.ffn(self.ffn_norm(hidden)))


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the source, feed-forward; pre-norm as in the encoder."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = SelfAttention(config.width, config.heads)
        self.cross_norm = nn.LayerNorm(config.width)
        self.cross = CrossAttention(config.width, config.heads)
        self.ffn_norm = nn.LayerNorm(config.width)
        self.ffn = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, hidden: Tensor, encoded: Tensor, mask: Tensor, rows: Tensor | None = None
    ) -> Tensor:
        """All positions at once; ``hidden (batch, tgt_len, width)``, encoder output.

        ``rows (batch,) int64`` are the places of the sources in ``encoded``; None: in order.
        ``mask`` is that of the batch.
        """
        q, k, v = self.attention.project(self.attention_norm(hidden))
        hidden = hidden + self.dropout(self.attention.out(attend(q, k, v, causal=True)))
        k, v = self.cross.memory(encoded)
        if rows is not None:
            k, v = k[rows], v[rows]
        return self._rest(hidden, k, v, mask)

    def step(
        self,
        hidden: Tensor,
        cache: tuple[Tensor, Tensor] | None,
        memory: tuple[Tensor, Tensor],
        mask: Tensor,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position ``(batch, 1, width)``, given the keys and values of those before it."""
        q, k, v = self.attention.project(self.attention_norm(hidden))
        if cache is not None:
            k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
        hidden = hidden + self.dropout(self.attention.out(attend(q, k, v)))
        return self._rest(hidden, *memory, mask), (k, v)

    def _rest(self, hidden: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        hidden = hidden + self.dropout(self.cross(self.cross_norm(hidden), k, v, mask))
        return hidden + self.dropout(self.ffn(self.ffn_norm(hidden)))


class TransformerModel(Seq2SeqModel):
    """Encoder–decoder Transformer with one embedding matrix for source and target.

    Departures from rule O5.1: pre-norm with a final norm, which trains without a long
    warm-up, and no dropout on attention weights. Padding must come last in a row; it never
    influences a result.

    Attributes:
        config: what it was built from.
    """

    config: TransformerConfig

    def __init__(
        self, config: TransformerConfig, *, vocab_size: int, pad_id: int, bos_id: int, eos_id: int
    ) -> None:
        super().__init__()
        self.config = config
        self.vocab_size, self.pad_id, self.bos_id, self.eos_id = vocab_size, pad_id, bos_id, eos_id
        self.scale = math.sqrt(config.width)
        self.embedding = nn.Embedding(vocab_size, config.width)
        self.dropout = Dropout(config.dropout)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.encoder_norm = nn.LayerNorm(config.width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, vocab_size)
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(256, config.width), persistent=False)
        self.apply(xavier_)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        if config.tie_embeddings:
            self.output.weight = self.embedding.weight

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits, see ``Seq2SeqModel.forward``."""
        return self.output(self.hidden(source_ids, source_mask, target_ids)).float()

    def hidden(
        self,
        source_ids: Tensor,
        source_mask: Tensor,
        target_ids: Tensor,
        rows: Tensor | None = None,
    ) -> Tensor:
        """What ``self.output`` turns into logits: ``(batch, tgt_len, width)``.

        ``rows``: as in ``decode``.
        """
        return self.decode(self.encode(source_ids, source_mask), source_mask, target_ids, rows)

    def decode(
        self,
        encoded: Tensor,
        source_mask: Tensor,
        target_ids: Tensor,
        rows: Tensor | None = None,
    ) -> Tensor:
        """``hidden`` of sources that are encoded already.

        Targets of one source may share its work: ``rows (batch,) int64`` says which source each
        target has; None: the one in its place.
        """
        mask = (source_mask if rows is None else source_mask[rows])[:, None, None, :]
        hidden = self._embed(target_ids, 0)
        for layer in self.decoder:
            hidden = layer(hidden, encoded, mask, rows)
        return self.decoder_norm(hidden)

    def encode(self, source_ids: Tensor, source_mask: Tensor) -> Tensor:
        """The encoded source ``(batch, src_len, width)``."""
        mask = source_mask[:, None, None, :]
        hidden = self._embed(source_ids, 0)
        for layer in self.encoder:
            hidden = layer(hidden, mask)
        return self.encoder_norm(hidden)

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode, and compute the keys and values of the source once for every decoder layer."""
        encoded = self.encode(source_ids, source_mask)
        state: DecoderState = {"source_mask": source_mask}
        for i, layer in enumerate(self._decoder_layers):
            state[f"source_k{i}"], state[f"source_v{i}"] = layer.cross.memory(encoded)
        return state

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One position with cached keys and values, see ``Seq2SeqModel.step``."""
        position = state["k0"].shape[2] if "k0" in state else 0
        hidden = self._embed(token_ids[:, None], position)
        new = dict(state)
        if (noise := new.pop("noise", None)) is not None:
            hidden = with_noise(hidden, noise)
        mask = state["source_mask"][:, None, None, :]
        for i, layer in enumerate(self._decoder_layers):
            cache = (state[f"k{i}"], state[f"v{i}"]) if position else None
            memory = (state[f"source_k{i}"], state[f"source_v{i}"])
            hidden, (new[f"k{i}"], new[f"v{i}"]) = layer.step(hidden, cache, memory, mask)
        return self.output(self.decoder_norm(hidden[:, 0])).float(), new

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """``(width,)``."""
        return (self.config.width,)

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """Noise on the residual stream that enters the first decoder layer at the next step.

        In units of its root mean square.
        """
        return {**state, "noise": noise}

    @property
    def _decoder_layers(self) -> list[DecoderLayer]:
        return cast("list[DecoderLayer]", list(self.decoder))

    def _embed(self, ids: Tensor, first: int) -> Tensor:
        """Scaled embeddings plus positions ``first, first+1, …`` of ``ids (batch, len)``."""
        end = first + ids.shape[1]
        if end > self.positions.shape[0]:
            longer = sinusoidal_positions(max(end, 2 * self.positions.shape[0]), self.config.width)
            self.positions = longer.to(self.positions)
        return self.dropout(self.embedding(ids) * self.scale + self.positions[first:end])
