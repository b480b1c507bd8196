"""Greedy search, and what all searches in torch share: padded sources, the step, the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from d2t.errors import BackendError, UsageError
from d2t.search.backend import SearchResult

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


class Policy(Protocol):
    """How the next token of each row is chosen."""

    def before(self, state: DecoderState, rows: Tensor, step: int) -> DecoderState:
        """The state that ``step`` (from 1) begins with; ``rows (n,) int64`` says whose it is."""
        ...

    def choose(self, log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        """Tokens ``(n,) int64`` from ``log_probs (n, vocab)``; what is banned has -inf."""
        ...


class Greedy:
    """The likeliest token; the lower id wins a tie."""

    def before(self, state: DecoderState, rows: Tensor, step: int) -> DecoderState:
        """The state as it is."""
        return state

    def choose(self, log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        """The first of the highest."""
        return log_probs.argmax(dim=-1)


def walk(
    model: Seq2SeqModel, state: DecoderState, blocked: Tensor, policy: Policy, *, max_length: int
) -> list[SearchResult]:
    """Step all rows until each has produced EOS or ``max_length`` tokens; ended rows leave.

    Args:
        model: any steppable model, in eval mode; call this inside ``torch.inference_mode``.
        state: from ``model.start``, one row per result.
        blocked: ``(rows, vocab) bool``, True = never this token; scores are not renormalised.
        policy: chooses the tokens.
        max_length: most tokens generated, EOS included.
    """
    n, device = len(blocked), blocked.device
    out = torch.full((n, max_length), model.pad_id, dtype=torch.int64, device=device)
    total = torch.zeros(n, device=device)
    rows = torch.arange(n, device=device)  # which result each row of the state is
    token = torch.full_like(rows, model.bos_id)
    live = torch.ones_like(rows, dtype=torch.bool)
    for step in range(max_length):
        state = policy.before(state, rows, step + 1)
        log_probs, state = step_log_probs(model, token, state)
        log_probs.masked_fill_(blocked, IMPOSSIBLE)
        token = policy.choose(log_probs, rows, step + 1)
        chosen = log_probs.gather(1, token.unsqueeze(1)).squeeze(1)
        out[rows, step] = torch.where(live, token, model.pad_id)
        total[rows] += torch.where(live, chosen, 0.0)
        live &= token != model.eos_id
        n_live = int(live.sum())
        if n_live == 0:
            break
        if n_live <= 0.875 * len(rows):  # copying the state costs more than a few idle rows
            keep = torch.nonzero(live).squeeze(1)
            state, rows, token = model.select(state, keep), rows[keep], token[keep]
            blocked, live = blocked[keep], live[keep]
    return [
        _result(ids, score, model.eos_id)
        for ids, score in zip(out.tolist(), total.tolist(), strict=True)
    ]


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


def _result(ids: list[int], score: float, eos_id: int) -> SearchResult:
    if eos_id not in ids:
        return SearchResult(tuple(ids), score / len(ids), finished=False)
    end = ids.index(eos_id)
    return SearchResult(tuple(ids[:end]), score / (end + 1))
