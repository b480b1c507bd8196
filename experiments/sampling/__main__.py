"""``python -m experiments.sampling BUNDLE SAMPLER...``: one row of a table per sampler.

A sampler is ``noise:STD``, ``temperature:T``, ``top_p:P`` or, for a Transformer, ``PLACE:STD`` with
a place of ``experiments.sampling.places``. Samples are drawn for development MRs in the planner's
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
from d2t.language.ngram.fluency import (
    NgramLanguageModel,
    fluency_threshold,
    template_of,
    template_text,
)
from d2t.model.transformer import TransformerModel
from d2t.search.backend import SamplingOptions
from d2t.slots.tally import Tally
from experiments.sampling.places import PLACES, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example
    from d2t.generate.candidates import Candidate
    from d2t.generate.pipeline import ModelGenerator

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


def language_model(generator: ModelGenerator, corpus: str) -> tuple[NgramLanguageModel, float]:
    """Fitted on the training references, and the score that 95% of dev references reach."""

    def templates(examples: Iterable[Example]) -> list[str]:
        checker, domain = generator.checker, generator.domain
        return [template_text(r, e.mr, checker, domain) for e in examples for r in e.references]

    domain = generator.domain
    model = NgramLanguageModel.fit(templates(load_split(corpus, "train", domain)))
    dev = templates(load_split(corpus, "dev", domain)[:1500])
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
    judge = language_model(generator, args.corpus)
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
