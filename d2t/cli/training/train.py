"""``d2t train`` and ``d2t self-train``: a configuration and a corpus in, a bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import ROOT, say
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def train(
    config: Annotated[
        Path | None,
        typer.Argument(help="A TOML configuration. Without one, the defaults are used."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the run [default: runs/CORPUS-STRATEGY-ARCHITECTURE-SEED]."
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="How slots are ordered in the input of the model: random (or rnd), "
            "increasing_frequency (if), fixed_position (fp) or alignment (at). Only a "
            "model with alignment follows plans reliably."
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            help="A registered corpus: mini, e2e, e2e_cleaned or viggo.", rich_help_panel=opt.DATA
        ),
    ] = None,
    train_file: opt.TrainFile = None,
    dev_file: opt.DevFile = None,
    domain: Annotated[
        str | None,
        typer.Option(
            help="The name of a shipped domain, or a folder that holds a domain.toml.",
            rich_help_panel=opt.DATA,
        ),
    ] = None,
    lexicon: opt.Lexicon = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="Use only this many training pairs, the first.", rich_help_panel=opt.DATA
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            help="The network: transformer, bigru or pretrained.", rich_help_panel=opt.MODEL
        ),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="PATH_OR_NAME",
            help="Fine-tune this BART or T5 checkpoint.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the model learns besides the likelihood of the references: counterfactual, "
            "or conseq, which needs --init. Its settings are changed by --set objective.KEY=VALUE.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="RUN_OR_BUNDLE",
            help="Start from the weights of this run or bundle, with a tenth of its learning rate.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            help="The number of passes over the training pairs.", rich_help_panel=opt.MODEL
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed of all random choices of this command.")
    ] = None,
    sets: opt.Set = None,
    resume: opt.Resume = False,
    device: Annotated[
        str | None,
        typer.Option(help="The device: auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=opt.RUN),
    ] = None,
    threads: opt.TorchThreads = None,
    show_config: opt.ShowConfig = False,
    *,
    reading: ReadOptions,
) -> None:
    """Train a generator from scratch, or fine-tune a checkpoint.

    Settings come from the defaults, from the TOML file, from --set, and from the other options;
    each of these overrides those before it. The command prints the path of the bundle on standard
    output.

    Example:  d2t train --corpus mini --strategy at --out runs/mini-at
    """
    from d2t.errors import UsageError
    from d2t.train.config.load import load_config, to_toml

    if pretrained and architecture not in (None, "pretrained"):
        raise UsageError(
            f"--pretrained brings its own architecture; leave out --architecture {architecture}"
        )
    flags = {
        "strategy": strategy,
        "seed": seed,
        "data.corpus": corpus,
        "data.train": train_file,
        "data.dev": dev_file,
        "data.domain": domain,
        "data.lexicon": [str(file) for file in lexicon] if lexicon else None,
        "data.limit": limit,
        "model.architecture": "pretrained" if pretrained else architecture,
        "model.name_or_path": pretrained,
        "objective.name": objective,
        "init": init,
        "train.epochs": epochs,
        "run.device": device,
        "run.threads": threads,
        **{f"data.reading.{name}": value for name, value in reading.as_dict().items()},
    }
    resolved = load_config(config, sets=sets or (), flags=flags)
    if show_config:
        typer.echo(to_toml(resolved.as_dict()), nl=False)
        return
    from d2t.recipes.run import train
    from d2t.train.loop.progress import default_reporter

    folder = out or Path("runs") / resolved.run_name
    say(f"run folder: {folder}")
    reporter = default_reporter(resolved.run.log_every, quiet=ROOT.quiet)
    print(train(resolved, folder, resume=resume, progress=reporter))


def self_train(
    config: Annotated[
        Path,
        typer.Argument(
            help="A TOML configuration with the sections [base], [sample], [filter] and [retrain]."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of all rounds [default: runs/NAME, with the name of the "
            "configuration]."
        ),
    ] = None,
    sets: opt.Set = None,
    resume: opt.Resume = False,
    show_config: opt.ShowConfig = False,
) -> None:
    """Train a model, let it say new MRs, keep the good pairs, and train again on old and new pairs.

    Each round writes a folder round-N with proposals.jsonl.gz (the new MRs), samples.jsonl (the
    pairs that were kept), report.json and training. The command prints the path of the last bundle
    on standard output.

    Example:  d2t self-train experiments/self_training/mini.toml --out runs/self-training
    """
    from d2t.recipes.self_training.config import load_self_training_config

    resolved = load_self_training_config(config, sets=tuple(sets or ()))
    if show_config:
        typer.echo(resolved.to_toml(), nl=False)
        return
    from d2t.recipes.self_training.rounds import run_self_training
    from d2t.train.loop.progress import default_reporter

    reporter = default_reporter(resolved.base.run.log_every, quiet=ROOT.quiet)
    folder = out or Path("runs") / config.stem
    print(run_self_training(resolved, folder, resume=resume, progress=reporter))
