"""The files of a run folder: which run it is, what has been measured, whether it is finished."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from d2t.errors import ConfigError, DataError
from d2t.io.atomic import atomic_write_json, atomic_write_text, write_error
from d2t.train.config.config_file import config_to_toml
from d2t.train.loop.checkpoint import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from d2t.train.config.config import TrainConfig


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
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        if state is None:
            for path in (self.metrics, self.samples):
                path.unlink(missing_ok=True)
        header = f"# d2t train; sha256 of what is computed: {config.digest()}\n"
        atomic_write_text(self.config, header + config_to_toml(config))
        return state is not None

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
                    f"({', '.join(changed)}); put that back as it was, or start a new run with "
                    "another --out",
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
                f"{self.folder} holds an unfinished run; go on by --resume, or use another --out"
            )
        foreign = self.folder.is_dir() and any(
            p.name not in {"config.toml", "checkpoint"} for p in self.folder.iterdir()
        )
        if foreign and not self.config.is_file():
            raise DataError(f"{self.folder} is not empty and is no run; give --out a new folder")

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
