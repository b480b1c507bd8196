"""Training of the neural planner on the plans of the training texts."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation
from d2t.plan.network import MAX_COUNT, PlanVocabulary
from d2t.plan.neural import NeuralPlanner
from d2t.plan.untrained import order_of
from d2t.seeding import derive_seed, seed_everything
from d2t.train.loop.small import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


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


VALUE_DROPOUT = 0.05
"""Chance that a value is hidden in training, so that a slot's own row serves for unseen values."""
WARMUP = 100
"""Steps, at most a tenth of all."""
EVALUATION_ROWS = 512


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """How a planner is trained; the defaults were chosen on the cleaned E2E's development set.

    Attributes:
        width: of embeddings and states.
        epochs: passes over the plans; the epoch with the best development loss is kept.
        batch_size: plans a step, of one length.
        lr: peak of a cosine schedule after a warm-up (Adam).
        dropout: on embeddings and states.
        smoothing: label smoothing over the slots still to come (rule O4.2).
        seed: of weights, order and dropout.
    """

    width: int = 96
    epochs: int = 15
    batch_size: int = 256
    lr: float = 4e-3
    dropout: float = 0.15
    smoothing: float = 0.0
    seed: int = 0


class PlanRow(NamedTuple):
    """One plan as numbers, slots in plan order."""

    slots: list[int]
    values: list[int]
    act: int
    breaks: list[bool]
    lengths: list[int]
    sentences: list[int]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """Development losses in nats per plan: of orders, and of breaks given the order."""

    epoch: int
    order_nll: float
    break_nll: float
    seconds: float


def train_planner(
    train: Sequence[Example],
    dev: Sequence[Example],
    domain: Domain,
    settings: PlannerSettings | None = None,
    *,
    progress: Callable[[EpochReport], None] = lambda _: None,
) -> NeuralPlanner:
    """Fit a planner to the aligned plans of ``train``; ``dev`` chooses the epoch.

    Each reference is one plan: orders are multi-modal, and the model is to know all modes. Later
    mentions of a slot are left out (rule O4.2). Deterministic for a seed on one machine.

    Raises:
        DataError: one of the splits has no example with a plan.
    """
    settings = settings or PlannerSettings()
    vocabulary = PlanVocabulary.fit(train, domain)
    rows, dev_rows = _plan_rows(train, vocabulary), _plan_rows(dev, vocabulary)
    if not rows or not dev_rows:
        empty = "development" if rows else "training"
        raise DataError(f"the {empty} examples have no plans; align them (`align_examples`)")
    seed_everything(derive_seed(settings.seed, "planner"))
    sizes = len(vocabulary.slots), len(vocabulary.values), len(vocabulary.acts)
    module = PlannerModule(*sizes, settings.width, dropout=settings.dropout)
    best: tuple[float, NeuralPlanner] | None = None
    started = time.perf_counter()

    def loss(batch: list[PlanRow]) -> torch.Tensor:
        losses = module(_tensors(batch, hide=True), smoothing=settings.smoothing)
        return (losses.order + losses.breaks) / len(batch)

    def evaluate(epoch: int) -> None:
        nonlocal best
        order, breaks = _evaluate(module, dev_rows)
        report = EpochReport(epoch + 1, order, breaks, time.perf_counter() - started)
        progress(report)
        if best is None or order + breaks < best[0]:
            info = {**asdict(settings), "best": asdict(report)}
            best = order + breaks, _frozen(module, vocabulary, info)

    fit(
        module, lambda epoch: list(_batches(rows, settings, epoch + 1)), loss,
        epochs=settings.epochs, lr=settings.lr, betas=(0.9, 0.999), schedule=_rate, clip=5.0,
        after_epoch=evaluate,
    )  # fmt: skip
    assert best is not None
    return best[1]


def _frozen(
    module: PlannerModule, vocabulary: PlanVocabulary, info: dict[str, object]
) -> NeuralPlanner:
    """The planner as it is now; weights are copied."""
    weights = {name: w.detach().numpy().copy() for name, w in module.state_dict().items()}
    return NeuralPlanner(vocabulary, weights, info=info)


def _rate(step: int, n_steps: int) -> float:
    """Linear warm-up, then a cosine down to 0, as a share of the peak rate."""
    warmup = min(WARMUP, max(1, n_steps // 10))
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / n_steps)))


def _plan_rows(examples: Sequence[Example], vocabulary: PlanVocabulary) -> list[PlanRow]:
    rows = []
    for example in examples:
        if example.plan is None or not example.plan.slots:
            continue
        plan = order_of(example.plan, MeaningRepresentation(example.plan.slots))
        slots, values = vocabulary.rows(plan.slots)
        lengths, sentences, starts = [], [], set(plan.breaks or ())
        length = sentence = 0
        for at in range(len(plan.slots)):  # what is known at the border before each slot
            lengths.append(min(length, MAX_COUNT))
            sentences.append(min(sentence, MAX_COUNT))
            sentence += at in starts
            length = 1 if at in starts else length + 1
        act = vocabulary.act_row(example.mr.dialogue_act)
        breaks = [at in starts for at in range(len(plan.slots))]
        rows.append(PlanRow(slots.tolist(), values.tolist(), act, breaks, lengths, sentences))
    return rows


def _batches(
    rows: Sequence[PlanRow], settings: PlannerSettings, epoch: int
) -> Iterator[list[PlanRow]]:
    """Rows of like length together, in a random order that (seed, epoch) decide."""
    rng = Random(derive_seed(settings.seed, "planner batches", epoch))
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].slots), rng.random()))
    starts = list(range(0, len(order), settings.batch_size))
    rng.shuffle(starts)
    for start in starts:
        yield [rows[i] for i in order[start : start + settings.batch_size]]


def _tensors(batch: Sequence[PlanRow], *, hide: bool = False) -> PlanBatch:
    n = max(len(row.slots) for row in batch)

    def padded(key: str) -> torch.Tensor:
        """One field of every row, (batch, n) int64."""
        lists = [getattr(row, key) for row in batch]
        return torch.tensor([[*found, *[0] * (n - len(found))] for found in lists])

    values = padded("values")
    if hide:
        values = values.masked_fill(torch.rand(values.shape) < VALUE_DROPOUT, 0)
    lengths = torch.tensor([len(row.slots) for row in batch])
    return PlanBatch(
        slots=padded("slots"),
        values=values,
        acts=torch.tensor([row.act for row in batch]),
        mask=torch.arange(n)[None] < lengths[:, None],
        breaks=padded("breaks").bool(),
        lengths=padded("lengths"),
        sentences=padded("sentences"),
    )


def _evaluate(module: PlannerModule, rows: Sequence[PlanRow]) -> tuple[float, float]:
    """Nats per plan: order, breaks."""
    module.eval()
    order = breaks = 0.0
    with torch.no_grad():
        for start in range(0, len(rows), EVALUATION_ROWS):
            losses: PlanLosses = module(_tensors(rows[start : start + EVALUATION_ROWS]))
            order += float(losses.order)
            breaks += float(losses.breaks)
    return order / len(rows), breaks / len(rows)
