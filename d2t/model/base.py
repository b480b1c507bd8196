"""The seam between models, search and training: a seq2seq model that can be stepped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

DecoderState = dict[str, "Tensor"]
"""What a decoder carries from step to step; the first dimension of every tensor is the row."""


class Seq2SeqModel(nn.Module, ABC):
    """What search and training need of a model. Masks are bool with True = keep.

    Attributes:
        pad_id, bos_id, eos_id: special token ids.
        vocab_size: size of the output distribution.
    """

    pad_id: int
    bos_id: int
    eos_id: int
    vocab_size: int

    @abstractmethod
    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits.

        Args:
            source_ids: ``(batch, src_len) int64``.
            source_mask: ``(batch, src_len) bool``, True = keep.
            target_ids: ``(batch, tgt_len) int64``, decoder input, begins with BOS.

        Returns:
            ``(batch, tgt_len, vocab) float``: logits of the token after each target position.
        """

    def logits_of(
        self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor, rows: Tensor
    ) -> Tensor:
        """Teacher-forced logits of some positions only; models override it to project only those.

        Args:
            source_ids: as in ``forward``.
            source_mask: as in ``forward``.
            target_ids: as in ``forward``.
            rows: ``(n,) int64``, indices into the flattened ``(batch * tgt_len)`` positions.

        Returns:
            ``(n, vocab) float``, in the autocast type where there is one.
        """
        logits = self.forward(source_ids, source_mask, target_ids)
        return logits.reshape(-1, logits.shape[-1])[rows]

    @abstractmethod
    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode the source once and return the state before the first step, one row per source."""

    @abstractmethod
    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One decoder step.

        Args:
            token_ids: ``(batch,) int64``, the previous token of each row (BOS first).
            state: from ``start`` or the previous ``step``.

        Returns:
            Logits ``(batch, vocab) float`` and the next state.
        """

    def select(self, state: DecoderState, rows: Tensor) -> DecoderState:
        """The state of the given rows ``(n,) int64``, repeats allowed.

        For reordering beams, dropping finished rows, expanding a source into several candidates.
        """
        return {key: value.index_select(0, rows) for key, value in state.items()}
