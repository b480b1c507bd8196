"""A convolutional reader of templates: which slots and values does a text say?

After the six classifiers of Kedzie & McKeown 2019 (rule O7.5), with what they share shared: one
network with parallel 1-D convolutions and max-over-time pooling, and an independent yes/no output
for every slot and value, so that a text may say two values of a slot (theirs is a softmax over the
values of each slot).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import nn

from d2t.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

PAD = 0
"""Token id of padding; its embedding is zero and stays so."""


class ClassifierConfig(Section):
    """Sizes of a ``SlotClassifier``.

    Attributes:
        width: of the token embeddings (50 in rule O7.5).
        filters: per convolution width (50 there).
        windows: convolutions over 1 to this many neighbouring tokens (2 or 3 there).
        dropout: on embeddings and on pooled features (0.25 there).
    """

    width: int = Field(default=48, ge=1)
    filters: int = Field(default=48, ge=1)
    windows: int = Field(default=5, ge=1, le=9)
    dropout: float = Field(default=0.25, ge=0.0, lt=1.0)


class SlotClassifier(nn.Module):
    """Token ids to one logit per label.

    Args:
        config: sizes.
        n_tokens: token ids, padding and unknown included.
        n_labels: outputs.
    """

    def __init__(self, config: ClassifierConfig, n_tokens: int, n_labels: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(n_tokens, config.width, padding_idx=PAD)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.filters, window)
            for window in range(1, config.windows + 1)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.filters * config.windows, n_labels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            tokens: ``(batch, length) int64``, padded at the end with ``PAD``.

        Returns:
            ``(batch, n_labels) float32``.
        """
        embedded = self.dropout(self.embedding(tokens)).transpose(1, 2)
        outside = (tokens == PAD).unsqueeze(1)
        pooled = []
        for window, convolution in enumerate(self.convolutions, start=1):
            left = (window - 1) // 2
            # Zeros on both sides, as many for one text as for a batch: a window is centred on each
            # token, and those centred on padding are left out of the maximum.
            padded = nn.functional.pad(embedded, (left, window - 1 - left))
            found = convolution(padded).masked_fill(outside, float("-inf"))
            pooled.append(torch.relu(found.amax(dim=2)))
        features = self.dropout(torch.cat(pooled, dim=1))
        logits: Tensor = self.output(features)
        return logits


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """``(batch, length) int64``, padded at the end."""
    length = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (length - len(row))] for row in rows], dtype=torch.int64)
