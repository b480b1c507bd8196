"""The training stage of a row, and the files that several rows share.

Shared files are phrases, the neural planner, the fluency classifier, the language model of a corpus
and test MRs that may not be trained on.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.corpus.files import write_corpus
from d2t.corpus.load import load_split
from d2t.corpus.registry import registry
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.mr.domain import load_domain
from d2t.recipes.run import train
from d2t.score.fluency import language_model
from d2t.slots.checker import SlotChecker
from d2t.train.data.prepare import prepare_data
from experiments.reproduction.config import SCORE_STAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.recipes.self_training.config import SelfTrainingConfig
    from d2t.train.config.options import TrainConfig
    from d2t.train.loop.progress import Reporter
    from experiments.reproduction.config import Row, Stage
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
    config = _config(workspace, row, _augmentation(workspace, row), threads)
    folder = workspace.folder(row) / "training"
    bundle = train(config, folder, resume=True, progress=progress, command=_command(row))
    workspace.finish_training(row, bundle=_within(workspace, row, bundle), run="training/run.json")


def _self_train(workspace: Workspace, row: Row, *, threads: int | None, progress: Reporter) -> None:
    """Rounds that begin with the bundle of the base row, on its data and samples."""
    from d2t.recipes.self_training.rounds import run_self_training

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
    bundle = workspace.folder(base) / workspace.training(base)["bundle"]
    options = table.self_training_options(row)
    if table.fluency is not None:
        judge = _file(workspace.asset(workspace.made_of_data("fluency", row)))
        options = {**options, "filter": {**options.get("filter", {}), "classifier": judge}}
    return SelfTrainingConfig(
        **options,
        base_model=_file(bundle.parent),
        base=_config(workspace, row, _augmentation(workspace, base), threads),
    )


def _augmentation(workspace: Workspace, row: Row) -> tuple[str, ...]:
    """The files of further pairs that a row is, or was, trained on."""
    if row.recipe == "phrases":
        return (_file(workspace.asset(workspace.made_of_data("phrases", row))),)
    if row.recipe == "self_training":
        base = workspace.table.row(row.base or "")
        samples = workspace.training(row)["samples"]
        own = (_file(workspace.folder(row) / name) for name in samples)
        return (*_augmentation(workspace, base), *own)
    return ()


def _config(
    workspace: Workspace, row: Row, augment: tuple[str, ...], threads: int | None
) -> TrainConfig:
    """The row's training configuration with its files, which no other row may have."""
    files: dict[str, list[str] | str] = {"augment": list(augment)} if augment else {}
    if name := workspace.tests(row):
        files["test"] = _file(workspace.asset(name))
    return workspace.table.train_config(row, threads=threads, **files)


def _command(row: Row) -> list[str]:
    return ["python", "-m", "experiments.reproduction", "--only", row.name]


def _within(workspace: Workspace, row: Row, path: Path) -> str:
    return path.relative_to(workspace.folder(row)).as_posix()


def _file(path: Path) -> str:
    """A path for a configuration: as short as it can be, so that no machine's folders are in it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def make_asset(workspace: Workspace, name: str, progress: Reporter) -> None:
    """Make a shared file unless it is there; it appears whole or not at all.

    Raises:
        DataError: no row reads such a file.
    """
    path = workspace.asset(name)
    if path.exists():
        return
    progress.say(f"making {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    kind, _, rest = name.partition("-")
    if kind == "lm":
        domain = load_domain(registry()[rest].domain)
        language_model(rest, domain, SlotChecker.for_domain(domain)).save(temporary)
    else:
        _MAKERS[kind](workspace, _reader(workspace, name), temporary, progress)
    temporary.rename(path)


def _reader(workspace: Workspace, name: str) -> Row:
    """A row that reads the file: its configuration says what the file is made of."""
    stages: tuple[Stage, ...] = ("train", *SCORE_STAGES)
    return next(
        row
        for row in workspace.table.rows
        if any(name in workspace.assets(row, stage) for stage in stages)
    )


def _test_examples(workspace: Workspace, row: Row, domain: Domain) -> list[Example]:
    """The test pairs of every corpus that the row is trained or scored on."""
    corpora = workspace.table.train_config(row).data.corpus, *workspace.table.corpora(row)
    return [
        example
        for corpus in dict.fromkeys(corpora)
        for example in load_split(corpus, "test", domain)
    ]


def _tests(workspace: Workspace, row: Row, path: Path, progress: Reporter) -> None:
    """Written for ``[data] test``: none of these may be trained on."""
    domain = load_domain(workspace.table.train_config(row).data.domain)
    examples = _test_examples(workspace, row, domain)
    progress.say(f"{len(examples)} test pairs may not be trained on")
    with atomic_write(path) as stream:
        write_corpus(stream, examples, domain, form="jsonl")


def _phrases(workspace: Workspace, row: Row, path: Path, progress: Reporter) -> None:
    """Cut from the row's training data as ``d2t augment phrases`` does; a report lies beside it."""
    from d2t.augment.phrases.phrases import PhraseCounts, phrase_examples, phrase_report
    from d2t.augment.phrases.selection import fluent_phrases, phrase_fluency, select_phrases

    data = prepare_data(workspace.table.train_config(row).data)
    references = [pair.alignment for pair in data.train]
    options = dict(workspace.table.phrases)
    counts = PhraseCounts()
    found = phrase_examples(
        [pair.example for pair in data.train],
        data.checker,
        data.domain,
        alignments=references,
        dedupe=options.pop("dedupe", "template"),
        held_out=frozenset(e.mr.key() for e in _test_examples(workspace, row, data.domain)),
        counts=counts,
    )
    phrases, quantile = list(found), options.pop("fluency_quantile", 0.0)
    if quantile:
        scores = phrase_fluency(phrases, references, data.checker, data.domain)
        phrases = fluent_phrases(phrases, scores, quantile)
    chosen = select_phrases(phrases, **options)
    progress.say(f"{len(chosen)} phrases")
    with atomic_write(path) as stream:
        write_corpus(stream, chosen, data.domain, form="jsonl")
    report = workspace.asset(workspace.made_of_data("phrases", row)).with_suffix(".report.json")
    atomic_write_json(report, phrase_report(chosen, counts))


def _fluency(workspace: Workspace, row: Row, path: Path, progress: Reporter) -> None:
    """Trained on the row's training texts, as ``d2t train-fluency`` does."""
    from d2t.judges.fluency.training import FluencyConfig, marked_texts, train_fluency

    data = prepare_data(workspace.table.train_config(row).data)
    progress.say(f"training the fluency classifier on {len(data.train)} texts")
    texts = marked_texts([pair.example for pair in data.train], data.checker, data.domain)
    train_fluency(texts, FluencyConfig(**(workspace.table.fluency or {}))).save(path)


def _planner(workspace: Workspace, row: Row, path: Path, progress: Reporter) -> None:
    """Trained on the plans of the row's training data; development plans choose the epoch."""
    from d2t.plan.training.planner import PlannerSettings, train_planner

    data = prepare_data(workspace.table.train_config(row).data)
    planner = train_planner(
        [pair.example for pair in data.train],
        [pair.example for pair in data.dev],
        data.domain,
        PlannerSettings(**workspace.table.planner),
        progress=lambda report: progress.say(str(report)),
    )
    planner.save(path)


_MAKERS: dict[str, Callable[[Workspace, Row, Path, Reporter], None]] = {
    "tests": _tests,
    "phrases": _phrases,
    "fluency": _fluency,
    "planner": _planner,
}
"""Of what is made for a row, by the first word of the name."""
