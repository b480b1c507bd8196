"""A small recurrent network over the words of one sentence: is it whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import nn

from d2t.section import Section

if TYPE_CHECKING:
    from torch import Tensor

PAD = 0
"""Token id of padding; its embedding is zero and stays so."""


class SentenceClassifierConfig(Section):
    """Sizes of a ``SentenceClassifier``.

    Attributes:
        width: of the token embeddings.
        hidden: of the recurrent state, each direction.
        filters: per convolution width.
        windows: convolutions over 2 to this many neighbouring tokens.
        dropout: on embeddings and on pooled features.
    """

    width: int = Field(default=48, ge=1)
    hidden: int = Field(default=64, ge=1)
    filters: int = Field(default=64, ge=1)
    windows: int = Field(default=4, ge=2, le=9)
    dropout: float = Field(default=0.2, ge=0.0, lt=1.0)


class SentenceClassifier(nn.Module):
    """Token ids to one logit: positive where the sentence looks like a person's.

    The maximum over time of the states of two GRUs, one for each direction, and of convolutions.
    These learn broken joins from few examples; those see that a sentence of any length has no verb
    or two.

    Args:
        config: sizes.
        n_tokens: token ids, padding and unknown included.
    """

    def __init__(self, config: SentenceClassifierConfig, n_tokens: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(n_tokens, config.width, padding_idx=PAD)
        self.forwards = nn.GRU(config.width, config.hidden, batch_first=True)
        self.backwards = nn.GRU(config.width, config.hidden, batch_first=True)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.filters, window)
            for window in range(2, config.windows + 1)
        )
        self.dropout = nn.Dropout(config.dropout)
        n_features = 2 * config.hidden + config.filters * len(self.convolutions)
        self.output = nn.Linear(n_features, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            tokens: ``(batch, length) int64``, padded at the end with ``PAD``.

        Returns:
            ``(batch,) float32``.
        """
        inside = tokens != PAD
        embedded = self.dropout(self.embedding(tokens))
        # Each sentence is turned round within its own length, so that neither direction ever
        # reads padding before words and a sentence has the same score in any batch.
        places = torch.arange(tokens.shape[1], device=tokens.device)
        turned = inside.sum(1, keepdim=True) - 1 - places
        turned = torch.where(inside, turned, places).unsqueeze(2)
        left, _ = self.forwards(embedded)
        right, _ = self.backwards(embedded.gather(1, turned.expand_as(embedded)))
        states = torch.cat([left, right], dim=2).masked_fill(~inside.unsqueeze(2), float("-inf"))
        features = self.dropout(torch.cat([states.amax(dim=1), *self._local(embedded)], dim=1))
        logits: Tensor = self.output(features).squeeze(1)
        return logits

    def _local(self, embedded: Tensor) -> list[Tensor]:
        """Each convolution's maximum over time ``(batch, filters)``.

        A window of zeros is always there, before the sentence, so that those which the padding of
        a batch adds change no maximum.
        """
        columns = embedded.transpose(1, 2)
        pooled = []
        for window, convolution in enumerate(self.convolutions, start=2):
            padded = nn.functional.pad(columns, (window, window - 1))
            pooled.append(torch.relu(convolution(padded)).amax(dim=2))
        return pooled
