"""Beam search over anything that can be stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.errors import BackendError
from d2t.search.backend import SearchResult
from d2t.search.greedy import (
    IMPOSSIBLE,
    blocked_tokens,
    check_settings,
    step_log_probs,
)

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import DecoderState, Seq2SeqModel


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

    A hypothesis ends when EOS is among the ``beam_size`` best continuations of its source. They are
    ranked by ``sum of log-probabilities / length ** length_penalty`` (length with EOS; 1.0 is rule
    O5.6); hypotheses cut at ``max_length`` come after those that ended. A source is done when
    ``beam_size`` hypotheses have ended and no beam, ranked as if it ended here, is better than the
    last of them: without that, texts that stop in mid-sentence end the search of a model that is
    sure of itself.

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
    check_settings(max_length=max_length, beam_size=beam_size, n_best=n_best)
    if source_ids.size(0) == 0:
        return []
    with torch.inference_mode():
        blocked = blocked_tokens(model, source_ids, banned)
        state = _BeamState(model, model.start(source_ids, source_mask), beam_size)
        pools = _run_beams(model, state, blocked, beam_size, max_length, length_penalty)
    return [_ranked(pool, length_penalty)[:n_best] for pool in pools]


class _BeamState:
    """The decoder state of all beams, copied no more than needed.

    What no step has ever replaced is the same for all beams of a source (the encoded source, its
    keys and values): reordering beams within sources leaves it alone. That is most of the bytes.
    """

    def __init__(self, model: Seq2SeqModel, state: DecoderState, k: int) -> None:
        self._model = model
        rows = next(iter(state.values())).size(0)
        device = next(iter(state.values())).device
        self._state = model.select(state, torch.arange(rows, device=device).repeat_interleave(k))
        self._constant = set(self._state)

    def step(self, token: Tensor) -> Tensor:
        """``(rows, vocab)`` log-probabilities after ``token (rows,)``."""
        log_probs, state = step_log_probs(self._model, token, self._state)
        self._constant = {key for key in self._constant if state.get(key) is self._state[key]}
        self._state = state
        return log_probs

    def reorder(self, rows: Tensor, *, dropping: bool) -> None:
        """Keep ``rows``; ``dropping`` says that whole sources leave, so that everything moves."""
        if dropping:
            self._state = self._model.select(self._state, rows)
            return
        kept = {key: self._state[key] for key in self._constant}
        moving = {key: value for key, value in self._state.items() if key not in kept}
        self._state = self._model.select(moving, rows) | kept


_Pool = list[tuple[float, list[int], bool]]
"""Hypotheses of one source: summed log-probability, ids without EOS, ended with EOS."""


def _run_beams(
    model: Seq2SeqModel,
    state: _BeamState,
    blocked: Tensor,
    k: int,
    max_length: int,
    length_penalty: float,
) -> list[_Pool]:
    n, device = len(blocked), blocked.device
    pools: list[_Pool] = [[] for _ in range(n)]
    sources = torch.arange(n, device=device)  # which source each group of k rows is
    history = torch.full((n, k, max_length), model.pad_id, dtype=torch.int64, device=device)
    total = torch.full((n, k), IMPOSSIBLE, device=device)
    total[:, 0] = 0.0  # the k rows of a source start equal: only the first may speak
    best_ended = torch.full_like(total, IMPOSSIBLE)  # the k best scores of what has ended
    token = torch.full((n, k), model.bos_id, dtype=torch.int64, device=device)
    for step in range(max_length):
        values, beam, word = _continuations(state.step(token.reshape(-1)), total, blocked)
        is_eos = word == model.eos_id
        ends = is_eos[:, :k] & torch.isfinite(values[:, :k])
        at = torch.nonzero(ends, as_tuple=True)
        said = history[at[0], beam[at], :step]
        _collect(pools, sources[at[0]], values[at], said, ended=True)
        # Of 2k candidates at most k are EOS (one a beam), so k others remain.
        order = torch.sort(is_eos.to(torch.int8), dim=1, stable=True).indices[:, :k]
        length = float(step + 1) ** length_penalty
        scores = torch.where(ends, values[:, :k] / length, IMPOSSIBLE)
        best_ended = torch.cat([best_ended, scores], dim=1).topk(k, dim=1).values
        total = values.masked_fill(is_eos, IMPOSSIBLE).gather(1, order)
        beam, token = beam.gather(1, order), word.gather(1, order)
        history = history.gather(1, beam.unsqueeze(-1).expand(-1, -1, max_length))
        history[:, :, step] = token
        going = total.amax(dim=1) / length > best_ended[:, -1]
        rows = torch.arange(len(sources), device=device).unsqueeze(1) * k + beam
        dropping = not bool(going.all())
        if dropping:
            sources, total, token = sources[going], total[going], token[going]
            best_ended, blocked = best_ended[going], blocked[going]
            history, rows = history[going], rows[going]
        if len(sources) == 0:
            return pools
        state.reorder(rows.reshape(-1), dropping=dropping)
    at = torch.nonzero(torch.isfinite(total), as_tuple=True)
    _collect(pools, sources[at[0]], total[at], history[at], ended=False)
    return pools


def _continuations(
    log_probs: Tensor, total: Tensor, blocked: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The 2k best continuations of each source: summed log-probabilities, beams, tokens.

    Args:
        log_probs: ``(sources * k, vocab)``; changed in place.
        total: ``(sources, k)``, summed log-probabilities so far.
        blocked: ``(sources, vocab) bool``, True = never this token.
    """
    n, k = total.shape
    log_probs = log_probs.view(n, k, -1).masked_fill_(blocked.unsqueeze(1), IMPOSSIBLE)
    scores = (total.unsqueeze(-1) + log_probs).flatten(1)
    values, index = _top(scores, min(2 * k, scores.size(1)))
    width = log_probs.size(-1)
    return values, index // width, index % width


def _collect(
    pools: list[_Pool], sources: Tensor, totals: Tensor, histories: Tensor, *, ended: bool
) -> None:
    """Put hypotheses into the pools of their sources, in the order given."""
    rows = zip(sources.tolist(), totals.tolist(), histories.tolist(), strict=True)
    for source, total, ids in rows:
        pools[source].append((total, ids, ended))


def _ranked(pool: _Pool, length_penalty: float) -> list[SearchResult]:
    """Best first; the sort is stable, so equal scores keep the order in which they were found."""

    def length(item: tuple[float, list[int], bool]) -> int:
        """Tokens of a hypothesis, EOS included."""
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
