"""``d2t train-planner``: a neural planner from the orders of a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import limit_threads, say
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def train_planner(
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of the planner [default: runs/CORPUS-planner]."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Put the planner into this bundle instead of a folder. The domain of the bundle "
            "is used, and the bundle then plans with this planner."
        ),
    ] = None,
    corpus: opt.TrainingCorpus = "mini",
    train: opt.TrainFile = None,
    dev: opt.DevFile = None,
    domain: opt.CorpusDomain = None,
    epochs: opt.Epochs = None,
    width: Annotated[int | None, typer.Option(min=4, help="The width of the network.")] = None,
    smoothing: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="The amount of label smoothing.")
    ] = None,
    seed: opt.Seed = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=opt.MOST_THREADS, help="The number of CPU threads.")
    ] = 1,
    *,
    reading: ReadOptions,
) -> None:
    """Train a planner that orders slots and ends sentences as the texts of a corpus do.

    The command prints the folder on standard output. Use the planner with `d2t plan --planner
    FOLDER` or `d2t generate --planner FOLDER`.

    Example: d2t train-planner --corpus mini --epochs 3 --out runs/mini-planner
    """
    from d2t.plan.training.homes import PlannerSource
    from d2t.plan.training.planner import PlannerSettings
    from d2t.recipes.planner import train_planner

    limit_threads(threads)
    given = {"epochs": epochs, "width": width, "smoothing": smoothing, "seed": seed}
    settings = PlannerSettings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    source = PlannerSource(corpus, train, dev, reading)
    print(train_planner(source, out, domain, into=into, settings=settings, notify=say))
