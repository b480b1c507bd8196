"""Greedy search over anything that can be stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.search.steps import blocked_tokens, check_settings
from d2t.search.walk import Greedy, walk

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.search.backend import SearchResult


def greedy_search(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    *,
    max_length: int,
    banned: Tensor | None = None,
) -> list[SearchResult]:
    """The best token at each step, until EOS or ``max_length`` tokens.

    Args:
        model: any steppable model, in eval mode.
        source_ids: ``(batch, src_len) int64``.
        source_mask: ``(batch, src_len) bool``, True = keep.
        max_length: most tokens generated, EOS included.
        banned: ``(batch, vocab) bool``, True = never generate this token for this row; PAD and BOS
            are always banned. Scores stay the model's own (nothing is renormalised).

    Returns:
        One result per row.

    Raises:
        UsageError: ``max_length`` is below 1.
        BackendError: the model returned NaN.
    """
    check_settings(max_length=max_length)
    if source_ids.size(0) == 0:
        return []
    with torch.inference_mode():
        blocked = blocked_tokens(model, source_ids, banned)
        state = model.start(source_ids, source_mask)
        return walk(model, state, blocked, Greedy(), max_length=max_length)
