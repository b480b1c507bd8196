"""The baseline of training: Hugging Face's ``Seq2SeqTrainer`` with nothing added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from d2t.train.loop.schedule import default_warmup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.train.config.config import TrainConfig
    from d2t.train.data.batching import EncodedPair

_IGNORED = -100  # the label that the library leaves out of the loss


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
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=ours.batch_size,
        learning_rate=config.peak_rate,
        lr_scheduler_type="cosine",
        warmup_steps=default_warmup(steps),
        label_smoothing_factor=ours.label_smoothing,
        weight_decay=ours.weight_decay,
        max_grad_norm=ours.clip,
        adam_beta1=0.9,
        adam_beta2=0.98,
        adam_epsilon=1e-9,
        seed=config.seed,
        use_cpu=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    trainer = Seq2SeqTrainer(
        model=twin,
        args=arguments,
        train_dataset=[{"source": pair.source, "target": pair.target} for pair in pairs],
        data_collator=_Collator(twin.config.pad_token_id, twin.config.decoder_start_token_id),
    )
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for the results
    twin.train()
    seconds = float(trainer.train().metrics["train_runtime"])
    twin.eval()
    return seconds


class _Collator:
    """Pads to the longest of the batch, as the library's own collator does."""

    def __init__(self, pad_id: int, bos_id: int) -> None:
        self.pad_id, self.bos_id = pad_id, bos_id

    def __call__(self, features: list[dict[str, tuple[int, ...]]]) -> dict[str, Tensor]:
        sources = [torch.tensor(feature["source"]) for feature in features]
        targets = [torch.tensor(feature["target"]) for feature in features]
        begun = [torch.cat([torch.tensor([self.bos_id]), target[:-1]]) for target in targets]
        ids = _padded(sources, self.pad_id)
        lengths = torch.tensor([len(source) for source in sources])
        return {
            "input_ids": ids,
            "attention_mask": (torch.arange(ids.shape[1])[None] < lengths[:, None]).long(),
            "decoder_input_ids": _padded(begun, self.pad_id),
            "labels": _padded(targets, _IGNORED),
        }


def _padded(rows: list[Tensor], value: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)
