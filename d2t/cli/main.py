"""The ``d2t`` command: global options and the table of commands."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from d2t.cli.common import ROOT, ErrorHandlingGroup, configure_logging, prepare_streams

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


def _print_version(value: bool) -> None:
    if value:
        from d2t import __version__

        typer.echo(f"d2t {__version__}")
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, help="More log; -vv: traces.")
    ] = 0,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it and exit."
        ),
    ] = False,
) -> None:
    """Set up streams and logging before any command runs."""
    prepare_streams()
    configure_logging(verbose, quiet=quiet)
    ROOT.verbose, ROOT.quiet = verbose, quiet


# One line a command: module and attribute. Modules are light; the heavy imports are in functions.
COMMANDS = {
    "quickstart": "quickstart:quickstart",
    "train": "train:train",
    "generate": "generate:generate",
    "check": "check:check",
    "evaluate": "evaluate:app",
    "compare": "compare:compare",
    "linearize": "linearize:linearize",
    "plan": "plan:plan",
    "train-planner": "train_planner:train_planner",
    "data": "data:app",
    "augment": "augment:app",
    "train-lm": "train_lm:train_lm",
    "train-parser": "train_parser:train_parser",
    "train-fluency": "train_fluency:train_fluency",
    "parse": "parse:parse",
    "self-train": "self_train:self_train",
    "info": "info:info",
}


def _register(name: str, target: str) -> None:
    module, attribute = target.split(":")
    command = getattr(import_module(f"d2t.cli.{module}"), attribute)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


for _name, _target in COMMANDS.items():
    _register(_name, _target)


def main() -> None:
    """Console-script entry point."""
    app()


if __name__ == "__main__":
    main()
