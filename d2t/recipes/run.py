"""A training run, which makes a bundle from a configuration, and the files of its folder."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from d2t.errors import ConfigError, DataError
from d2t.io.atomic import atomic_write_json, atomic_write_text, write_error
from d2t.io.manifest import run_manifest
from d2t.model.device import pick_device
from d2t.seeding import seed_everything
from d2t.train.config.load import bundle_digest, bundle_of, to_toml
from d2t.train.data.prepare import PreparedData, prepare_data
from d2t.train.loop.assemble import Assembly, assemble
from d2t.train.loop.checkpoint import read_state
from d2t.train.loop.objective import RunContext, objective_of
from d2t.train.loop.parts import batch_options
from d2t.train.loop.progress import (
    Reporter,
    TrainingInterrupted,
    evaluation_line,
    stop_on_signal,
)
from d2t.train.loop.selection import DevEvaluator, DevResult
from d2t.train.loop.steps import Loop
from d2t.train.loop.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d2t.train.config.options import TrainConfig


class RunFiles:
    """Paths and records of one run folder.

    Layout: ``config.toml`` (resolved), ``data.json`` (SHA-256 of what the run reads),
    ``run.json`` (manifest, written at the end),
    ``metrics.jsonl``, ``samples.jsonl``, ``checkpoint/`` (to resume from), ``bundle/`` (the best
    model so far).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.data = folder / "data.json"
        self.manifest = folder / "run.json"
        self.metrics = folder / "metrics.jsonl"
        self.samples = folder / "samples.jsonl"
        self.checkpoint = folder / "checkpoint"
        self.bundle = folder / "bundle"
        self._made: list[Path] = []

    @property
    def finished(self) -> bool:
        """Whether the run ended by itself."""
        return self.manifest.is_file()

    def claim(self, config: TrainConfig, *, resume: bool) -> bool:
        """Make the folder this run's, or find out that it is another's.

        Returns:
            True when there is a checkpoint to go on from.

        Raises:
            ConfigError: ``resume`` with a configuration that would compute something else.
            DataError: the folder holds a run already and ``resume`` was not asked for.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(f"{self.folder} is a file; give --out the name of a new folder")
        state = read_state(self.checkpoint)
        if not resume:
            self._refuse_to_overwrite(has_checkpoint=state is not None)
        elif state is not None and state["config_sha256"] != config.digest():
            raise ConfigError(
                f"{self.folder} was started with another configuration (its own: {self.config}); "
                "resume with that one, or start a new run with another --out"
            )
        if self.finished:  # nothing is left to do, so nothing is written
            return state is not None
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        if state is None:
            for path in (self.metrics, self.samples):
                path.unlink(missing_ok=True)
        header = f"# d2t train; sha256 of what is computed: {config.digest()}\n"
        atomic_write_text(self.config, header + to_toml(config.as_dict()))
        return state is not None

    def abandon(self) -> None:
        """Remove the folders that ``claim`` made, if nothing was written but the configuration."""
        made = self._made and self._made[0] == self.folder
        if made and [path.name for path in self.folder.iterdir()] == [self.config.name]:
            self.config.unlink()
        with suppress(OSError):  # one that holds something stays, and so do those above it
            for path in self._made:
                path.rmdir()

    def pin_data(self, digests: Mapping[str, str], *, resumed: bool) -> None:
        """Write down what the run reads, or see that a resumed one still reads the same.

        Raises:
            DataError: an input has changed, so that the rest of the run would be another run's.
        """
        if resumed and self.data.is_file():
            before = json.loads(self.data.read_text(encoding="utf-8"))
            changed = [name for name in digests if before.get(name) != digests[name]]
            if changed:
                raise DataError(
                    f"{self.folder} cannot be resumed: what it reads has changed since it began "
                    f"({', '.join(changed)}); restore it, or start a new run with another "
                    "--out",
                    code="data_changed",
                )
        else:
            atomic_write_json(self.data, dict(digests))

    def _refuse_to_overwrite(self, *, has_checkpoint: bool) -> None:
        if self.finished:
            raise DataError(
                f"{self.folder} holds a finished run, which is never overwritten; "
                "use another --out, or delete the folder"
            )
        if has_checkpoint:
            raise DataError(
                f"{self.folder} holds an unfinished run; continue it with --resume, or use another "
                "--out"
            )
        foreign = self.folder.is_dir() and any(
            p.name not in {"config.toml", "checkpoint"} for p in self.folder.iterdir()
        )
        if foreign and not self.config.is_file():
            raise DataError(
                f"{self.folder} is not empty and does not hold a run; give --out a new folder"
            )

    def append(self, path: Path, records: list[dict[str, Any]]) -> None:
        """Add JSON lines to ``metrics`` or ``samples``."""
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        atomic_write_text(path, old + lines)

    def rewind(self, step: int) -> None:
        """Drop records of evaluations after ``step``, which a resumed run makes again."""
        for path in (self.metrics, self.samples):
            if path.is_file():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                kept = [line for line in lines if json.loads(line)["step"] <= step]
                if len(kept) < len(lines):
                    atomic_write_text(path, "".join(kept))

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write ``run.json``: from now on the run is finished."""
        atomic_write_json(self.manifest, dict(manifest))


@dataclass
class _Run:
    """One run in progress: what is trained, and where it is written."""

    config: TrainConfig
    files: RunFiles
    data: PreparedData
    assembly: Assembly
    workers: Workers
    reporter: Reporter
    evaluator: DevEvaluator | None = None

    def evaluate(self, loop: Loop) -> DevResult:
        """Score the weights that are in the model now."""
        if self.evaluator is None:
            options, seed = batch_options(self.config), self.config.seed
            self.evaluator = DevEvaluator(
                self.config.select, self.data, self.assembly, options, seed=seed
            )
        result = self.evaluator.evaluate(loop.model, self.workers.device)
        progress = loop.progress
        result.metrics["train_loss"] = progress.loss_sum / max(1, progress.token_sum)
        return result

    def keep(self, loop: Loop, result: DevResult) -> None:
        """Record an evaluation; write the bundle when it is the best so far."""
        progress = loop.progress
        is_best = progress.best_step == progress.step
        if is_best:
            self.assembly.bundle(self.data, self.info(loop, result)).save(self.files.bundle)
        record = {
            "step": progress.step,
            "epoch": round(progress.step / loop.steps_per_epoch, 3),
            **{name: round(value, 6) for name, value in result.metrics.items()},
            "best": is_best,
            "pairs_per_s": round(progress.pairs_seen / max(progress.train_s, 1e-9), 1),
            "wall_s": round(progress.wall_s, 1),
        }
        self.files.append(self.files.metrics, [record])
        samples = [{"step": progress.step, **sample} for sample in result.samples]
        self.files.append(self.files.samples, samples)
        self.reporter.say(evaluation_line(progress.step, result.metrics, best=is_best))

    def info(self, loop: Loop, result: DevResult) -> dict[str, Any]:
        """What the model card says of the training."""
        return {
            "corpus": self.config.data.train or self.config.data.corpus,
            "strategy": self.config.strategy,
            "config": self.config.as_dict(),
            "config_sha256": self.config.digest(),
            "step": loop.progress.step,
            "pairs_seen": loop.progress.pairs_seen,
            "dev": {name: round(value, 4) for name, value in result.metrics.items()},
            "data": {
                **self.data.counts,
                **{f"{k}_sha256": v for k, v in self.data.digests.items()},
            },
            "lexicon_sha256": self.data.checker.lexicon_digest,
        }


def train(
    config: TrainConfig,
    run_folder: Path,
    *,
    resume: bool = False,
    progress: Reporter | None = None,
    command: list[str] | None = None,
) -> Path:
    """Train as ``config`` says and return the path of the bundle with the best development score.

    Args:
        config: the resolved configuration.
        run_folder: where the run is written; see ``RunFiles`` for its files.
        resume: go on from the folder's checkpoint; the result is that of an uninterrupted run.
        progress: is told how it goes; None is silent.
        command: what the manifest calls the command; None takes this process's.

    Raises:
        ConfigError: an impossible configuration, or ``resume`` with another one.
        DataError: corpus, checkpoint or disk trouble, or a folder that holds another run.
        TrainingInterrupted: Ctrl-C; the checkpoint is saved.
    """
    started = time.time()
    reporter = progress or Reporter()
    files = RunFiles(Path(run_folder))
    workers = Workers(pick_device(config.run.device))
    try:
        with cpu_settings(config.run.threads):
            return _train(config, files, workers, reporter, resume, command or sys.argv, started)
    finally:
        reporter.close()
        workers.close()


@contextmanager
def cpu_settings(threads: int | None) -> Iterator[None]:
    """Threads and flushed denormals (denormal gradients slow a CPU down), for the training only.

    Both belong to the whole process, in which somebody may compute other things afterwards.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


def _train(
    config: TrainConfig,
    files: RunFiles,
    workers: Workers,
    reporter: Reporter,
    resume: bool,
    command: list[str],
    started: float,
) -> Path:
    reporter = reporter if workers.is_main else Reporter()
    has_checkpoint = files.claim(config, resume=resume) if workers.is_main else False
    has_checkpoint = bool(workers.from_main([float(has_checkpoint)])[0])
    if resume and files.finished:
        reporter.say(f"{files.folder} is finished already; its bundle is {files.bundle}")
        return files.bundle
    try:
        seed_everything(config.seed)
        objective = objective_of(config)
        data = objective.prepare(config, prepare_data(config.data, say=reporter.say), reporter.say)
        n_more = len(data.extra) + len(data.beside)
        beside = f", {n_more} more to train on" if n_more else ""
        fitting = (
            f"fitting {config.strategy} and the tokenizer" if config.init is None else config.init
        )
        reporter.say(f"{fitting} on {len(data.train)} pairs{beside}")
        assembly = assemble(config, data)
        step = objective.parts(
            RunContext(config, data, assembly, files.folder, workers, reporter, resume, command)
        )
        init = {} if config.init is None else {"init": bundle_digest(bundle_of(config.init))}
        data = replace(
            data,
            counts={**data.counts, **step.counts},
            digests={**data.digests, **init, **step.digests},
        )
        loop = Loop(config, assembly, step.parts, workers)
        if workers.is_main:
            files.pin_data(_inputs(data), resumed=has_checkpoint)
    except BaseException:
        if workers.is_main:
            files.abandon()
        raise
    if resume and not has_checkpoint:
        reporter.say(f"{files.folder} holds no checkpoint: starting from the beginning")
    if has_checkpoint:
        loop.restore(files.checkpoint)
        files.rewind(loop.progress.step)
        reporter.say(f"resuming at step {loop.progress.step} of {loop.total_steps}")
    run = _Run(config, files, data, assembly, workers, reporter)
    reporter.say(describe(loop, config))
    with stop_on_signal() as stop:
        complete = loop.run(run.evaluate, run.keep, files.checkpoint, stop, reporter)
    if not complete:
        raise TrainingInterrupted(
            f"interrupted at step {loop.progress.step} of {loop.total_steps}; the checkpoint is "
            "saved. Continue with the same command and --resume"
        )
    if workers.is_main:
        files.finish(_manifest(run, loop, command, started))
    reporter.say(f"done: {files.bundle} (step {loop.progress.best_step})")
    return files.bundle


def describe(loop: Loop, config: TrainConfig) -> str:
    """One line about what is trained and how fast it could go."""
    n = sum(p.numel() for p in loop.model.parameters())
    return (
        f"{config.model.architecture} with {n / 1e6:.1f}M weights, vocabulary "
        f"{loop.model.vocab_size}, {loop.precision} on {loop.workers.device}, "
        f"{torch.get_num_threads()} threads; {loop.total_steps} steps, "
        f"{loop.steps_per_epoch} an epoch, evaluation every {loop.every}"
    )


def _manifest(run: _Run, loop: Loop, command: list[str], started: float) -> dict[str, Any]:
    progress = loop.progress
    metrics = {
        "best_step": progress.best_step,
        "best_selection": progress.best,
        "select_metric": run.config.select.metric,
        "signature": (
            f"dev|dom:{run.data.domain.name}@{run.data.domain.digest[:4]}|"
            f"lex:{run.data.checker.lexicon_digest[:4]}|greedy|mrs:{run.config.select.n_mrs}"
        ),
    }
    best = [
        record for record in _records(run.files.metrics) if record["step"] == progress.best_step
    ]
    return run_manifest(
        command=command,
        config=run.config.as_dict(),
        data=_inputs(run.data),
        seeds=[run.config.seed],
        started=started,
        metrics=metrics | (best[-1] if best else {}),
        training_sha256=run.config.digest(),
        counts=run.data.counts,
        steps=progress.step,
        pairs_seen=progress.pairs_seen,
        pairs_too_long=loop.n_dropped,
        train_wall_s=round(progress.wall_s, 1),
        device=str(run.workers.device),
        precision=loop.precision,
        workers=run.workers.count,
    )


def _inputs(data: PreparedData) -> dict[str, str]:
    """SHA-256 of everything that is read, by name."""
    return {
        **data.digests,
        "domain": data.domain.digest,
        "lexicon": data.checker.lexicon_digest,
    }


def _records(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]
