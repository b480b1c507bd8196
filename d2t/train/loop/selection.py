"""The development score: which weights of a run are the ones to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from d2t.errors import BackendError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.model.loss import smoothed_cross_entropy
from d2t.score.text import corpus_bleu
from d2t.seeding import derived_rng
from d2t.train.data.batching import BatchOptions, collate, plan_batches
from d2t.train.data.encode import FROZEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.model.base import Seq2SeqModel
    from d2t.train.config.options import SelectConfig
    from d2t.train.data.batching import EncodedPair
    from d2t.train.data.prepare import PreparedData
    from d2t.train.loop.assemble import Assembly


@dataclass(frozen=True, slots=True)
class DevResult:
    """One evaluation.

    Attributes:
        metrics: ``dev_loss`` (nats per token) and, 0-100, ``dev_bleu``, ``dev_ser``, ``dev_order``,
            ``score``.
        selection: the number to maximise (see ``SelectConfig.metric``).
        samples: a few outputs with their plans and reports.
    """

    metrics: dict[str, float]
    selection: float
    samples: list[dict[str, Any]]


def combined_score(bleu: float, ser: float, order_accuracy: float) -> float:
    """``BLEU - 5 SER - 0.5 (100 - order accuracy)``, all 0-100; higher is better."""
    return bleu - 5 * ser - 0.5 * (100 - order_accuracy)


def selection_value(metric: str, metrics: dict[str, float]) -> float:
    """The number to maximise: errors and losses change their sign."""
    value = metrics[metric]
    return -value if metric in ("dev_loss", "dev_ser") else value


class DevEvaluator:
    """Evaluates on fixed parts of the development split: the same pairs and MRs every time."""

    def __init__(
        self,
        config: SelectConfig,
        data: PreparedData,
        assembly: Assembly,
        options: BatchOptions,
        *,
        seed: int,
    ) -> None:
        self.config = config
        self.data = data
        self.assembly = assembly
        pairs = _subset(data.dev, config.n_pairs, seed, "dev pairs")
        self.encoded = assembly.encoder.encode_epoch(pairs, FROZEN, mask=False)
        self.plans = plan_batches(self.encoded, options, seed=seed, epoch=0)
        self.groups = _subset(data.dev_groups, config.n_mrs, seed, "dev mrs")

    def evaluate(self, model: Seq2SeqModel, device: torch.device) -> DevResult:
        """Loss, then greedy outputs in the strategy's own order; the model is left training."""
        model.eval()
        with torch.no_grad():
            metrics = {"dev_loss": mean_loss(model, self.encoded, self.plans, device)}
            samples: list[dict[str, Any]] = []
            if self.groups:
                hypotheses = self._generate()
                metrics |= output_metrics(self.groups, hypotheses)
                shown = hypotheses[: self.config.n_samples]
                samples = [h.as_dict() for h in shown]
        model.train()
        return DevResult(metrics, selection_value(self.config.metric, metrics), samples)

    def _generate(self) -> list[Hypothesis]:
        bundle = self.assembly.bundle(self.data, info={})
        requests = [GenerationRequest(example.id, example.mr) for example in self.groups]
        return ModelGenerator(bundle, beam_size=1, batch_size=64).generate(requests)


def output_metrics(groups: Sequence[Example], hypotheses: Sequence[Hypothesis]) -> dict[str, float]:
    """BLEU with all references, SER and order accuracy of outputs, the combined score; 0-100."""
    n_slots = sum(h.report.n_slots for h in hypotheses)
    n_errors = sum(h.report.n_errors for h in hypotheses)
    ser = 100 * n_errors / max(1, n_slots)
    order = 100 * sum(h.order_kept for h in hypotheses) / max(1, len(hypotheses))
    bleu = corpus_bleu([h.text for h in hypotheses], [e.references for e in groups])
    return {
        "dev_bleu": bleu, "dev_ser": ser, "dev_order": order,
        "score": combined_score(bleu, ser, order),
    }  # fmt: skip


def mean_loss(
    model: Seq2SeqModel,
    encoded: Sequence[EncodedPair],
    plans: Sequence[Any],
    device: torch.device,
) -> float:
    """Teacher-forced cross-entropy in nats per token, no smoothing, fp32.

    Raises:
        BackendError: it is not a number: the weights are not, either.
    """
    total, count = 0.0, 0
    for plan in plans:
        batch = collate(encoded, plan, pad_id=model.pad_id, bos_id=model.bos_id).to(device)
        logits = model(batch.source_ids, batch.source_mask, batch.decoder_input)
        loss, n = smoothed_cross_entropy(logits, batch.labels, pad_id=model.pad_id, smoothing=0.0)
        total += loss.item()
        count += n
    if not math.isfinite(total):
        raise BackendError(
            f"training has diverged: the development loss is {total}; start a new run with a lower "
            "train.lr, or with train.precision=fp32"
        )
    return total / max(1, count)


def _subset(items: Sequence[Any], n: int, seed: int, label: str) -> list[Any]:
    """At most ``n`` of the items, drawn once, in their own order."""
    if n >= len(items):
        return list(items)
    chosen = sorted(derived_rng(seed, label).sample(range(len(items)), n))
    return [items[index] for index in chosen]
