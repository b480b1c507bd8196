"""Tiny models for search tests: random but well-behaved ones, and ones that follow a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from d2t.model.base import DecoderState, Seq2SeqModel

if TYPE_CHECKING:
    from torch import Tensor

PAD, BOS, EOS = 0, 1, 2


class RandomModel(Seq2SeqModel):
    """A random recurrent decoder over a masked sum of source embeddings; EOS likelier with time."""

    def __init__(self, seed: int = 0, vocab_size: int = 12, width: int = 8) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.eos_id, self.vocab_size = PAD, BOS, EOS, vocab_size
        generator = torch.Generator().manual_seed(seed)

        def weights(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator))

        self.source, self.target = weights(vocab_size, width), weights(vocab_size, width)
        self.mix, self.out = weights(width, width), weights(width, vocab_size)
        self.steps = 0  # rows stepped in all: what compaction saves

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        positions = 1.0 + torch.arange(source_ids.size(1)).unsqueeze(-1)
        embedded = self.source[source_ids] * source_mask.unsqueeze(-1) / positions
        age = torch.zeros(source_ids.size(0), 1)
        return {"hidden": torch.tanh(embedded.sum(dim=1)), "age": age}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        self.steps += len(token_ids)
        hidden = torch.tanh(state["hidden"] @ self.mix + self.target[token_ids])
        logits = hidden @ self.out
        logits[:, EOS] += 0.5 * state["age"].squeeze(1) - 1.0
        return logits, {"hidden": hidden, "age": state["age"] + 1}

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        state = self.start(source_ids, source_mask)
        steps = []
        for column in target_ids.unbind(dim=1):
            logits, state = self.step(column, state)
            steps.append(logits)
        return torch.stack(steps, dim=1)


class TableModel(Seq2SeqModel):
    """Next-token probabilities by the previous token: ``table[previous][next]``, else EOS."""

    def __init__(self, table: dict[int, dict[int, float]], vocab_size: int = 8) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.eos_id, self.vocab_size = PAD, BOS, EOS, vocab_size
        probabilities = torch.zeros(vocab_size, vocab_size)
        probabilities[[word for word in range(vocab_size) if word not in table], EOS] = 1.0
        for previous, row in table.items():
            for following, probability in row.items():
                probabilities[previous, following] = probability
        self.logits = probabilities.log()

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        return {"row": torch.arange(source_ids.size(0)).unsqueeze(1)}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        return self.logits[token_ids], state

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        return self.logits[target_ids]
