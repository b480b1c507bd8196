"""A bidirectional GRU encoder and a GRU decoder with attention (rule O5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.model.layers import Dropout, xavier_

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.config import BiGRUConfig


class BahdanauAttention(nn.Module):
    """Additive attention: ``score(q, k) = w · tanh(W_q q + W_k k)`` (Bahdanau et al. 2015, A.1)."""

    def __init__(self, hidden: int, memory: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(memory, hidden)
        self.energy = nn.Linear(hidden, 1, bias=False)

    def keys(self, encoded: Tensor) -> Tensor:
        """Keys ``(batch, src_len, hidden)`` of the encoded source, computed once."""
        return self.key(encoded)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores ``(batch, len, src_len)`` of ``queries (batch, len, hidden)``."""
        return self.energy(torch.tanh(self.query(queries)[:, :, None] + keys[:, None])).squeeze(-1)


class LuongAttention(nn.Module):
    """General attention: ``score(q, k) = q · W k`` (Luong et al. 2015, §3.1)."""

    def __init__(self, hidden: int, memory: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory, hidden, bias=False)

    def keys(self, encoded: Tensor) -> Tensor:
        """Keys ``(batch, src_len, hidden)`` of the encoded source, computed once."""
        return self.key(encoded)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores ``(batch, len, src_len)`` of ``queries (batch, len, hidden)``."""
        return queries @ keys.transpose(1, 2)


class BiGRUModel(Seq2SeqModel):
    """Rule O5.1: a bridge from both directions to each decoder layer, ``tanh(W [state; context])``.

    There is no input feeding, so teacher forcing runs the decoder over a sequence in one call.
    Departures: one embedding matrix serves source and target, since they share their vocabulary;
    one bridge serves all layers. Padding must come last in a row; it never influences a result.

    Attributes:
        config: what it was built from.
    """

    config: BiGRUConfig

    def __init__(
        self, config: BiGRUConfig, *, vocab_size: int, pad_id: int, bos_id: int, eos_id: int
    ) -> None:
        super().__init__()
        self.config = config
        self.vocab_size, self.pad_id, self.bos_id, self.eos_id = vocab_size, pad_id, bos_id, eos_id
        size, memory = config.hidden, 2 * config.hidden
        between = config.dropout if config.layers > 1 else 0.0
        self.embedding = nn.Embedding(vocab_size, config.embedding)
        self.encoder = nn.GRU(
            config.embedding,
            size,
            config.layers,
            batch_first=True,
            dropout=between,
            bidirectional=True,
        )
        self.bridge = nn.Linear(memory, size)
        self.decoder = nn.GRU(
            config.embedding, size, config.layers, batch_first=True, dropout=between
        )
        attention = BahdanauAttention if config.attention == "bahdanau" else LuongAttention
        self.attention = attention(size, memory)
        self.mix = nn.Linear(size + memory, size)
        self.output = nn.Linear(size, vocab_size)
        self.dropout = Dropout(config.dropout)
        self._initialise()

    def _initialise(self) -> None:
        self.apply(xavier_)
        nn.init.normal_(self.embedding.weight, std=self.config.embedding**-0.5)
        for gru in (self.encoder, self.decoder):
            for name, parameter in gru.named_parameters():
                if "weight" not in name:
                    nn.init.zeros_(parameter)
                    continue
                for gate in parameter.chunk(3):  # three gates are stacked in one matrix
                    (nn.init.orthogonal_ if "_hh_" in name else nn.init.xavier_uniform_)(gate)
        if self.config.tie_embeddings:
            self.output.weight = self.embedding.weight

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits, see ``Seq2SeqModel.forward``."""
        return self.output(self.hidden(source_ids, source_mask, target_ids)).float()

    def hidden(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """What ``self.output`` turns into logits: ``(batch, tgt_len, hidden)``."""
        encoded, first = self._encode(source_ids, source_mask)
        states, _ = self.decoder(self.dropout(self.embedding(target_ids)), first)
        return self._attend(states, encoded, self.attention.keys(encoded), source_mask)

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode the source and bridge its final states to the decoder."""
        encoded, first = self._encode(source_ids, source_mask)
        return {
            "hidden": first.transpose(0, 1),
            "encoded": encoded,
            "keys": self.attention.keys(encoded),
            "source_mask": source_mask,
        }

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One recurrence, see ``Seq2SeqModel.step``; the state is ``(batch, layers, hidden)``."""
        embedded = self.dropout(self.embedding(token_ids[:, None]))
        states, last = self.decoder(embedded, state["hidden"].transpose(0, 1).contiguous())
        mixed = self._attend(states, state["encoded"], state["keys"], state["source_mask"])
        return self.output(mixed[:, 0]).float(), {**state, "hidden": last.transpose(0, 1)}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """``(layers, hidden)``."""
        return self.config.layers, self.config.hidden

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """Noise on the hidden states of all layers, before the recurrence (rule O7.3).

        In units of the state, whose elements lie between -1 and 1; it stays in the state.
        """
        return {**state, "hidden": state["hidden"] + noise.to(state["hidden"].dtype)}

    def _encode(self, source_ids: Tensor, source_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encoded source ``(batch, src_len, 2 hidden)``, decoder state ``(layers, batch, hidden)``.

        Packing keeps the backward direction from starting in the padding, which comes last.
        """
        embedded = self.dropout(self.embedding(source_ids))
        lengths = source_mask.sum(1).cpu()
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        out, final = self.encoder(packed)
        encoded, _ = pad_packed_sequence(out, batch_first=True, total_length=source_ids.shape[1])
        layers, batch = self.config.layers, source_ids.shape[0]
        both = final.view(layers, 2, batch, -1).transpose(1, 2).flatten(2)
        return self.dropout(encoded), torch.tanh(self.bridge(both))

    def _attend(self, states: Tensor, encoded: Tensor, keys: Tensor, source_mask: Tensor) -> Tensor:
        scores = (
            self.attention(states, keys).float().masked_fill(~source_mask[:, None], float("-inf"))
        )
        context = torch.softmax(scores, dim=-1).to(encoded.dtype) @ encoded
        return self.dropout(torch.tanh(self.mix(torch.cat([states, context], dim=-1))))
