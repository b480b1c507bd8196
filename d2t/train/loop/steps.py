"""The training loop; all randomness derives from (seed, epoch, step)."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import torch

from d2t.seeding import derive_seed
from d2t.train.loop.checkpoint import Progress, load_checkpoint, pack, save_checkpoint, unpack
from d2t.train.loop.optim import (
    MovingAverage,
    autocast,
    default_warmup,
    make_optimizer,
    pick_precision,
    rate_factor,
)
from d2t.train.loop.parts import Part, PartReader, needed_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.model.base import Seq2SeqModel
    from d2t.train.config.options import TrainConfig
    from d2t.train.data.batching import Batch
    from d2t.train.loop.parts import EpochEncoder
    from d2t.train.loop.progress import Reporter, StopFlag
    from d2t.train.loop.selection import DevResult
    from d2t.train.loop.workers import Workers

_SPEED_WINDOW = 0.95  # decay of the running loss that the progress bar shows


class Trainable(Protocol):
    """A model and how its training pairs are read; ``d2t.train.loop.assemble.Assembly`` is one."""

    @property
    def model(self) -> Seq2SeqModel:
        """What is trained."""
        ...

    @property
    def encoder(self) -> EpochEncoder:
        """What it reads."""
        ...


class Loop:
    """Trains one model; of files it knows only the checkpoint folder it is given.

    Every step takes batches of all parts (see ``Part``); the first one's epochs are the run's, the
    others begin again when they are through.

    Attributes:
        progress: where the run stands.
        total_steps: optimizer steps of the full run.
    """

    def __init__(
        self, config: TrainConfig, assembly: Trainable, parts: Sequence[Part], workers: Workers
    ) -> None:
        self.config, self.assembly, self.workers = config, assembly, workers
        self.model = assembly.model.to(workers.device)
        workers.share_parameters(self.model)
        self.precision = pick_precision(config.train.precision, workers.device)
        self.optimizer = make_optimizer(self.model, config, workers.device)
        decay = config.train.average
        self.average = MovingAverage(self.model, decay) if decay else None
        self.progress = Progress()
        special = {"pad": self.model.pad_id, "bos": self.model.bos_id}
        self._readers = [
            PartReader(part, number, assembly.encoder, config, **special)
            for number, part in enumerate(parts)
        ]
        n_batches = len(self._readers[0].epoch(0)[1])
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
        positions = ((self.progress.epoch, self.progress.batch), *self.progress.beside)
        for reader, (epoch, batch) in zip(self._readers, positions, strict=True):
            reader.position = (epoch, batch)

    @property
    def n_dropped(self) -> int:
        """Pairs of the current epochs that are longer than ``max_length``."""
        return sum(reader.n_dropped for reader in self._readers)

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
        batches = [
            [reader.next() for _ in range(self.config.train.accumulate)] for reader in self._readers
        ]
        counts = [sum(batch.n_tokens for batch in own) for own in batches]
        n_tokens = sum(counts)
        step = self.progress.step
        factor = rate_factor(
            step, schedule=self.config.train.schedule, warmup=self.warmup, total=self.total_steps
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.peak_rate * factor
        torch.manual_seed(derive_seed(self.config.seed, "dropout", step, self.workers.rank))
        self.optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for reader, own, n_own in zip(self._readers, batches, counts, strict=True):
            for batch in own:
                loss += self._backward(batch, reader.part, n_own, n_tokens)
        loss = self.workers.total(loss)
        self.workers.add_gradients(self.model)
        if self.config.train.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model, step + 1)
        seconds = time.perf_counter() - begin
        n_pairs = sum(batch.n_pairs for own in batches for batch in own)
        (epoch, at), *beside = (reader.position for reader in self._readers)
        self.progress = replace(
            self.progress,
            step=step + 1,
            epoch=epoch,
            batch=at,
            beside=tuple(beside),
            pairs_seen=self.progress.pairs_seen + n_pairs,
            loss_sum=self.progress.loss_sum + loss * n_tokens,
            token_sum=self.progress.token_sum + n_tokens,
            train_s=self.progress.train_s + seconds,
        )
        return loss, n_pairs / seconds

    def _backward(self, batch: Batch, part: Part, n_own: int, n_tokens: int) -> float:
        """Add this batch's gradients; returns what it adds to the step's loss."""
        share = batch.part(self.workers.rank, self.workers.count).to(self.workers.device)
        with autocast(self.precision, self.workers.device):
            logits, labels = needed_logits(self.model, share)
        smoothing = self.config.train.label_smoothing
        total, _ = part.loss(logits, labels, pad_id=self.model.pad_id, smoothing=smoothing)
        loss = total / part.denominator(n_own, n_tokens)
        loss.backward()
        return float(loss.item())

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
