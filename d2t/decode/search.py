"""Greedy and beam search over anything that can be stepped (``Seq2SeqModel``).

Both are batched, deterministic (ties go to the lower token id, then the better beam) and leave the
batch smaller as rows finish. In fp32 the ids do not depend on the batch size (STYLE D4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from d2t.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.model.base import DecoderState, Seq2SeqModel


_IMPOSSIBLE = float("-inf")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One token sequence found by a search.

    Attributes:
        ids: generated token ids, without BOS and EOS.
        score: mean log-probability (nats) per token, EOS included (spec §5.6).
        finished: False when ``max_length`` was reached before EOS.
    """

    ids: tuple[int, ...]
    score: float
    finished: bool = True


def pad_sources(
    sources: Sequence[Sequence[int]], pad_id: int, *, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Stack token id lists into ``(batch, src_len) int64`` and its bool mask (True = keep)."""
    width = max((len(source) for source in sources), default=0)
    ids = torch.full((len(sources), width), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(sources), width), dtype=torch.bool)
    for row, source in enumerate(sources):
        ids[row, : len(source)] = torch.tensor(source, dtype=torch.int64)
        mask[row, : len(source)] = True
    return ids.to(device), mask.to(device)


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
    _check(max_length=max_length)
    n = source_ids.size(0)
    if n == 0:
        return []
    with torch.inference_mode():
        blocked = _blocked(model, source_ids, banned)
        state = model.start(source_ids, source_mask)
        out = torch.full((n, max_length), model.pad_id, dtype=torch.int64, device=source_ids.device)
        total = torch.zeros(n, device=source_ids.device)
        length = torch.full((n,), max_length, dtype=torch.int64, device=source_ids.device)
        ended = torch.zeros(n, dtype=torch.bool, device=source_ids.device)
        rows = torch.arange(n, device=source_ids.device)  # which source each row of the state is
        token = torch.full_like(rows, model.bos_id)
        for step in range(max_length):
            log_probs, state = _step(model, token, state)
            best, token = log_probs.masked_fill_(blocked, _IMPOSSIBLE).max(
                dim=-1
            )  # the first index wins a tie
            live = ~ended[rows]
            out[rows, step] = torch.where(live, token, model.pad_id)
            total[rows] += torch.where(live, best, 0.0)
            now = live & (token == model.eos_id)
            ended[rows] |= now
            length[rows] = torch.where(now, step + 1, length[rows])
            n_live = int((live & ~now).sum())
            if n_live == 0:
                break
            if n_live <= 0.875 * len(rows):  # copying the state costs more than a few idle rows
                keep = torch.nonzero(live & ~now).squeeze(1)
                state, rows, token = model.select(state, keep), rows[keep], token[keep]
                blocked = blocked[keep]
        return _greedy_results(out, total, length, ended)


def beam_search(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    *,
    beam_size: int,
    n_best: int = 1,
    length_penalty: float = 1.0,
    max_length: int,
    banned: Tensor | None = None,
) -> list[list[SearchResult]]:
    """The ``n_best`` best of the hypotheses that ``beam_size`` beams find; beam 1 is greedy search.

    A hypothesis ends when EOS is among the ``beam_size`` best continuations of its source; a source
    is done when ``beam_size`` hypotheses have ended. They are ranked by
    ``sum of log-probabilities / length ** length_penalty`` (length with EOS; 1.0 is spec §5.6);
    hypotheses cut at ``max_length`` come after those that ended.

    Args:
        model: any steppable model, in eval mode.
        source_ids: ``(batch, src_len) int64``.
        source_mask: ``(batch, src_len) bool``, True = keep.
        beam_size: hypotheses kept per source and step.
        n_best: results per source, at most ``beam_size``.
        length_penalty: exponent of the length; above 1 favours longer texts.
        max_length: most tokens generated, EOS included.
        banned: as in ``greedy_search``.

    Returns:
        Per source, its results, best first (at least one; fewer than ``n_best`` only when the
        model gives no further hypothesis a probability above zero).

    Raises:
        UsageError: a setting is out of range.
        BackendError: the model returned NaN.
    """
    _check(max_length=max_length, beam_size=beam_size, n_best=n_best)
    if source_ids.size(0) == 0:
        return []
    with torch.inference_mode():
        pools = _run_beams(model, source_ids, source_mask, beam_size, max_length, banned)
    return [_ranked(pool, length_penalty)[:n_best] for pool in pools]


_Pool = list[tuple[float, list[int], bool]]
"""Hypotheses of one source: summed log-probability, ids without EOS, ended with EOS."""


def _run_beams(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    k: int,
    max_length: int,
    banned: Tensor | None,
) -> list[_Pool]:
    n, device = source_ids.size(0), source_ids.device
    pools: list[_Pool] = [[] for _ in range(n)]
    blocked = _blocked(model, source_ids, banned)
    sources = torch.arange(n, device=device)  # which source each group of k rows is
    state = model.select(model.start(source_ids, source_mask), sources.repeat_interleave(k))
    history = torch.full((n, k, max_length), model.pad_id, dtype=torch.int64, device=device)
    total = torch.full((n, k), _IMPOSSIBLE, device=device)
    total[:, 0] = 0.0  # the k rows of a source start equal: only the first may speak
    ended = torch.zeros(n, dtype=torch.int64, device=device)
    token = torch.full((n, k), model.bos_id, dtype=torch.int64, device=device)
    for step in range(max_length):
        log_probs, state = _step(model, token.reshape(-1), state)
        width = log_probs.size(-1)
        log_probs = log_probs.view(len(sources), k, width)
        log_probs.masked_fill_(blocked.unsqueeze(1), _IMPOSSIBLE)
        scores = (total.unsqueeze(-1) + log_probs).flatten(1)
        values, index = _top(scores, min(2 * k, k * width))
        beam, word = index // width, index % width
        is_eos = word == model.eos_id
        ends = is_eos[:, :k] & torch.isfinite(values[:, :k])
        for group, rank in torch.nonzero(ends).tolist():
            ids = history[group, int(beam[group, rank]), :step].tolist()
            pools[int(sources[group])].append((float(values[group, rank]), ids, True))
        # Of 2k candidates at most k are EOS (one a beam), so k others remain.
        order = torch.sort(is_eos.to(torch.int8), dim=1, stable=True).indices[:, :k]
        total = values.masked_fill(is_eos, float("-inf")).gather(1, order)
        beam, token = beam.gather(1, order), word.gather(1, order)
        history = history.gather(1, beam.unsqueeze(-1).expand(-1, -1, max_length))
        history[:, :, step] = token
        ended[sources] += ends.sum(dim=1)
        going = (ended[sources] < k) & torch.isfinite(total).any(dim=1)
        rows = torch.arange(len(sources), device=device).unsqueeze(1) * k + beam
        if not bool(going.all()):
            sources, total, token = sources[going], total[going], token[going]
            history, rows, blocked = history[going], rows[going], blocked[going]
        if len(sources) == 0:
            return pools
        state = model.select(state, rows.reshape(-1))
    for group, source in enumerate(sources.tolist()):
        for rank in range(k):
            if torch.isfinite(total[group, rank]):
                cut = history[group, rank].tolist()
                pools[source].append((float(total[group, rank]), cut, False))
    return pools


def _ranked(pool: _Pool, length_penalty: float) -> list[SearchResult]:
    """Best first; the sort is stable, so equal scores keep the order in which they were found."""

    def length(item: tuple[float, list[int], bool]) -> int:
        return len(item[1]) + item[2]  # EOS counts

    if not pool:
        raise BackendError("the search found no token sequence of non-zero probability")
    pool = sorted(pool, key=lambda item: (not item[2], -item[0] / length(item) ** length_penalty))
    return [SearchResult(tuple(item[1]), item[0] / length(item), item[2]) for item in pool]


def _top(scores: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The ``n`` highest of each row, ties by the lower index, also across the cut."""
    if n < scores.size(1):
        values, index = scores.topk(n + 1, dim=1)
        if not bool(((values[:, n - 1] == values[:, n]) & torch.isfinite(values[:, n])).any()):
            index, order = index[:, :n].sort(dim=1)
            values = values[:, :n].gather(1, order)
            values, order = values.sort(dim=1, descending=True, stable=True)
            return values, index.gather(1, order)
    values, index = scores.sort(dim=1, descending=True, stable=True)
    return values[:, :n], index[:, :n]


def _step(model: Seq2SeqModel, token: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
    """``(rows, vocab)`` log-probabilities in fp32, and the next state."""
    logits, state = model.step(token, state)
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    if bool(torch.isnan(log_probs[:, 0]).any()):  # NaN spreads over a softmax: one column tells
        raise BackendError(
            "the model returned NaN: its weights are damaged or its precision overflows; "
            "try --device cpu, or train again with a lower learning rate"
        )
    return log_probs, state


def _blocked(model: Seq2SeqModel, source_ids: Tensor, banned: Tensor | None) -> Tensor:
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


def _check(*, max_length: int, beam_size: int = 1, n_best: int = 1) -> None:
    if max_length < 1:
        raise UsageError(f"max_length must be at least 1, was {max_length}")
    if beam_size < 1:
        raise UsageError(f"beam_size must be at least 1, was {beam_size}")
    if not 1 <= n_best <= beam_size:
        raise UsageError(f"n_best must be between 1 and beam_size ({beam_size}), was {n_best}")


def _greedy_results(
    out: Tensor, total: Tensor, length: Tensor, ended: Tensor
) -> list[SearchResult]:
    rows = zip(out.tolist(), total.tolist(), length.tolist(), ended.tolist(), strict=True)
    return [
        SearchResult(tuple(ids[: n - 1] if done else ids[:n]), score / n, done)
        for ids, score, n, done in rows
    ]
