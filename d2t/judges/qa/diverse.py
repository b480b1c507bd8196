"""Diverse beam search with one beam a group (Vijayakumar et al. 2018), as QUALS proposes pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.errors import UsageError
from d2t.search.greedy import Greedy, walk
from d2t.search.steps import blocked_tokens, check_settings

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.search.backend import SearchResult


def diverse_search(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    *,
    n_groups: int,
    penalty: float,
    max_length: int,
) -> list[list[SearchResult]]:
    """``n_groups`` sequences a source; a token costs ``penalty`` for each group that has chosen it.

    The scores of the results are the model's own mean log-probabilities: the penalty chooses and is
    not counted (rule F1.2: in the original it is). fairseq counts the two best candidates of every
    earlier group, we count the token each has chosen.

    Args:
        model: any steppable model, in eval mode.
        source_ids: ``(batch, src_len) int64``.
        source_mask: ``(batch, src_len) bool``, True = keep.
        n_groups: 60 in QUALS.
        penalty: Hamming diversity strength, 0.5 in QUALS.
        max_length: most tokens generated, EOS included.

    Raises:
        UsageError: no group, or ``max_length`` is below 1.
        BackendError: the model returned NaN.
    """
    check_settings(max_length=max_length)
    if n_groups < 1:
        raise UsageError(f"n_groups must be at least 1, was {n_groups}")
    n = source_ids.size(0)
    if n == 0:
        return []
    with torch.inference_mode():
        source = torch.arange(n, device=source_ids.device).repeat_interleave(n_groups)
        state = model.select(model.start(source_ids, source_mask), source)
        blocked = blocked_tokens(model, source_ids, None)[source]
        policy = DiverseGroups(n, n_groups, penalty)
        found = walk(model, state, blocked, policy, max_length=max_length)
    return [found[at * n_groups : (at + 1) * n_groups] for at in range(n)]


class DiverseGroups(Greedy):
    """Greedy in each group, after a penalty on what the groups before it chose at this step."""

    def __init__(self, n_sources: int, n_groups: int, penalty: float) -> None:
        """Row ``r`` of the walk is group ``r % n_groups`` of source ``r // n_groups``."""
        self._n_sources = n_sources
        self._n_groups = n_groups
        self._penalty = penalty

    def choose(self, log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        """Group after group, for all sources at once."""
        taken = log_probs.new_zeros((self._n_sources, log_probs.size(1)))
        chosen = torch.empty_like(rows)
        group, source = rows % self._n_groups, rows // self._n_groups
        for number in range(self._n_groups):
            here = torch.nonzero(group == number).squeeze(1)
            if not len(here):
                continue
            of = source[here]
            token = (log_probs[here] - self._penalty * taken[of]).argmax(dim=-1)
            taken[of, token] += 1.0
            chosen[here] = token
        return chosen
