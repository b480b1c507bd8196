"""Teacher-forced logits of the positions that count, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import Seq2SeqModel
    from d2t.train.data.batching import Batch

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
