"""`d2t train-planner`: a neural planner from the orders of a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli.common import (
    CorpusDomainOption,
    LimitOption,
    SeedOption,
    ThreadsOption,
    limit_threads,
    say,
)

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.plan.neural import NeuralPlanner
    from d2t.plan.training.planner import EpochReport

OutOption = Annotated[
    Path | None, typer.Option(help="Folder of the planner [default: runs/CORPUS-planner].")
]
IntoOption = Annotated[
    Path | None,
    typer.Option(help="Put it into this bundle instead, whose domain is used; it plans there."),
]
CorpusOption = Annotated[str, typer.Option(help="mini, e2e, e2e_cleaned, viggo, or a file.")]
TrainOption = Annotated[
    str | None, typer.Option("--train", help="Your own training pairs, CSV or JSONL.")
]
DevOption = Annotated[str | None, typer.Option("--dev", help="Your own development pairs.")]
EpochsOption = Annotated[int | None, typer.Option(min=1, help="Passes over the plans.")]
WidthOption = Annotated[int | None, typer.Option(min=4, help="Width of the network.")]
SmoothingOption = Annotated[float | None, typer.Option(min=0, max=0.9, help="Label smoothing.")]


def train_planner(
    out: OutOption = None,
    into: IntoOption = None,
    corpus: CorpusOption = "mini",
    train: TrainOption = None,
    dev: DevOption = None,
    domain: CorpusDomainOption = None,
    epochs: EpochsOption = None,
    width: WidthOption = None,
    smoothing: SmoothingOption = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = 1,
    limit: LimitOption = None,
) -> None:
    """Train a planner that orders slots, and ends sentences, as the texts of a corpus do.

    Prints the folder on stdout. Use it with `d2t plan --planner FOLDER` or `d2t generate --planner
    FOLDER`.

    Example: d2t train-planner --corpus mini --epochs 3 --out runs/mini-planner
    """
    from d2t.corpus.select import default_domain
    from d2t.errors import UsageError

    if out is not None and into is not None:
        raise UsageError("give --out or --into, not both")
    if (train is None) != (dev is None):
        raise UsageError("--train and --dev go together: plans of one corpus choose the epoch")
    from d2t.plan.training.homes import PlannerSource, planner_examples
    from d2t.plan.training.planner import PlannerSettings
    from d2t.plan.training.planner import train_planner as run_training

    folder = into or out or Path("runs") / f"{Path(train or corpus).stem}-planner"
    loaded = _domain(into, domain or default_domain(train or corpus))
    _check_target(folder, into)
    limit_threads(threads)
    source = PlannerSource(corpus, train, dev)
    say(f"aligning {train or corpus}")
    splits = planner_examples(source, loaded, limit=limit)
    given = {"epochs": epochs, "width": width, "smoothing": smoothing, "seed": seed}
    settings = PlannerSettings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    say(f"training on {len(splits[0])} plans, choosing on {len(splits[1])}")
    planner = run_training(*splits, loaded, settings, progress=_report)
    planner.info |= _facts(source, loaded, len(splits[0]), len(splits[1]))
    _save(planner, folder, into=into is not None)
    typer.echo(str(folder))


def _domain(into: Path | None, name: str) -> Domain:
    from d2t.mr.domain import load_domain

    if into is None:
        return load_domain(name)
    from d2t.model.bundle.manifest import Manifest
    from d2t.mr.domain_files import load_domain_copy

    Manifest.read(into).verify(into)  # a damaged bundle is found before the training
    return load_domain_copy(into / "domain")


def _check_target(folder: Path, into: Path | None) -> None:
    """Refuse a folder that holds something else, before any work is done."""
    if into is None:
        from d2t.io.atomic import refuse_to_overwrite
        from d2t.plan.neural_files import PLANNER

        refuse_to_overwrite(folder, PLANNER)


def _facts(source: Any, domain: Domain, n_train: int, n_dev: int) -> dict[str, Any]:
    from d2t._version import __version__

    return {
        "corpus": source.corpus if source.train is None else Path(source.train).name,
        "domain": f"{domain.name}@{domain.digest[:4]}",
        "train_plans": n_train,
        "dev_plans": n_dev,
        "d2t_version": __version__,
    }


def _save(planner: NeuralPlanner, folder: Path, *, into: bool) -> None:
    if into:
        from d2t.model.bundle.manifest import attach_planner

        attach_planner(folder, planner)
        return
    from d2t.io.atomic import atomic_folder
    from d2t.plan.neural_files import PLANNER

    with atomic_folder(folder, marker=PLANNER) as temporary:
        planner.save(temporary)


def _report(epoch: EpochReport) -> None:
    say(
        f"epoch {epoch.epoch}: {epoch.order_nll:.3f} nats per order, {epoch.break_nll:.3f} for its "
        f"sentences, {epoch.seconds:.0f} s"
    )
