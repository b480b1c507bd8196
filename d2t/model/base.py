"""The interface of sequence-to-sequence models to search and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

from d2t.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from d2t.model.config import BiGRUConfig, PretrainedConfig, TransformerConfig

DecoderState = dict[str, "Tensor"]
"""What a decoder carries from step to step; the first dimension of every tensor is the row."""


class Seq2SeqModel(nn.Module, ABC):
    """The methods of a model that search and training call. Masks are bool with True = keep.

    Attributes:
        pad_id, bos_id, eos_id: special token ids.
        vocab_size: size of the output distribution.
        config: what the model was built from.
        position_limit: longest source or target the model can take, in tokens; None: any length.
        noise_shape: shape of the noise that ``perturb`` adds to one row.
    """

    config: TransformerConfig | BiGRUConfig | PretrainedConfig
    position_limit: int | None = None
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

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of one row's noise.

        Raises:
            UsageError: this model has no place for noise.
        """
        raise UsageError(
            "noise-injection sampling is not defined for this architecture; sample with the "
            "ancestral method instead"
        )

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """The state with ``noise (batch, *noise_shape)`` added, for the next ``step``.

        Zero noise changes nothing. What the noise is added to, and in which unit, is said by each
        model; it may not touch the encoded source (rule O7.3).

        Raises:
            UsageError: this model has no place for noise.
        """
        raise UsageError("noise-injection sampling is not defined for this architecture")

    def select(self, state: DecoderState, rows: Tensor) -> DecoderState:
        """The state of the given rows ``(n,) int64``, repeats allowed.

        For reordering beams, dropping finished rows, expanding a source into several candidates.
        """
        return {key: value.index_select(0, rows) for key, value in state.items()}

    def save_architecture(self, folder: Path) -> None:
        """Write what ``config`` does not say about the architecture; most models have nothing."""
