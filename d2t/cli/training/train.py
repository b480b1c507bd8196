"""``d2t train``: a configuration and a corpus in, a run folder with a bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import MOST_THREADS, ROOT, say

_DATA, _MODEL, _RUN = "Data", "Model and training", "Run"


ConfigFile = Annotated[
    Path | None, typer.Argument(help="A TOML configuration; defaults without one.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="The run folder [default: runs/CORPUS-STRATEGY-ARCHITECTURE-SEED]."),
]
StrategyOption = Annotated[
    str | None,
    typer.Option(help="random, increasing_frequency, fixed_position, alignment; rnd if fp at."),
]
CorpusOption = Annotated[
    str | None, typer.Option(help="mini, e2e, e2e_cleaned, viggo.", rich_help_panel=_DATA)
]
TrainFileOption = Annotated[
    str | None,
    typer.Option("--train", help="Your own training pairs, CSV or JSONL.", rich_help_panel=_DATA),
]
DevFileOption = Annotated[
    str | None,
    typer.Option("--dev", help="Your own development pairs.", rich_help_panel=_DATA),
]
DomainOption = Annotated[
    str | None,
    typer.Option(help="A shipped domain, or a folder with domain.toml.", rich_help_panel=_DATA),
]
LimitOption = Annotated[
    int | None,
    typer.Option(min=1, help="Use the first pairs only.", rich_help_panel=_DATA),
]
ArchitectureOption = Annotated[
    str | None, typer.Option(help="transformer, bigru, pretrained.", rich_help_panel=_MODEL)
]
PretrainedOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATH_OR_NAME",
        help="Fine-tune this BART or T5 checkpoint.",
        rich_help_panel=_MODEL,
    ),
]
ObjectiveOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What is learnt beside the likelihood of the references: counterfactual, conseq "
        "(needs --init; more with --set objective.KEY=VALUE).",
        rich_help_panel=_MODEL,
    ),
]
InitOption = Annotated[
    str | None,
    typer.Option(
        metavar="RUN_OR_BUNDLE",
        help="Go on from these weights, at a tenth of their learning rate.",
        rich_help_panel=_MODEL,
    ),
]
EpochsOption = Annotated[
    float | None, typer.Option(help="Passes over the pairs.", rich_help_panel=_MODEL)
]
SeedOption = Annotated[int | None, typer.Option(help="Seed of everything random.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key, e.g. train.lr=3e-4; repeatable."),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on from the run's checkpoint.", rich_help_panel=_RUN),
]
DeviceOption = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel=_RUN)
]
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, max=MOST_THREADS, help="CPU threads.", rich_help_panel=_RUN)
]
ShowConfigOption = Annotated[
    bool,
    typer.Option(
        "--show-config", help="Print the resolved configuration and stop.", rich_help_panel=_RUN
    ),
]


def train(
    config: ConfigFile = None,
    out: OutOption = None,
    strategy: StrategyOption = None,
    corpus: CorpusOption = None,
    train_file: TrainFileOption = None,
    dev_file: DevFileOption = None,
    domain: DomainOption = None,
    limit: LimitOption = None,
    architecture: ArchitectureOption = None,
    pretrained: PretrainedOption = None,
    objective: ObjectiveOption = None,
    init: InitOption = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    sets: SetOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    show_config: ShowConfigOption = False,
) -> None:
    """Train a generator from scratch, or fine-tune a checkpoint.

    Precedence: defaults < file < --set < other options. Prints the path of the bundle on stdout.

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
        "data.limit": limit,
        "model.architecture": "pretrained" if pretrained else architecture,
        "model.name_or_path": pretrained,
        "objective.name": objective,
        "init": init,
        "train.epochs": epochs,
        "run.device": device,
        "run.threads": threads,
    }
    resolved = load_config(config, sets=sets or (), flags=flags)
    if show_config:
        typer.echo(to_toml(resolved.as_dict()), nl=False)
        return
    from d2t.recipes.run import train as run_training
    from d2t.train.loop.progress import default_reporter

    folder = out or Path("runs") / resolved.run_name
    say(f"run folder: {folder}")
    reporter = default_reporter(resolved.run.log_every, quiet=ROOT.quiet)
    bundle = run_training(resolved, folder, resume=resume, progress=reporter)
    typer.echo(str(bundle))
