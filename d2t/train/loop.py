"""The training loop: batches in, weights out; what is random derives from (seed, epoch, step)."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import torch

from d2t.model.loss import smoothed_cross_entropy
from d2t.seeding import derive_seed
from d2t.train.assemble import check_lengths
from d2t.train.average import MovingAverage
from d2t.train.batching import BatchOptions, collate, plan_batches
from d2t.train.checkpoint import Progress, load_checkpoint, pack, save_checkpoint, unpack
from d2t.train.forward import needed_logits
from d2t.train.optim import autocast, make_optimizer, pick_precision
from d2t.train.schedule import default_warmup, rate_factor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from d2t.model.base import Seq2SeqModel
    from d2t.train.batching import Batch, BatchPlan, EncodedPair
    from d2t.train.config import TrainConfig
    from d2t.train.interrupt import StopFlag
    from d2t.train.progress import Reporter
    from d2t.train.selection import DevResult
    from d2t.train.workers import Workers

_SPEED_WINDOW = 0.95  # decay of the running loss that the progress bar shows


class EpochEncoder(Protocol):
    """Renders what is trained on, anew each epoch; pairs are whatever it understands."""

    def encode_epoch(self, pairs: Sequence[Any], epoch: int) -> list[EncodedPair]:
        """Token ids of one epoch: a function of the epoch's number."""
        ...


class Trainable(Protocol):
    """A model and how its training pairs are read; ``d2t.train.assemble.Assembly`` is one."""

    @property
    def model(self) -> Seq2SeqModel:
        """What is trained."""
        ...

    @property
    def encoder(self) -> EpochEncoder:
        """What it reads."""
        ...


class Loop:
    """Trains one model; knows nothing of files but the checkpoint folder it is given.

    Attributes:
        progress: where the run stands.
        total_steps: optimizer steps of the full run.
        n_dropped: pairs of the current epoch that are longer than ``max_length``.
    """

    def __init__(
        self, config: TrainConfig, assembly: Trainable, pairs: Sequence[Any], workers: Workers
    ) -> None:
        self.config, self.assembly, self.pairs, self.workers = config, assembly, pairs, workers
        self.options = batch_options(config)
        self.model = assembly.model.to(workers.device)
        workers.share_parameters(self.model)
        self.precision = pick_precision(config.train.precision, workers.device)
        self.optimizer = make_optimizer(self.model, config, workers.device)
        decay = config.train.average
        self.average = MovingAverage(self.model, decay) if decay else None
        self.progress = Progress()
        self.n_dropped = 0
        self._epoch: tuple[int, list[EncodedPair], list[BatchPlan]] | None = None
        n_batches = len(self._epoch_plan(0)[1])
        self.steps_per_epoch = max(1, -(-n_batches // config.train.accumulate))
        by_epochs = max(1, round(config.train.epochs * self.steps_per_epoch))
        self.total_steps = config.train.max_steps or by_epochs
        self.every = config.select.every or self.steps_per_epoch
        warmup = config.train.warmup_steps
        self.warmup = default_warmup(self.total_steps) if warmup is None else warmup

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        self.progress, tensors = load_checkpoint(folder)
        values = self.average.values if self.average else None
        unpack(tensors, self.model, self.optimizer, values)

    def save(self, folder: Path) -> None:
        """Write a checkpoint; only the main process does."""
        if self.workers.is_main:
            values = self.average.values if self.average else None
            tensors = pack(self.model, self.optimizer, values)
            save_checkpoint(folder, self.progress, tensors, self.config.digest())

    def run(
        self,
        evaluate: Callable[[Loop], DevResult],
        keep: Callable[[Loop, DevResult], None],
        checkpoints: Path,
        stop: StopFlag,
        reporter: Reporter,
    ) -> bool:
        """Train to the end, or until asked to stop.

        Args:
            evaluate: called every ``every`` steps and at the end, in the main process, with the
                averaged weights in place.
            keep: called after each evaluation, in the same circumstances; ``best_step`` of
                ``progress`` is the current step when the weights are the best so far.
            checkpoints: the folder to save in.
            stop: looked at after each step.
            reporter: told of each step.

        Returns:
            True when the run is complete, False when it was interrupted (a checkpoint is saved).
        """
        started = saved = time.monotonic()
        wall_before = self.progress.wall_s
        reporter.start(self.total_steps, self.progress.step)
        self.model.train()
        shown = 0.0
        while not self.progress.done:
            loss, pairs_per_s = self._step()
            shown = loss if not shown else _SPEED_WINDOW * shown + (1 - _SPEED_WINDOW) * loss
            now = time.monotonic()
            self.progress = replace(self.progress, wall_s=wall_before + now - started)
            reporter.step(self.progress.step, shown, pairs_per_s)
            at_end = self.progress.step >= self.total_steps
            if at_end or self.progress.step % self.every == 0:
                self._evaluate(evaluate, keep, at_end=at_end)
                self.save(checkpoints)
                saved = time.monotonic()
            elif now - saved > self.config.run.checkpoint_every_s:
                self.save(checkpoints)
                saved = time.monotonic()
            if self.workers.any(stop.requested) and not self.progress.done:
                self.save(checkpoints)
                return False
        return True

    def _step(self) -> tuple[float, float]:
        """One optimizer step; returns its loss in nats per token and its speed."""
        begin = time.perf_counter()
        batches = list(islice(self._batches(), self.config.train.accumulate))
        n_tokens = sum(batch.n_tokens for batch in batches)
        step = self.progress.step
        factor = rate_factor(
            step, schedule=self.config.train.schedule, warmup=self.warmup, total=self.total_steps
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.peak_rate * factor
        torch.manual_seed(derive_seed(self.config.seed, "dropout", step, self.workers.rank))
        self.optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for batch in batches:
            loss += self._backward(batch, n_tokens)
        loss = self.workers.total(loss)
        self.workers.add_gradients(self.model)
        if self.config.train.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model, step + 1)
        seconds = time.perf_counter() - begin
        n_pairs = sum(batch.n_pairs for batch in batches)
        self.progress = replace(
            self.progress,
            step=step + 1,
            pairs_seen=self.progress.pairs_seen + n_pairs,
            loss_sum=self.progress.loss_sum + loss * n_tokens,
            token_sum=self.progress.token_sum + n_tokens,
            train_s=self.progress.train_s + seconds,
        )
        return loss, n_pairs / seconds

    def _backward(self, batch: Batch, n_tokens: int) -> float:
        """Add this batch's gradients; returns its part of the step's mean loss."""
        part = batch.part(self.workers.rank, self.workers.count).to(self.workers.device)
        with autocast(self.precision, self.workers.device):
            logits, labels = needed_logits(self.model, part)
        smoothing = self.config.train.label_smoothing
        total, _ = smoothed_cross_entropy(
            logits, labels, pad_id=self.model.pad_id, smoothing=smoothing
        )
        loss = total / n_tokens
        loss.backward()
        return float(loss.item())

    def _batches(self) -> Iterator[Batch]:
        """Batches from where the run stands, epoch after epoch; moves ``progress`` on."""
        while True:
            encoded, plans = self._epoch_plan(self.progress.epoch)
            while self.progress.batch < len(plans):
                plan = plans[self.progress.batch]
                self.progress = replace(self.progress, batch=self.progress.batch + 1)
                yield collate(encoded, plan, pad_id=self.model.pad_id, bos_id=self.model.bos_id)
            self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)

    def _epoch_plan(self, epoch: int) -> tuple[list[EncodedPair], list[BatchPlan]]:
        """What is read in ``epoch``, and in which batches: a function of (seed, epoch)."""
        if self._epoch is None or self._epoch[0] != epoch:
            encoded = self.assembly.encoder.encode_epoch(self.pairs, epoch)
            longest = self.config.train.max_length
            kept = [p for p in encoded if max(len(p.source), len(p.target)) <= longest]
            self.n_dropped = len(encoded) - len(kept)
            check_lengths(len(kept), len(encoded), longest)
            plans = plan_batches(kept, self.options, seed=self.config.seed, epoch=epoch)
            self._epoch = (epoch, kept, plans)
        return self._epoch[1:]

    def _evaluate(
        self,
        evaluate: Callable[[Loop], DevResult],
        keep: Callable[[Loop, DevResult], None],
        *,
        at_end: bool,
    ) -> None:
        """Evaluate with the averaged weights, update the best, decide whether to go on."""
        swapped = self.average.swapped_in(self.model) if self.average else nullcontext()
        with swapped:
            result = evaluate(self) if self.workers.is_main else None
            value = self.workers.from_main([result.selection if result else 0.0])[0]
            self._note(value, at_end=at_end)
            if result is not None:
                keep(self, result)
        self.progress = replace(self.progress, loss_sum=0.0, token_sum=0)

    def _note(self, value: float, *, at_end: bool) -> None:
        """Compare an evaluation with the best one and decide whether this was the last."""
        before = self.progress
        is_best = before.best is None or value > before.best
        n_worse = 0 if is_best else before.n_worse + 1
        patience = self.config.select.patience
        self.progress = replace(
            before,
            best=value if is_best else before.best,
            best_step=before.step if is_best else before.best_step,
            n_worse=n_worse,
            done=at_end or (patience > 0 and n_worse >= patience),
        )


def batch_options(config: TrainConfig) -> BatchOptions:
    """The batching part of ``[train]``."""
    return BatchOptions(
        config.train.batch_size,
        config.train.batch_tokens,
        config.train.source_multiple,
        config.train.target_multiple,
    )
