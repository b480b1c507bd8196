"""What every command shares: exit codes, options, streams, progress, error reports."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from d2t.errors import D2TError, UsageError
from d2t.extras import missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from d2t.mr.domain import Domain


class ExitCode(IntEnum):
    """What the process returns."""

    GOOD = 0
    FAILURE = 1
    USAGE = 2
    BAD_INPUT = 3
    GATE_MISSED = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


Source = Annotated[
    str, typer.Argument(help="Input file; '-' is standard input.", show_default=True)
]
DomainOption = Annotated[
    str, typer.Option("--domain", help="A shipped domain, or a folder that holds a domain.toml.")
]
CorpusDomainOption = Annotated[
    str | None,
    typer.Option("--domain", help="A domain or its folder (default: the corpus's, or restaurant)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Read this many records only.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Stop at the first bad input line.")]
DeviceOption = Annotated[
    str, typer.Option("--device", help="cpu, cuda, cuda:1, mps; auto takes what there is.")
]
EngineOption = Annotated[
    Literal["auto", "torch", "ctranslate2"],
    typer.Option(
        help="auto: ctranslate2 on a CPU if `d2t export` has put its model into the bundle; "
        "else torch."
    ),
]
MOST_THREADS = 1024
"""More threads than this make nothing faster, and torch ends the process."""
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        max=MOST_THREADS,
        help="CPU threads. Default: all cores with ctranslate2, else torch's choice.",
    ),
]

# A JSONL reader reading us as a pipe must get UTF-8 and "\n" on every platform.
_STREAMS = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Force UTF-8 on the standard streams; undecodable input bytes are reported per line."""
    for name in _STREAMS:
        if getattr(sys, name) is None:  # closed by the caller: `d2t info b >&-`
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            errors = "surrogateescape" if name == "stdin" else "backslashreplace"
            stream.reconfigure(
                encoding="utf-8", errors=errors, newline=None if name == "stdin" else "\n"
            )


def configure_logging(verbosity: int, *, quiet: bool = False) -> None:
    """Send our log records to stderr: warnings by default, more with ``-v``, less with ``-q``."""
    level = (
        logging.ERROR
        if quiet
        else {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("d2t")
    logger.handlers[:] = [handler]
    logger.setLevel(level)


@dataclass
class RootOptions:
    """The global options of this process, set once by the root command."""

    verbose: int = 0
    quiet: bool = False


ROOT = RootOptions()


def say(message: str) -> None:
    """A line for the person, on stderr; silent with ``--quiet``."""
    if not ROOT.quiet:
        print(message, file=sys.stderr)


def say_error(error: D2TError) -> None:
    """One line on stderr: ``d2t: error: ...`` with the place, when it is known."""
    place = "" if error.line is None else f"line {error.line}"
    if error.column is not None:
        place += f", column {error.column}" if place else f"column {error.column}"
    print(f"d2t: error: {place + ': ' if place else ''}{error.message}", file=sys.stderr)


def verdict(missed: str | None, *, bad_lines: int) -> ExitCode:
    """The exit code of a command with gates: a missed one, told on stderr, outweighs bad lines."""
    if missed is not None:
        say(f"d2t: a gate was not passed: {missed}")
        return ExitCode.GATE_MISSED
    return ExitCode.BAD_INPUT if bad_lines else ExitCode.GOOD


def exit_after(n_bad: int) -> None:
    """End a command that answered records; bad ones are told on stderr.

    Raises:
        typer.Exit: there were bad records.
    """
    if n_bad:
        say(counted(n_bad, "bad line"))
        raise typer.Exit(ExitCode.BAD_INPUT)


def error_console() -> Console:
    """A rich console on stderr (colour only on a TTY, ``NO_COLOR`` respected)."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator[Callable[..., None]]:
    """A progress bar on stderr when it is a TTY, else nothing.

    Yields:
        ``advance(n=1, note="")``: move by ``n`` and show ``note`` (for example loss and speed).
    """
    if ROOT.quiet or not sys.stderr.isatty():
        yield lambda n=1, note="": None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=error_console(), transient=True) as bar:
        task = bar.add_task(description, total=total, note="")

        def advance(n: float = 1, note: str = "") -> None:
            """Move the bar by ``n``; show ``note`` beside it."""
            bar.update(task, advance=n)
            if note:
                bar.update(task, note=note)

        yield advance


def counted(n: int, what: str) -> str:
    """``1 bad line``, ``2 bad lines``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def check_plan_option(plan: str | None, domain: Domain, *, option: str = "--plan") -> None:
    """Refuse a plan that can fit no record at all, before any record is read."""
    from d2t.mr.plans import check_plan

    if plan is None:
        return
    try:
        check_plan(plan, domain)
    except D2TError as error:
        raise UsageError(f"{option}: {error.message}", code=error.code) from error


def limit_threads(threads: int | None) -> None:
    """Set torch's thread count; the caller has imported torch or is about to."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


class ErrorHandlingGroup(typer.core.TyperGroup):
    """The one top-level handler: user errors become one line, a traceback only with ``-vv``."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; what no command foresaw (a full disk, a bug) is one line too."""
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except BrokenPipeError:  # the reader went away (`| head`)
            _discard_stdout()
            raise SystemExit(int(ExitCode.BROKEN_PIPE)) from None
        except Exception as error:
            _discard_stdout()
            if ROOT.verbose >= 2:
                raise
            if (needed := missing_extra(error)) is not None:
                say_error(needed)
            else:
                print(f"d2t: error: {_unforeseen(error)}", file=sys.stderr)
            raise SystemExit(int(ExitCode.FAILURE)) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command and turn what it raises into an exit code of ``ExitCode``."""
        try:
            return super().invoke(ctx)
        except D2TError as error:
            say_error(error)
            if ROOT.verbose >= 2:
                raise
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            print("d2t: interrupted", file=sys.stderr)
            ctx.exit(int(ExitCode.INTERRUPTED))
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(int(ExitCode.BROKEN_PIPE))


def _discard_stdout() -> None:
    """Send what is still buffered to nowhere, or the interpreter complains about it at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> str:
    """What to tell a user about an error that is not of our family."""
    if isinstance(error, MemoryError):
        return "out of memory; split the input, or lower --batch-size"
    if isinstance(error, OSError) and error.strerror:
        name = error.filename if error.filename is not None else "the output"
        return f"the system refused: {name}: {error.strerror}; check the disk and permissions"
    what = " ".join(str(error).split())[:300]
    return (
        f"unexpected {type(error).__name__}: {what}; this is a bug of d2t: repeat the command as "
        "`d2t -vv ...` and report the trace"
    )
