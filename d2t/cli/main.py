"""The ``d2t`` command: global options and the table of commands."""

from __future__ import annotations

import atexit
import gc
import inspect
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from d2t.cli.common import ROOT, ErrorHandlingGroup, configure_logging


def _print_version(value: bool) -> None:
    if value:
        from d2t._version import __version__

        typer.echo(f"d2t {__version__}")
        raise typer.Exit


def root(
    verbose: Annotated[
        int,
        typer.Option(
            "-v", "--verbose", count=True, help="Show more log lines. -vv also shows tracebacks."
        ),
    ] = 0,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print nothing but errors on standard error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Set up logging before any command runs."""
    configure_logging(verbose, quiet=quiet)
    ROOT.verbose, ROOT.quiet = verbose, quiet


# One line a command: module and attribute. Modules are light; the heavy imports are in functions.
COMMANDS = {
    "quickstart": "training.quickstart:quickstart",
    "train": "training.train:train",
    "generate": "generating.generate:generate",
    "check": "evaluating.check:check",
    "lexicon": "evaluating.lexicon:app",
    "evaluate": "evaluating.evaluate:app",
    "compare": "evaluating.compare:compare",
    "linearize": "generating.linearize:linearize",
    "plan": "generating.plan:plan",
    "train-planner": "training.train_planner:train_planner",
    "data": "data:app",
    "augment": "training.augment:app",
    "train-lm": "training.judges:train_lm",
    "train-parser": "training.judges:train_parser",
    "train-fluency": "training.judges:train_fluency",
    "train-qa": "training.judges:train_qa",
    "parse": "evaluating.parse:parse",
    "self-train": "training.train:self_train",
    "info": "info:info",
    "guide": "guide:guide",
    "export": "generating.export:export",
}


def build_app(called: str | None = None) -> typer.Typer:
    """The command line with every command, or, to start sooner, with what ``called`` needs.

    Args:
        called: the command on the command line, which is then the only one; any other word gets
            the names and help texts of all commands, for the overview and "did you mean".
    """
    app = typer.Typer(
        name="d2t",
        cls=ErrorHandlingGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        help="Data to text: the content is proved, the order is yours to choose.",
        epilog="First time here?  `d2t quickstart`  trains a small model and shows what it can do.",
    )
    app.callback()(root)
    for name in [called] if called in COMMANDS else COMMANDS:
        _register(app, name, described_only=called is not None and name != called)
    return app


def _register(app: typer.Typer, name: str, *, described_only: bool) -> None:
    module, attribute = COMMANDS[name].split(":")
    command = getattr(import_module(f"d2t.cli.{module}"), attribute)
    group = isinstance(command, typer.Typer)
    if described_only:  # options take typer longer than everything else together
        text = command.info.help if group else inspect.getdoc(command)
        app.command(name, help=text)(lambda: None)
    elif group:
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def __getattr__(name: str) -> Any:
    """``app``, whole, for those who import it (PEP 562)."""
    if name == "app":
        globals()["app"] = build_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_OBJECTS = 100_000
"""Made between two looks for cycles; every look walks through all modules (700 are the default)."""


def main() -> None:
    """Console-script entry point.

    The collector of cycles took a quarter of the time to a first sentence: it looked dozens of
    times during imports, which make none, and once more through everything at the exit.
    """
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if "train" not in called:  # numpy's threads and the engine's wait for each other
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    build_app(called)()


if __name__ == "__main__":
    main()
