"""Training pairs per second: our loop against a plain ``Seq2SeqTrainer`` on the same weights."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch

from d2t.errors import DataError
from d2t.model.build import build_model
from d2t.model.bundle.manifest import Manifest
from d2t.recipes.run import cpu_settings
from d2t.seeding import derive_seed, seed_everything
from d2t.train.config.options import DataConfig, OptimConfig, RunConfig, SelectConfig, TrainConfig
from d2t.train.data.batching import plan_batches
from d2t.train.data.encode import FROZEN
from d2t.train.data.prepare import prepare_data
from d2t.train.loop.assemble import Assembly, assemble
from d2t.train.loop.optim import default_warmup
from d2t.train.loop.parts import Part, batch_options
from d2t.train.loop.progress import Reporter, stop_on_signal
from d2t.train.loop.selection import DevResult, mean_loss
from d2t.train.loop.steps import Loop
from d2t.train.loop.workers import Workers
from experiments.bench.hf import forced_logits, pegasus_twin, quiet_torch
from experiments.bench.timing import rounds, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.model.config import TransformerConfig
    from d2t.model.transformer import TransformerModel
    from d2t.train.data.batching import EncodedPair
    from experiments.bench.generation import Options


_WARM_UP = 5
_DEV_PAIRS = 1000


class _Trained(NamedTuple):
    """One training run: what is timed, and what came of it."""

    pairs_per_s: float
    dev_loss: float
    averaged_dev_loss: float | None = None


class _AsOurs(torch.nn.Module):
    """The twin behind our models' interface, for ``mean_loss``."""

    def __init__(self, twin: Any, model: TransformerModel) -> None:
        super().__init__()
        self.twin, self.pad_id, self.bos_id = twin, model.pad_id, model.bos_id

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits."""
        return forced_logits(self.twin, source_ids, source_mask, target_ids)


class TrainingBench:
    """The data, prepared once, and a run of either side."""

    def __init__(self, options: Options) -> None:
        self.options = options
        shape = cast("TransformerConfig", Manifest.read(options.model).model)
        self.config = _config(shape, options, options.corpus)
        try:
            self.data = prepare_data(self.config.data, say=_say)
        except DataError:
            self.config = _config(shape, options, "mini")
            self.data = prepare_data(self.config.data, say=_say)
        self.assembly = assemble(self.config, self.data)
        encode = self.assembly.encoder.encode_epoch
        seconds, self.pairs = timed(encode, self.data.pairs, 0)
        self.encode_s = seconds / len(self.pairs)
        dev = self.data.dev[: 32 if options.quick else _DEV_PAIRS]
        self.dev = encode(dev, FROZEN, mask=False)
        self.plans = plan_batches(self.dev, batch_options(self.config), seed=0, epoch=0)

    def fresh(self) -> TransformerModel:
        """The same first weights every time."""
        seed_everything(derive_seed(self.config.seed, "init"))
        sizes = self.assembly.tokenizer
        model = build_model(
            self.config.model, vocab_size=sizes.vocab_size,
            pad_id=sizes.pad_id, bos_id=sizes.bos_id, eos_id=sizes.eos_id,
        )  # fmt: skip
        return cast("TransformerModel", model)

    def dev_loss(self, model: torch.nn.Module) -> float:
        """Cross-entropy in nats per token, without smoothing, in fp32."""
        model.eval()
        with torch.no_grad():
            cpu = torch.device("cpu")
            return mean_loss(cast("Seq2SeqModel", model), self.dev, self.plans, cpu)

    def ours(self, steps: int, scratch: Path) -> _Trained:
        """``steps`` steps of our loop; rendering the pairs, which it does anew each epoch, counts.

        The loop's own clock leaves out the first epoch's rendering, which ``encode_s`` adds.
        """
        config = self.config.model_copy(
            update={"train": self.config.train.model_copy(update={"max_steps": steps})}
        )
        shared = self.assembly
        assembly = Assembly(
            shared.linearizer, shared.tokenizer, self.fresh(), shared.planner, shared.encoder
        )
        losses: list[float] = []

        def evaluate(loop: Loop) -> DevResult:
            losses.append(self.dev_loss(loop.model))
            loop.model.train()
            return DevResult({"dev_loss": losses[-1]}, -losses[-1], [])

        with cpu_settings(self.options.threads), stop_on_signal() as stop:
            loop = Loop(config, assembly, [Part(self.data.pairs)], Workers("cpu"))
            loop.run(evaluate, lambda *_: None, scratch, stop, Reporter())
        progress = loop.progress
        seconds = progress.train_s + progress.pairs_seen * self.encode_s
        return _Trained(progress.pairs_seen / seconds, self.dev_loss(loop.model), losses[-1])

    def theirs(self, steps: int, scratch: Path) -> _Trained:
        """As many steps of the plain trainer, on pairs that are rendered already."""
        model = self.fresh()
        twin = pegasus_twin(model)
        quiet_torch(self.options.threads)
        seconds = train_plainly(twin, self.pairs, self.config, steps=steps, folder=str(scratch))
        pairs = steps * self.config.train.batch_size
        return _Trained(pairs / seconds, self.dev_loss(_AsOurs(twin, model)))


def bench_training(options: Options) -> dict[str, Any]:
    """Both sides in turn from the same first weights: timed, then trained longer for the loss."""
    bench = TrainingBench(options)
    with tempfile.TemporaryDirectory() as name:
        sides = (bench.ours, bench.theirs)

        def both(steps: int, n: int = 1) -> list[list[_Trained]]:
            return rounds(sides, lambda side, _: side(steps, Path(name)), n)

        both(min(_WARM_UP, options.train_steps))
        timed_runs = both(options.train_steps, options.train_rounds)
        ours, theirs = ([trained.pairs_per_s for trained in runs] for runs in timed_runs)
        _say(f"pairs/s {ours}, {theirs}")
        [last], [plain_last] = both(options.loss_steps)
    return {
        "data": f"{bench.config.data.corpus} train, {len(bench.pairs)} pairs",
        "model": bench.config.model.model_dump(mode="json"),
        "steps": options.train_steps,
        "loss_steps": options.loss_steps,
        "batch_size": bench.config.train.batch_size,
        "pairs_per_s": median(ours),
        "plain_pairs_per_s": median(theirs),
        "ratio": median(ours) / median(theirs),
        "encode_ms_per_pair": 1000 * bench.encode_s,
        "dev_loss": last.dev_loss,
        "averaged_dev_loss": last.averaged_dev_loss,
        "plain_dev_loss": plain_last.dev_loss,
        "long_runs": [last.pairs_per_s, plain_last.pairs_per_s],
        "rounds": [list(pair) for pair in zip(ours, theirs, strict=True)],
    }


def _config(shape: TransformerConfig, options: Options, corpus: str) -> TrainConfig:
    batch_size = 8 if options.quick else OptimConfig().batch_size
    # One epoch holds all steps: a tenth more than they need, as buckets end in partial batches.
    limit = round(1.1 * max(options.train_steps, options.loss_steps) * batch_size) + 16 * batch_size
    return TrainConfig(
        data=DataConfig(corpus=corpus, limit=limit),
        model=shape,
        train=OptimConfig(batch_size=batch_size, max_steps=options.train_steps),
        select=SelectConfig(metric="dev_loss", n_mrs=0, every=1_000_000),
        run=RunConfig(device="cpu", threads=options.threads, checkpoint_every_s=1e9),
    )


def _say(message: str) -> None:
    print(f"  {message}", file=sys.stderr)


def train_plainly(
    twin: Any, pairs: Sequence[EncodedPair], config: TrainConfig, *, steps: int, folder: str
) -> float:
    """Train ``twin`` in place for ``steps`` steps; seconds by the trainer's own clock.

    Rates, schedule, smoothing, clipping and AdamW's settings are ours; batches, padding and
    precision are what the library does where it is told nothing else.
    """
    from transformers import PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments

    ours = config.train
    arguments = Seq2SeqTrainingArguments(
        output_dir=folder, max_steps=steps, seed=config.seed, use_cpu=True,
        per_device_train_batch_size=ours.batch_size, learning_rate=config.peak_rate,
        lr_scheduler_type="cosine", warmup_steps=default_warmup(steps),
        label_smoothing_factor=ours.label_smoothing, weight_decay=ours.weight_decay,
        max_grad_norm=ours.clip, adam_beta1=0.9, adam_beta2=0.98, adam_epsilon=1e-9,
        dataloader_pin_memory=False, remove_unused_columns=False, save_strategy="no",
        logging_strategy="no", report_to=[], disable_tqdm=True,
    )  # fmt: skip
    pad_id, bos_id = twin.config.pad_token_id, twin.config.decoder_start_token_id

    def collate(batch: list[EncodedPair]) -> dict[str, Tensor]:
        """Pads to the longest of the batch, as the library's own collator does."""
        ids = _padded([pair.source for pair in batch], pad_id)
        return {
            "input_ids": ids,
            "attention_mask": _padded([[1] * len(pair.source) for pair in batch], 0),
            "decoder_input_ids": _padded([(bos_id, *pair.target[:-1]) for pair in batch], pad_id),
            "labels": _padded([pair.target for pair in batch], -100),  # is left out of the loss
        }

    trainer = Seq2SeqTrainer(
        model=twin, args=arguments, train_dataset=list(pairs), data_collator=collate
    )
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for the results
    twin.train()
    seconds = float(trainer.train().metrics["train_runtime"])
    twin.eval()
    return seconds


def _padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    tensors = [torch.tensor(row) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)
