"""What the batches of one optimizer step are drawn from, and how the loss of each counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from d2t.errors import DataError
from d2t.model.loss import smoothed_cross_entropy
from d2t.seeding import derive_seed
from d2t.train.data.batching import BatchOptions, collate, plan_batches
from d2t.train.loop.assemble import check_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.train.config.options import TrainConfig
    from d2t.train.data.batching import Batch, BatchPlan, EncodedPair


class TokenLoss(Protocol):
    """Loss of labelled tokens, ``smoothed_cross_entropy`` or another one of its signature."""

    def __call__(
        self, logits: Tensor, targets: Tensor, *, pad_id: int, smoothing: float
    ) -> tuple[Tensor, int]:
        """Sum over the tokens that count (fp32 scalar, nats), and their number."""
        ...


class EpochEncoder(Protocol):
    """Renders what is trained on, anew each epoch; pairs are whatever it understands."""

    def encode_epoch(self, pairs: Sequence[Any], epoch: int | str) -> list[EncodedPair]:
        """Token ids of one epoch: a function of the epoch's label."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of training pairs; every optimizer step takes batches of each.

    The loss of a step is the sum over parts of ``loss_k / d_k``, where ``loss_k`` is the sum over
    the part's ``n_k`` labels. Without a ``share`` ``d_k`` is the number of labels of all parts
    together, so that every label weighs the same; with one it is ``n_k / share``: a weighted mean
    of the parts' mean losses.

    Attributes:
        pairs: what the assembly's encoder understands.
        share: weight of the part's mean loss, above 0.
        loss: of its labels.
        one_source: pairs with equal sources come together, and their source is encoded once: the
            same loss for less work (the same dropout mask too), where a source has several pairs.
    """

    pairs: Sequence[Any]
    share: float | None = None
    loss: TokenLoss = smoothed_cross_entropy
    one_source: bool = False

    def denominator(self, n_own: int, n_all: int) -> float:
        """What the sum over this part's labels is divided by."""
        return n_all if self.share is None else n_own / self.share


@dataclass(frozen=True)
class StepParts:
    """The parts of the loss, and what the manifest says of them.

    Attributes:
        parts: see ``Part``.
        counts: for the manifest.
        digests: SHA-256 of what was read beside the corpus.
    """

    parts: list[Part]
    counts: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


class PartReader:
    """Batches of one part, epoch after epoch; the first part's epochs are those of the run.

    Attributes:
        position: epoch in progress, from 0, and batches of it that are used; set it to go on.
        n_dropped: pairs of the current epoch that are longer than ``max_length``.
    """

    def __init__(
        self, part: Part, number: int, encoder: EpochEncoder, config: TrainConfig, *, pad: int,
        bos: int,
    ) -> None:  # fmt: skip
        self.part, self.n_dropped = part, 0
        self.position = (0, 0)
        self._encoder, self._config, self._number = encoder, config, number
        self._seed = derive_seed(config.seed, "part", number) if number else config.seed
        self._options = batch_options(config, shared=part.one_source)
        self._pad_id, self._bos_id = pad, bos
        self._epoch: tuple[int, list[EncodedPair], list[BatchPlan]] | None = None
        if not part.pairs:
            raise DataError(
                "one of the parts of the training data (corpus, data.augment, objective.pairs) has "
                "no pairs; check the files named there"
            )

    def next(self) -> Batch:
        """The next batch; moves ``position`` on."""
        epoch, at = self.position
        encoded, plans = self.epoch(epoch)
        while at >= len(plans):
            epoch, at = epoch + 1, 0
            encoded, plans = self.epoch(epoch)
        self.position = (epoch, at + 1)
        return collate(encoded, plans[at], pad_id=self._pad_id, bos_id=self._bos_id)

    def epoch(self, epoch: int) -> tuple[list[EncodedPair], list[BatchPlan]]:
        """What is read in ``epoch``, and in which batches: a function of (seed, part, epoch)."""
        if self._epoch is None or self._epoch[0] != epoch:
            label = f"{self._number}:{epoch}" if self._number else epoch
            encoded = self._encoder.encode_epoch(self.part.pairs, label)
            longest = self._config.train.max_length
            kept = [p for p in encoded if max(len(p.source), len(p.target)) <= longest]
            self.n_dropped = len(encoded) - len(kept)
            check_lengths(len(kept), len(encoded), longest)
            plans = plan_batches(kept, self._options, seed=self._seed, epoch=epoch)
            self._epoch = (epoch, kept, plans)
        return self._epoch[1:]


def batch_options(config: TrainConfig, *, shared: bool = False) -> BatchOptions:
    """The batching part of ``[train]``; ``shared``: see ``Part.one_source``."""
    return BatchOptions(
        config.train.batch_size,
        config.train.batch_tokens,
        config.train.source_multiple,
        config.train.target_multiple,
        shared,
    )


_ROW_MULTIPLE = 256  # every new number of rows costs the CPU backend a compilation


def needed_logits(model: Seq2SeqModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits ``(n, vocab)`` and labels ``(n,)`` of the positions with a label, and a few without.

    The projection to the vocabulary is a third of a small model's work, so models that have a
    ``hidden`` method and an ``output`` layer project the labelled positions only, rounded up to a
    multiple of 256 by positions whose label is PAD. Other models compute all positions. Only a
    Transformer of ours can share sources.
    """
    labels = batch.labels.reshape(-1)
    hidden_of = getattr(model, "hidden", None)
    project = getattr(model, "output", None)
    if hidden_of is None or project is None:
        logits = model(batch.source_ids, batch.source_mask, batch.decoder_input)
        return logits.reshape(labels.shape[0], -1), labels
    shared = () if batch.source_rows is None else (batch.source_rows,)
    hidden = hidden_of(batch.source_ids, batch.source_mask, batch.decoder_input, *shared)
    # A stable sort by "is PAD" puts the labelled positions first, in order.
    order = torch.argsort((labels == model.pad_id).to(torch.uint8), stable=True)
    n_labelled = int((labels != model.pad_id).sum())
    kept = order[: -(-max(1, n_labelled) // _ROW_MULTIPLE) * _ROW_MULTIPLE]
    flat = hidden.reshape(-1, hidden.shape[-1])
    return project(flat[kept]), labels[kept]
