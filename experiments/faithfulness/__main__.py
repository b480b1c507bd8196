"""``python -m experiments.faithfulness``: all parts, one after the other, and their tables.

Each part runs in a process of its own and takes what it has done before: after a kill the same
command goes on. A part that fails is reported, and the others go on.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import Field

from d2t.errors import D2TError, UsageError
from experiments.engine.command import HERE, RUNS, config_of
from experiments.engine.config import Section
from experiments.engine.processes import run_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.engine.command import Command

PACKAGE = "experiments.faithfulness"


class Part(Section):
    """One experiment.

    Attributes:
        name: of its module and its TOML.
        minutes, pilot_minutes: of one free core, what a step costs roughly.
    """

    name: str
    minutes: float = Field(gt=0)
    pilot_minutes: float = Field(gt=0)

    @property
    def command(self) -> Command[Any]:
        """What its module offers; imports torch."""
        found: Command[Any] = import_module(f"{PACKAGE}.{self.name}").COMMAND
        return found


class Parts(Section):
    """``parts.toml``."""

    parts: tuple[Part, ...] = Field(min_length=1)

    def named(self, names: str | None) -> tuple[Part, ...]:
        """Those of a comma list, in the file's order; None: all.

        Raises:
            UsageError: there is no such part.
        """
        if names is None:
            return self.parts
        wanted, known = names.split(","), [part.name for part in self.parts]
        if unknown := [name for name in wanted if name not in known]:
            raise UsageError(f"no part {unknown[0]!r}; parts: {', '.join(known)}")
        return tuple(part for part in self.parts if part.name in wanted)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(prog=f"python -m {PACKAGE}", description=__doc__)
    line.add_argument("--only", metavar="PART,...", help="these parts only")
    line.add_argument("--pilot", action="store_true", help="their pilots, on small data")
    line.add_argument("--list", action="store_true", help="what is left, and its rough cost")
    line.add_argument("--report", action="store_true", help="only the tables of what is there")
    line.add_argument("--threads", type=int, help="of each part; default: its own choice")
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is left; 1 where a part failed."""
    args = parser().parse_args(argv)
    try:
        parts = Parts.read(HERE / "parts.toml").named(args.only)
        if args.list:
            return print_left(parts, pilot=args.pilot)
        if args.report:
            return report(parts, pilot=args.pilot)
        return run(parts, pilot=args.pilot, threads=args.threads)
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:  # the part got it too, and has kept what it had
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130


def run(parts: Sequence[Part], *, pilot: bool, threads: int | None) -> int:
    """Every part to its end, or its failure."""
    codes = {}
    for part in parts:
        config = config_of(part.name, pilot=pilot)
        log = RUNS / f"{config.stem}.log"
        _say(f"{part.name}: begins, log {log}")
        arguments = ["--config", str(config), *(["--threads", str(threads)] if threads else [])]
        started = time.time()
        codes[part.name] = code = run_module(f"{PACKAGE}.{part.name}", arguments, log)
        if code == 130:
            raise KeyboardInterrupt
        ended = "done" if code == 0 else f"failed ({code}), see {log}"
        _say(f"{part.name}: {ended}, {(time.time() - started) / 60:.1f} min")
    report(parts, pilot=pilot)
    return 1 if any(codes.values()) else 0


def print_left(parts: Sequence[Part], *, pilot: bool) -> int:
    """Steps that are left, by their files; a part looks closer, and does stale ones again."""
    hours = 0.0
    for part in parts:
        command = part.command
        config = config_of(part.name, pilot=pilot)
        experiment = command.load(config)
        steps = command.steps(experiment, command.places(experiment, config, out=None, runs=None))
        left = sum(not step.is_file() for step in steps)
        minutes = left * (part.pilot_minutes if pilot else part.minutes)
        hours += minutes / 60
        print(f"{part.name:15s} {left:3d} of {len(steps):3d} steps left, about {minutes:6.1f} min")
    print(f"about {hours:.1f} hours of one free core")
    return 0


def report(parts: Sequence[Part], *, pilot: bool) -> int:
    """Write the tables of what is there, and say where they are; 1 where one cannot be made."""
    code = 0
    for part in parts:
        command = part.command
        config = config_of(part.name, pilot=pilot)
        try:
            experiment = command.load(config)
            places = command.places(experiment, config, out=None, runs=None)
            command.report(experiment, places)
        except D2TError as error:
            _say(f"{part.name}: {error}")
            code = 1
        else:
            print(places.out / command.files[1])
    return code


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
