"""Training the neural planner: plans of the training texts in, a small numpy planner out."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import torch

from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation
from d2t.plan.network import MAX_COUNT
from d2t.plan.neural import NeuralPlanner
from d2t.plan.oracle import order_of
from d2t.plan.training.planner_network import PlanBatch, PlanLosses, PlannerModule
from d2t.plan.vocabulary import PlanVocabulary
from d2t.seeding import derive_seed, seed_everything
from d2t.train.loop.small import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain

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
