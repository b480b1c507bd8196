"""The training stage of a row: base, with phrases, by self-training from either."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from d2t.recipes.run import train

if TYPE_CHECKING:
    from d2t.recipes.self_training.config import SelfTrainingConfig
    from d2t.train.config.config import TrainConfig
    from d2t.train.loop.progress import Reporter
    from experiments.reproduction.config import Row
    from experiments.reproduction.workspace import Workspace


def train_row(workspace: Workspace, row: Row, *, threads: int | None, progress: Reporter) -> None:
    """Train a row, or go on with it, or find it done; then write down where its bundle is.

    Raises:
        DataError: what the row builds on is not there yet.
        TrainingInterrupted: Ctrl-C; the next call goes on.
    """
    if row.recipe == "self_training":
        _self_train(workspace, row, threads=threads, progress=progress)
        return
    augment = _augmentation(workspace, row)
    config = _on(workspace.table.train_config(row, augment, _tests(workspace, row)), threads)
    folder = workspace.folder(row) / "training"
    bundle = train(config, folder, resume=True, progress=progress, command=_command(row))
    workspace.finish_training(row, bundle=_within(workspace, row, bundle), run="training/run.json")


def _self_train(workspace: Workspace, row: Row, *, threads: int | None, progress: Reporter) -> None:
    """Rounds that begin with the bundle of the base row, on its data and samples."""
    from d2t.recipes.self_training.self_training import run_self_training

    config = self_training_config(workspace, row, threads=threads)
    folder = workspace.folder(row) / "self-training"
    resume = (folder / "config.toml").is_file()
    bundle = run_self_training(
        config, folder, resume=resume, progress=progress, command=_command(row)
    )
    rounds = range(1, config.rounds + 1)
    workspace.finish_training(
        row,
        bundle=_within(workspace, row, bundle),
        run=_within(workspace, row, bundle.parent / "run.json"),
        samples=[f"self-training/round-{n}/samples.jsonl" for n in rounds],
        reports=[f"self-training/round-{n}/report.json" for n in rounds],
    )


def self_training_config(
    workspace: Workspace, row: Row, *, threads: int | None
) -> SelfTrainingConfig:
    """What ``d2t self-train`` would be given: the table's options over the base row's run."""
    from d2t.recipes.self_training.config import SelfTrainingConfig

    table = workspace.table
    base = table.row(row.base or "")
    augment = _augmentation(workspace, base)
    bundle = workspace.folder(base) / workspace.training(base)["bundle"]
    options = table.self_training_options(row)
    if table.fluency is not None:
        judge = _file(workspace.asset(workspace.fluency(row)))
        options = {**options, "filter": {**options.get("filter", {}), "classifier": judge}}
    return SelfTrainingConfig(
        **options,
        base_model=_file(bundle.parent),
        base=_on(table.train_config(row, augment, _tests(workspace, row)), threads),
    )


def _augmentation(workspace: Workspace, row: Row) -> tuple[str, ...]:
    """The files of further pairs that a row is, or was, trained on."""
    if row.recipe == "phrases":
        return (_file(workspace.asset(workspace.phrases(row))),)
    if row.recipe == "self_training":
        base = workspace.table.row(row.base or "")
        samples = workspace.training(row)["samples"]
        own = (_file(workspace.folder(row) / name) for name in samples)
        return (*_augmentation(workspace, base), *own)
    return ()


def _tests(workspace: Workspace, row: Row) -> str | None:
    name = workspace.tests(row)
    return _file(workspace.asset(name)) if name else None


def _command(row: Row) -> list[str]:
    return ["python", "-m", "experiments.reproduction", "--only", row.name]


def _on(config: TrainConfig, threads: int | None) -> TrainConfig:
    return config.model_copy(update={"run": config.run.model_copy(update={"threads": threads})})


def _within(workspace: Workspace, row: Row, path: Path) -> str:
    return path.relative_to(workspace.folder(row)).as_posix()


def _file(path: Path) -> str:
    """A path for a configuration: as short as it can be, so that no machine's folders are in it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
