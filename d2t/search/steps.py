"""What greedy and beam search share: results, padded sources, one guarded step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.model.base import DecoderState, Seq2SeqModel

IMPOSSIBLE = float("-inf")


def pad_sources(
    sources: Sequence[Sequence[int]],
    pad_id: int,
    *,
    device: torch.device | str = "cpu",
    width: int = 0,
) -> tuple[Tensor, Tensor]:
    """Stack token id lists into ``(batch, src_len) int64`` and its bool mask (True = keep).

    ``width`` is the least ``src_len``: room for sources that may come later.
    """
    width = max([width, *(len(source) for source in sources)])
    ids = torch.full((len(sources), width), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(sources), width), dtype=torch.bool)
    for row, source in enumerate(sources):
        ids[row, : len(source)] = torch.tensor(source, dtype=torch.int64)
        mask[row, : len(source)] = True
    return ids.to(device), mask.to(device)


def step_log_probs(
    model: Seq2SeqModel, token: Tensor, state: DecoderState
) -> tuple[Tensor, DecoderState]:
    """``(rows, vocab)`` log-probabilities in fp32, and the next state."""
    logits, state = model.step(token, state)
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    if bool(torch.isnan(log_probs[:, 0]).any()):  # NaN spreads over a softmax: one column tells
        raise BackendError(
            "the model returned NaN: its weights are damaged or its precision overflows; "
            "try --device cpu, or train again with a lower learning rate"
        )
    return log_probs, state


def blocked_tokens(model: Seq2SeqModel, source_ids: Tensor, banned: Tensor | None) -> Tensor:
    """``(batch, vocab) bool``: never to be generated; PAD and BOS unless they are EOS too."""
    blocked = torch.zeros(
        (source_ids.size(0), model.vocab_size), dtype=torch.bool, device=source_ids.device
    )
    if banned is not None:
        blocked |= banned.to(source_ids.device)
    for token in {model.pad_id, model.bos_id} - {model.eos_id}:
        blocked[:, token] = True
    blocked[:, model.eos_id] = False
    return blocked


def check_settings(*, max_length: int, beam_size: int = 1, n_best: int = 1) -> None:
    """Raise ``UsageError`` for a search that cannot be run."""
    if max_length < 1:
        raise UsageError(f"max_length must be at least 1, was {max_length}")
    if beam_size < 1:
        raise UsageError(f"beam_size must be at least 1, was {beam_size}")
    if not 1 <= n_best <= beam_size:
        raise UsageError(f"n_best must be between 1 and beam_size ({beam_size}), was {n_best}")
