"""``d2t train-qa``: the question-answering model behind ``d2t evaluate qa``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from d2t.cli.common import (
    ROOT,
    CorpusDomainOption,
    DeviceOption,
    JsonOption,
    LimitOption,
    SeedOption,
    ThreadsOption,
    limit_threads,
    say,
)
from d2t.cli.training.small_training import dev_examples


def train_qa(
    corpus: Annotated[str, typer.Option(help="Corpus name or file.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    domain: CorpusDomainOption = None,
    labels: Annotated[
        Literal["given", "agreed"],
        typer.Option(
            help="What a text says: what its MR says, or only texts on which the slot checker "
            "agrees with the MR (cleaner, but nothing outside the lexicon is then seen)."
        ),
    ] = "given",
    epochs: Annotated[
        float | None, typer.Option(min=0.01, help="Passes over the utterances [default: 10].")
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=8, help="Of the network, a multiple of 8 [default: 128].")
    ] = None,
    distracted: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the texts that get a clause which is not true of their subject, where "
            "the domain has distractors.toml [default: 0.3].",
        ),
    ] = None,
    limit: LimitOption = None,
    seed: SeedOption = 1,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that asks and answers questions about texts and MRs.

    The questions are those of the domain's questions.toml. Clauses of its distractors.toml teach
    that what is said of another place, or denied, is no answer. Prints the folder on stdout, losses
    on the corpus's development split on stderr (a file has none; the last epoch is then kept).

    Example:  `d2t train-qa --corpus mini --epochs 4 --out runs/qa`
    """
    from d2t.corpus.load import load_split
    from d2t.corpus.select import default_domain
    from d2t.io.atomic import refuse_to_overwrite
    from d2t.judges.qa.model import MANIFEST
    from d2t.judges.qa.questions import load_questions
    from d2t.judges.qa.training.distractor_frames import load_frames
    from d2t.judges.qa.training.train import qa_config, utterances_of
    from d2t.judges.qa.training.train import train_qa as fit
    from d2t.mr.domain import load_domain
    from d2t.slots.checker import SlotChecker
    from d2t.train.loop.progress import default_reporter

    refuse_to_overwrite(out, MANIFEST)
    limit_threads(threads)
    loaded = load_domain(domain or default_domain(corpus))
    questions = load_questions(loaded)
    config = qa_config(
        labels=labels, epochs=epochs, width=width, seed=seed, device=device, distracted=distracted
    )
    checker = SlotChecker.for_domain(loaded)
    train = utterances_of(load_split(corpus, "train", loaded)[:limit], checker, loaded, labels)
    dev = utterances_of(dev_examples(corpus, loaded), checker, loaded, labels)
    say(f"training on {len(train)} utterances, {len(dev)} for development")
    reporter, frames = default_reporter(100, quiet=ROOT.quiet), load_frames(loaded)
    model = fit(train, dev, loaded, questions, config, frames=frames, progress=reporter)
    model.save(out)
    print(json.dumps({"path": str(out), **model.info}) if as_json else out)
