"""``d2t train-fluency``: a classifier that tells references from corrupted references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import (
    CorpusDomainOption,
    JsonOption,
    LimitOption,
    SeedOption,
    ThreadsOption,
    limit_threads,
    say,
)
from d2t.cli.training.small_training import dev_examples, fraction_shown


def train_fluency(
    corpus: Annotated[str, typer.Option(help="Corpus name or file.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    domain: CorpusDomainOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sentences.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = 1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier that finds sentence fragments and glued clauses.

    Prints the folder on stdout, how well it finds each corruption of development references on
    stderr.

    Example:  `d2t train-fluency --corpus mini --epochs 2 --out runs/fluency`
    """
    from d2t.corpus.load import load_split
    from d2t.corpus.select import default_domain
    from d2t.io.atomic import refuse_to_overwrite
    from d2t.judges.fluency.classifier import MANIFEST
    from d2t.judges.fluency.training import FluencyConfig, detection_scores, marked_texts
    from d2t.judges.fluency.training import train_fluency as fit
    from d2t.mr.domain import load_domain
    from d2t.slots.checker import SlotChecker

    refuse_to_overwrite(out, MANIFEST)
    limit_threads(threads)
    loaded = load_domain(domain or default_domain(corpus))
    checker = SlotChecker.for_domain(loaded)
    config = FluencyConfig(seed=seed)
    if epochs is not None:
        config = config.model_copy(update={"epochs": epochs})
    examples = load_split(corpus, "train", loaded)[:limit]
    held_back = dev_examples(corpus, loaded)[:limit]
    say(f"reading {len(examples)} training and {len(held_back)} development texts")
    texts = marked_texts(examples, checker, loaded)
    with fraction_shown("training the fluency classifier") as show:
        classifier = fit(texts, config, progress=show)
    dev = marked_texts(held_back, checker, loaded)
    aucs = detection_scores(classifier.scores, dev, seed=seed) if dev else {}
    classifier.info["dev_auc"] = aucs
    classifier.save(out)
    found = ", ".join(f"{kind} {value:.2f}" for kind, value in aucs.items()) or "no dev split"
    say(f"dev references against corrupted ones, area under the curve: {found}")
    print(json.dumps({"path": str(out), **classifier.info}) if as_json else out)
