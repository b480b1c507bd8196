"""Commands that train judges of texts: train-lm, train-parser, train-fluency and train-qa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import ROOT, limit_threads, progress_by_fraction, say
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def train_lm(
    corpus: opt.TrainingCorpus,
    out: Annotated[
        Path, typer.Option("--out", help="The file to write; its name must end in .npz.")
    ],
    domain: opt.CorpusDomain = None,
    order: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=9,
            help="The number of words of the longest n-gram. Default: the lowest order whose "
            "perplexity on the development references is within 1% of the best; 5 for a file.",
        ),
    ] = None,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Fit an n-gram language model on the training references of a corpus.

    The model is smoothed by the modified Kneser-Ney method. Names and other open values are
    replaced by placeholders. `d2t evaluate --lm FILE` scores fluency with it. The command prints
    the path of the model on standard output, and perplexities on the development references of the
    corpus on standard error.

    Example:  `d2t train-lm --corpus mini --out lm.npz`
    """
    from d2t.corpus.registry import default_domain
    from d2t.mr.domain import load_domain
    from d2t.score.fluency import train_language_model
    from d2t.score.records import checker_for

    loaded = load_domain(domain or default_domain(corpus))
    facts = train_language_model(
        corpus, out, loaded, checker_for(loaded), order=order, reading=reading, notify=say
    )
    _print(facts, as_json)


@reads_records
def train_parser(
    corpus: opt.TrainingCorpus,
    out: opt.OutFolder,
    domain: opt.CorpusDomain = None,
    labels: Annotated[
        Literal["agreed", "given", "text"],
        typer.Option(
            help="What the parser learns. given: the MRs of the corpus, which are noisier, but do "
            "not depend on the lexicon. text: what the rule checker reads in each text. agreed: "
            "only the texts on which both agree."
        ),
    ] = "agreed",
    epochs: opt.Epochs = None,
    seed: opt.Seed = 1,
    threads: opt.TorchThreads = None,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Train a parser that reads slots and values in texts, as a second opinion on the rule checker.

    `d2t parse --model FOLDER` uses it. The command prints the folder on standard output, and scores
    on the development split of the corpus on standard error. A file has no development split.

    Example:  `d2t train-parser --corpus mini --epochs 8 --out runs/parser`
    """
    from d2t.judges.parser.training import ParserConfig
    from d2t.recipes.judges import train_parser

    limit_threads(threads)
    config = ParserConfig(labels=labels, seed=seed, epochs=epochs)
    with progress_by_fraction("training the parser") as show:
        facts = train_parser(
            corpus, out, domain, config=config, reading=reading, notify=say, progress=show
        )
    _print(facts, as_json)


@reads_records
def train_fluency(
    corpus: opt.TrainingCorpus,
    out: opt.OutFolder,
    domain: opt.CorpusDomain = None,
    epochs: opt.Epochs = None,
    seed: opt.Seed = 1,
    threads: opt.TorchThreads = None,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Train a classifier that finds sentence fragments and clauses that are wrongly joined.

    It learns to tell references from corrupted references. The command prints the folder on
    standard output. On standard error it prints how well the classifier finds each kind of
    corruption in the development references.

    Example:  `d2t train-fluency --corpus mini --epochs 2 --out runs/fluency`
    """
    from d2t.judges.fluency.training import FluencyConfig
    from d2t.recipes.judges import train_fluency

    limit_threads(threads)
    config = FluencyConfig(seed=seed)
    if epochs is not None:
        config = config.model_copy(update={"epochs": epochs})
    with progress_by_fraction("training the fluency classifier") as show:
        facts = train_fluency(
            corpus, out, domain, config=config, reading=reading, notify=say, progress=show
        )
    _print(facts, as_json)


@reads_records
def train_qa(
    corpus: opt.TrainingCorpus,
    out: opt.OutFolder,
    domain: opt.CorpusDomain = None,
    labels: Annotated[
        Literal["given", "agreed"],
        typer.Option(
            help="What a text says. given: what its MR says. agreed: the same, but only texts are "
            "used on which the slot checker agrees with the MR. These are cleaner, but the model "
            "then sees no wording that is missing in the lexicon."
        ),
    ] = "given",
    epochs: Annotated[
        float | None,
        typer.Option(min=0.01, help="The number of passes over the texts [default: 10]."),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=8, help="The width of the network, a multiple of 8 [default: 128]."),
    ] = None,
    distracted: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="The share of the texts that get an extra clause which is not true of their "
            "subject. This needs a distractors.toml in the domain [default: 0.3].",
        ),
    ] = None,
    seed: opt.Seed = 1,
    device: opt.Device = "auto",
    threads: opt.TorchThreads = None,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Train the model of `d2t evaluate qa`, which asks and answers questions about texts and MRs.

    The questions are those of the domain's questions.toml. Clauses of its distractors.toml teach
    the model that a statement about another place, or a denial, is no answer. The command prints
    the folder on standard output, and losses on the development split of the corpus on standard
    error. A file has no development split, and then the last epoch is kept.

    Example:  `d2t train-qa --corpus mini --epochs 4 --out runs/qa`
    """
    from d2t.judges.qa.training.train import qa_config
    from d2t.recipes.judges import train_qa
    from d2t.train.loop.progress import default_reporter

    limit_threads(threads)
    config = qa_config(
        labels=labels, epochs=epochs, width=width, seed=seed, device=device, distracted=distracted
    )
    reporter = default_reporter(100, quiet=ROOT.quiet)
    facts = train_qa(
        corpus, out, domain, config=config, reading=reading, notify=say, progress=reporter
    )
    _print(facts, as_json)


def _print(facts: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(facts) if as_json else facts["path"])
