"""What the experiments' commands share: options, places, one run at a time, manifest and table."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from d2t.errors import D2TError, DataError
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.manifest import run_manifest
from experiments.engine.processes import only_one
from experiments.engine.steps import made_at, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


HERE = Path(__file__).resolve().parents[1] / "faithfulness"
RESULTS = HERE.parent / "results" / "faithfulness"
RUNS = Path("runs/faithfulness")
ONLY = {"--only": {"help": "arms whose name holds this"}}
"""The option of experiments whose arms can be run one by one."""

_Experiment = TypeVar("_Experiment", bound=BaseModel)


class Places(NamedTuple):
    """Where an experiment writes.

    Attributes:
        out: results, which are committed.
        runs: trainings and outputs, which are not.
    """

    out: Path
    runs: Path


class Outcome(NamedTuple):
    """What a run ends with.

    Attributes:
        metrics: all numbers, JSON-able.
        seeds: of everything random.
        data: for the manifest: what was read, and its hash.
        failed: what could not be made, with the reason; the rest stands.
    """

    metrics: dict[str, Any]
    seeds: list[int]
    data: dict[str, str]
    failed: tuple[str, ...] = ()


def config_of(name: str, *, pilot: bool = False) -> Path:
    """The TOML that ships, or that of the pilot."""
    return HERE / f"{name}{'_pilot' if pilot else ''}.toml"


@dataclass(frozen=True)
class Command(Generic[_Experiment]):
    """``python -m experiments.faithfulness.NAME``.

    Attributes:
        name: of the module, of its TOML, and of its pilot's (``NAME_pilot.toml``).
        doc: for ``--help``.
        load: reads the TOML.
        run: does what is left.
        table: Markdown from the TOML that was run, and the manifest that it left.
        steps: the file that each step leaves; the step is done where it is (``run`` looks closer).
        options: of this experiment alone, as ``argparse`` takes them.
        trains: whether it keeps trainings or outputs apart from its results, in ``--runs``.
        threads: of the processor; None leaves torch's choice.
        files: names of results and table.
    """

    name: str
    doc: str | None
    load: Callable[[Path], _Experiment]
    run: Callable[[_Experiment, Places, argparse.Namespace], Outcome]
    table: Callable[[_Experiment, dict[str, Any]], str]
    steps: Callable[[_Experiment, Places], list[Path]]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trains: bool = True
    threads: int | None = 1
    files: tuple[str, str] = ("results.json", "table.md")

    def places(
        self, experiment: _Experiment, config: Path, *, out: Path | None, runs: Path | None
    ) -> Places:
        """The folders, named by the TOML's ``results``; without one, one folder of its name."""
        name = getattr(experiment, "results", None)
        kept = runs or RUNS / (name or config.stem)
        return Places(out or (RESULTS / name if name else kept), kept)

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Do what is left and write results and table; 1 where something failed."""
        args = self._parser().parse_args(argv)
        try:
            experiment = self.load(args.config)
            runs = args.runs if self.trains else None
            places = self.places(experiment, args.config, out=args.out, runs=runs)
            failed: tuple[str, ...] = ()
            if not args.report:
                given = sys.argv[1:] if argv is None else argv
                failed = self._run(experiment, places, args, given)
            print(self.report(experiment, places))
        except D2TError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        for line in failed:
            print(f"failed: {line}", file=sys.stderr)
        return 1 if failed else 0

    def report(self, experiment: _Experiment, places: Places) -> str:
        """Write the table of the results that are there, and return it.

        Raises:
            DataError: there are none.
        """
        path = places.out / self.files[0]
        if not path.is_file():
            raise DataError(
                f"{path}: there are no results yet; "
                f"run `python -m experiments.faithfulness.{self.name}`"
            )
        manifest = read_json(path)
        ran = type(experiment).model_validate(manifest["config"])
        text = self.table(ran, manifest)
        committed = [p for p in self.steps(ran, places) if p.is_relative_to(places.out)]
        if line := made_at(committed):
            text = f"{text}\n{line}\n"
        with atomic_write(places.out / self.files[1]) as stream:
            stream.write(text)
        return text

    def _run(
        self,
        experiment: _Experiment,
        places: Places,
        args: argparse.Namespace,
        given: Sequence[str],
    ) -> tuple[str, ...]:
        """Run and write the manifest; what failed."""
        if args.threads:
            import torch

            torch.set_num_threads(args.threads)
        started = time.time()
        with only_one(places.runs if self.trains else places.out):
            found = self.run(experiment, places, args)
            places.out.mkdir(parents=True, exist_ok=True)
            manifest = run_manifest(
                command=["python", "-m", f"experiments.faithfulness.{self.name}", *given],
                config=experiment.model_dump(mode="json"),
                data=found.data,
                seeds=found.seeds,
                started=started,
                metrics=found.metrics,
            )
            atomic_write_json(places.out / self.files[0], manifest)
        return found.failed

    def _parser(self) -> argparse.ArgumentParser:
        module = f"python -m experiments.faithfulness.{self.name}"
        line = argparse.ArgumentParser(prog=module, description=self.doc)
        line.add_argument("--config", type=Path, default=config_of(self.name))
        line.add_argument("--out", type=Path, help="results; named by the configuration otherwise")
        if self.trains:
            line.add_argument("--runs", type=Path, help="default: runs/faithfulness/RESULTS")
        line.add_argument("--threads", type=int, default=self.threads)
        line.add_argument("--report", action="store_true", help="only the table of what is there")
        for name, settings in self.options.items():
            line.add_argument(name, **settings)
        return line
