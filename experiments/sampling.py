"""``python -m experiments.sampling BUNDLE SAMPLER...``: one row of a table per sampler.

A sampler is ``noise:STD``, ``temperature:T``, ``top_p:P`` or, for a Transformer, ``PLACE:STD`` with
a place of ``PLACES``. Samples are drawn for development MRs in the planner's
order; all figures but the speed are over the distinct texts of each MR.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from statistics import mean
from typing import TYPE_CHECKING, Any

import torch

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.language.ngram import fluency_threshold
from d2t.language.template import template_of
from d2t.model.layers import attend, with_noise
from d2t.model.transformer import TransformerModel
from d2t.score.fluency import corpus_templates, language_model
from d2t.search.backend import SamplingOptions
from d2t.slots.types import Tally

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.generate.candidates import Candidate
    from d2t.generate.pipeline import ModelGenerator
    from d2t.language.ngram import NgramLanguageModel
    from d2t.model.base import DecoderState
    from d2t.model.transformer import DecoderLayer


PLACES = ("entry", "all", "out", "cache", "query")
"""Where a Transformer's noise is added, in units of the root mean square of what it is added to:

- ``entry``: the residual stream that enters the first decoder layer (shipped);
- ``all``: that and the output of every decoder layer;
- ``out``: the output of the last decoder layer, which nothing remembers;
- ``cache``: keys and values that the self-attention kept of the step before, for this step;
- ``query``: the input of the attention to the source.
"""


class Elsewhere(TransformerModel):
    """The Transformer with its noise at ``place``."""

    place: str

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """``(noises, width)``."""
        return {"all": 1 + self.config.decoder_layers, "cache": 2}.get(self.place, 1), (
            self.config.width
        )

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """As ``TransformerModel.step``, with the noise where ``place`` says."""
        new = dict(state)
        noise = new.pop("noise")
        position = state["k0"].shape[2] if "k0" in state else 0
        hidden = self._embed(token_ids[:, None], position)
        if self.place in ("entry", "all"):
            hidden = with_noise(hidden, noise[:, 0])
        mask = state["source_mask"][:, None, None, :]
        for i, layer in enumerate(self._decoder_layers):
            cache = (state[f"k{i}"], state[f"v{i}"]) if position else None
            memory = (state[f"source_k{i}"], state[f"source_v{i}"])
            if cache is not None and self.place == "cache":
                cache = _noisy_last(cache[0], noise[:, 0]), _noisy_last(cache[1], noise[:, 1])
            if self.place == "query":
                hidden, kept = _noisy_query(layer, hidden, cache, memory, mask, noise[:, 0])
            else:
                hidden, kept = layer.step(hidden, cache, memory, mask)
            new[f"k{i}"], new[f"v{i}"] = kept
            if self.place == "all":
                hidden = with_noise(hidden, noise[:, i + 1])
        if self.place == "out":
            hidden = with_noise(hidden, noise[:, 0])
        return self.output(self.decoder_norm(hidden[:, 0])).float(), new


def _noisy_last(kept: Tensor, noise: Tensor) -> Tensor:
    """``kept (rows, heads, len, head_width)`` with noise on the last position."""
    last = kept[:, :, -1:].transpose(1, 2).flatten(2)
    noisy = with_noise(last, noise).view(len(kept), 1, kept.size(1), -1).transpose(1, 2)
    return torch.cat([kept[:, :, :-1], noisy], dim=2)


def _noisy_query(
    layer: DecoderLayer,
    hidden: Tensor,
    cache: tuple[Tensor, Tensor] | None,
    memory: tuple[Tensor, Tensor],
    mask: Tensor,
    noise: Tensor,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    q, k, v = layer.attention.project(layer.attention_norm(hidden))
    if cache is not None:
        k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
    hidden = hidden + layer.attention.out(attend(q, k, v))
    hidden = hidden + layer.cross(with_noise(layer.cross_norm(hidden), noise), *memory, mask)
    return hidden + layer.ffn(layer.ffn_norm(hidden)), (k, v)


COLUMNS = (
    "texts", "trigrams", "orders", "sentence plans", "SER", "ok", "order", "LM", "fluent",
    "usable", "labels", "samples/CPU s",
)  # fmt: skip


def options_of(sampler: str, n: int) -> SamplingOptions:
    """The options that ``name:number`` stands for."""
    name, _, number = sampler.partition(":")
    if name == "temperature":
        return SamplingOptions("ancestral", n, n, temperature=float(number))
    if name == "top_p":
        return SamplingOptions("ancestral", n, n, top_p=float(number))
    return SamplingOptions("noise", n, n, std=float(number))


def fluency_judge(generator: ModelGenerator, corpus: str) -> tuple[NgramLanguageModel, float]:
    """Fitted on the training references, and the score that 95% of dev references reach."""
    checker, domain = generator.checker, generator.domain
    dev = corpus_templates(corpus, "dev", domain, checker)[:1500]
    model = language_model(corpus, domain, checker)
    return model, fluency_threshold(model, dev, 0.05, score="window")


def measure(
    generator: ModelGenerator,
    requests: list[GenerationRequest],
    found: list[list[Candidate]],
    judge: tuple[NgramLanguageModel, float],
) -> list[str]:
    """The columns but the last.

    ``usable``: texts that ended, repeat nothing, are fluent and say at least three slots;
    ``labels``: the different sentence plans (slots, order, breaks) among them.
    """
    model, threshold = judge
    tally, ok, order, fluent, scores = Tally(), 0, 0, 0, []
    texts, trigrams, orders, plans, usable, labels = ([] for _ in range(6))
    for request, candidates in zip(requests, found, strict=True):
        asked = generator.orders(request).asked
        reports = [generator.checker.check(c.text, request.mr) for c in candidates]
        said = [report.alignment.plan() for report in reports]
        templates = [template_of(report.alignment, generator.domain) for report in reports]
        likely = [bool(x >= threshold) for x in model.worst_windows(templates)]
        scores += model.scores(templates).tolist()
        good = []
        for i, report in enumerate(reports):
            tally.add(report)
            ok += report.ok and candidates[i].finished
            order += said[i].slots == asked.slots
            if candidates[i].finished and likely[i] and not report.repeated and len(said[i]) > 2:
                good.append(said[i])
        words = [template.split() for template in templates]
        texts.append(len(candidates))
        trigrams.append(len({t for w in words for t in zip(w, w[1:], w[2:], strict=False)}))
        orders.append(len({plan.slots for plan in said}))
        plans.append(len(set(said)))
        fluent += sum(likely)
        usable.append(len(good))
        labels.append(len(set(good)))
    n = sum(texts)
    diversity = [f"{mean(column):.1f}" for column in (texts, trigrams, orders, plans)]
    quality = [f"{tally.ser:.1f}", *(f"{100 * x / n:.1f}" for x in (ok, order))]
    fluency = [f"{mean(scores):.2f}", f"{100 * fluent / n:.1f}"]
    return diversity + quality + fluency + [f"{mean(column):.1f}" for column in (usable, labels)]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.sampling", description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("samplers", nargs="+")
    parser.add_argument("--corpus", default="e2e_cleaned")
    parser.add_argument("--mrs", type=int, default=40)
    parser.add_argument("--samples", type=int, default=50)
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator = load(args.bundle, engine="torch", batch_size=256)
    examples = group_references(load_split(args.corpus, "dev", generator.domain))
    random.Random(1).shuffle(examples)
    requests = [GenerationRequest(e.id, e.mr) for e in examples[: args.mrs]]
    judge = fluency_judge(generator, args.corpus)
    print("| sampler | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS))
    model: Any = vars(generator.bundle)["model"]
    shipped: Any = type(model)
    for sampler in args.samplers:
        place = sampler.partition(":")[0]
        if place in PLACES and shipped is TransformerModel:
            model.__class__ = type(place, (Elsewhere,), {"place": place})
        started = time.process_time()
        found = generator.candidates(requests, options_of(sampler, args.samples))
        rate = len(requests) * args.samples / (time.process_time() - started)
        row = [*measure(generator, requests, found, judge), f"{rate:.0f}"]
        print(f"| {sampler} | " + " | ".join(row) + " |", flush=True)
        model.__class__ = shipped
    return 0


if __name__ == "__main__":
    sys.exit(main())
