"""``d2t self-train``: rounds of sampling, filtering and retraining from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import ROOT

ConfigFile = Annotated[
    Path, typer.Argument(help="A TOML file with [base], [sample], [filter] and [retrain].")
]
OutOption = Annotated[
    Path | None, typer.Option(help="The folder of all rounds [default: runs/CONFIG's name].")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key: sample.target=3000; repeatable."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on where an earlier call was ended.")
]
ShowConfigOption = Annotated[
    bool, typer.Option("--show-config", help="Print the resolved configuration and stop.")
]


def self_train(
    config: ConfigFile,
    out: OutOption = None,
    sets: SetOption = None,
    resume: ResumeOption = False,
    show_config: ShowConfigOption = False,
) -> None:
    """Train, sample new pairs with the model, keep the good ones, train again on both.

    Each round leaves round-N/ with proposals.jsonl.gz, samples.jsonl, report.json and training/.
    Prints the path of the last bundle on stdout.

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
    bundle = run_self_training(resolved, folder, resume=resume, progress=reporter)
    typer.echo(str(bundle))
