"""Greedy search over anything that can be stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.decode.steps import (
    IMPOSSIBLE,
    SearchResult,
    blocked_tokens,
    check_settings,
    step_log_probs,
)

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import DecoderState, Seq2SeqModel


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
        tokens, total = _run(model, state, blocked, max_length)
    return [
        _result(ids, score, model.eos_id)
        for ids, score in zip(tokens.tolist(), total.tolist(), strict=True)
    ]


def _run(
    model: Seq2SeqModel, state: DecoderState, blocked: Tensor, max_length: int
) -> tuple[Tensor, Tensor]:
    """``(batch, max_length) int64`` tokens, padded, and summed log-probabilities ``(batch,)``."""
    n, device = len(blocked), blocked.device
    out = torch.full((n, max_length), model.pad_id, dtype=torch.int64, device=device)
    total = torch.zeros(n, device=device)
    rows = torch.arange(n, device=device)  # which source each row of the state is
    token = torch.full_like(rows, model.bos_id)
    live = torch.ones_like(rows, dtype=torch.bool)
    for step in range(max_length):
        log_probs, state = step_log_probs(model, token, state)
        log_probs.masked_fill_(blocked, IMPOSSIBLE)
        best, token = log_probs.max(dim=-1)  # the first index wins a tie
        out[rows, step] = torch.where(live, token, model.pad_id)
        total[rows] += torch.where(live, best, 0.0)
        live &= token != model.eos_id
        n_live = int(live.sum())
        if n_live == 0:
            break
        if n_live <= 0.875 * len(rows):  # copying the state costs more than a few idle rows
            keep = torch.nonzero(live).squeeze(1)
            state, rows, token = model.select(state, keep), rows[keep], token[keep]
            blocked, live = blocked[keep], live[keep]
    return out, total


def _result(ids: list[int], score: float, eos_id: int) -> SearchResult:
    if eos_id not in ids:
        return SearchResult(tuple(ids), score / len(ids), finished=False)
    end = ids.index(eos_id)
    return SearchResult(tuple(ids[:end]), score / (end + 1))
