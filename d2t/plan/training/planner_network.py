"""The neural planner's network in torch, for training; ``d2t/plan/network.py`` has the formulas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from d2t.plan.network import MAX_COUNT

if TYPE_CHECKING:
    from torch import Tensor


class PlanBatch(NamedTuple):
    """Plans as rows, padded at the end; slots stand in the order of the plan.

    Attributes:
        slots, values: (batch, n) int64, rows of the tables; 0 is unseen, and padding.
        acts: (batch,) int64.
        mask: (batch, n) bool, True = a slot.
        breaks: (batch, n) bool: a sentence begins here (never True at 0).
        lengths, sentences: (batch, n) int64: slots of the sentence so far and sentences before it,
            at the border before each slot, both at most ``MAX_COUNT``.
    """

    slots: Tensor
    values: Tensor
    acts: Tensor
    mask: Tensor
    breaks: Tensor
    lengths: Tensor
    sentences: Tensor


class PlanLosses(NamedTuple):
    """Sums over the batch, in nats: of the order, and of the sentence breaks given the order."""

    order: Tensor
    breaks: Tensor


class PlannerModule(nn.Module):
    """Teacher-forced pointer network; its ``state_dict`` is what the numpy network reads."""

    def __init__(
        self, n_slots: int, n_values: int, n_acts: int, d: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.slot = nn.Parameter(_table(n_slots + 1, d, 0.5))
        self.value = nn.Parameter(_table(n_values + 1, d, 0.3))
        self.act = nn.Parameter(_table(n_acts + 1, d, 0.0))
        self.member = nn.Linear(d, d)
        self.first = nn.Linear(d, d)
        self.start = nn.Parameter(torch.zeros(d))
        self.gru = nn.GRU(d, d, batch_first=True)
        self.query = nn.Linear(3 * d, d)
        self.ask = nn.Linear(d, d, bias=False)
        self.key = nn.Linear(d, d, bias=False)
        self.border = nn.Linear(3 * d, d)
        self.length = nn.Parameter(torch.zeros(MAX_COUNT + 1, d))
        self.sentence = nn.Parameter(torch.zeros(MAX_COUNT + 1, d))
        self.stop = nn.Linear(d, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: PlanBatch, *, smoothing: float = 0.0) -> PlanLosses:
        """Negative log-likelihood of the plans.

        Args:
            batch: the plans.
            smoothing: share of the probability that goes evenly to the slots still to come.
        """
        tokens = self.dropout(_rows(self.slot, batch.slots) + _rows(self.value, batch.values))
        members = torch.relu(self.member(tokens)) * batch.mask[..., None]
        total = members.sum(1)  # (batch, d)
        before = tokens.new_zeros(len(tokens), 1, tokens.shape[2])
        said = torch.cat([before, members[:, :-1]], 1).cumsum(1)
        remaining = total[:, None] - said  # (batch, n, d)
        first = torch.tanh(self.first(total) + _rows(self.act, batch.acts))
        start = self.start.expand(len(tokens), 1, -1)
        last = torch.cat([start, tokens[:, :-1]], 1)
        hidden = self.dropout(self.gru(last, first[None].contiguous())[0])
        order = self._order_loss(hidden, remaining, last, tokens, batch.mask, smoothing)
        seen = torch.cat([hidden, tokens, remaining], 2)
        mixed = self.border(seen) + self.length[batch.lengths] + self.sentence[batch.sentences]
        logits = self.stop(torch.relu(mixed)).squeeze(2)
        each = functional.binary_cross_entropy_with_logits(
            logits, batch.breaks.float(), reduction="none"
        )
        inner = batch.mask.clone()
        inner[:, 0] = False  # there is no border before the first slot
        return PlanLosses(order, each[inner].sum())

    def _order_loss(
        self,
        hidden: Tensor,
        remaining: Tensor,
        last: Tensor,
        tokens: Tensor,
        mask: Tensor,
        smoothing: float,
    ) -> Tensor:
        n = tokens.shape[1]
        query = self.ask(torch.tanh(self.query(torch.cat([hidden, remaining, last], 2))))
        scores = query @ self.key(tokens).transpose(1, 2) / math.sqrt(query.shape[2])
        to_come = torch.ones(n, n, dtype=torch.bool, device=scores.device).triu()
        left = to_come & mask[:, None]  # (batch, step, slot)
        scores = scores.masked_fill(~left, float("-inf"))
        scores = scores.masked_fill(~mask[:, :, None], 0.0)  # padded steps: any finite row
        log_probs = scores.log_softmax(2)
        nll = -log_probs.diagonal(dim1=1, dim2=2)
        if smoothing:
            even = -log_probs.masked_fill(~left, 0.0).sum(2) / left.sum(2).clamp(min=1)
            nll = (1 - smoothing) * nll + smoothing * even
        return nll[mask].sum()


def _table(rows: int, d: int, std: float) -> Tensor:
    table = torch.randn(rows, d) * std
    table[0] = 0.0
    return table


def _rows(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of a table; row 0 gets no gradient, so what was never seen stays all zero."""
    return functional.embedding(ids, table, padding_idx=0)
