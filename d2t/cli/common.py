"""What every command shares: exit codes, streams, progress, answers line by line, errors."""

from __future__ import annotations

import errno
import logging
import os
import select
import stat
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar

import typer

from d2t.errors import D2TError, UsageError
from d2t.extras import missing_extra
from d2t.printable import one_line, pictured, writer_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport, Record, RecordReader
    from d2t.score.records import BadRecord

_Item = TypeVar("_Item")


class ExitCode(IntEnum):
    """What the process returns."""

    GOOD = 0
    FAILURE = 1
    USAGE = 2
    BAD_INPUT = 3
    GATE_MISSED = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


_MOST_BAD = 20
# A JSONL reader reading us as a pipe must get UTF-8 and "\n" on every platform.
_STREAMS = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Force UTF-8 on the standard streams, and open those that the caller has closed (``>&-``).

    A closed standard input is an empty one. A closed standard output is opened for reading only:
    the first write then fails, and a command that writes nothing there succeeds. Undecodable bytes
    of the input are reported for each record.
    """
    for name, flags in zip(_STREAMS, (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY), strict=True):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            errors = "surrogateescape" if name == "stdin" else "backslashreplace"
            stream.reconfigure(
                encoding="utf-8", errors=errors, newline=None if name == "stdin" else "\n"
            )


class _LogLine(logging.Formatter):
    """A log record as text for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        return pictured(super().format(record))


def configure_logging(verbosity: int, *, quiet: bool = False) -> None:
    """Send our log records to stderr: warnings by default, more with ``-v``, less with ``-q``."""
    level = (
        logging.ERROR
        if quiet
        else {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogLine("%(levelname)s %(name)s: %(message)s"))
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
        print(pictured(message), file=sys.stderr)


def say_error(error: D2TError) -> None:
    """One line on stderr: ``d2t: error: ...`` with the place, when it is known."""
    place = "" if error.line is None else f"line {error.line}"
    if error.column is not None:
        place += f", column {error.column}" if place else f"column {error.column}"
    text = one_line(f"{place + ': ' if place else ''}{error.message}")
    print(f"d2t: error: {text}", file=sys.stderr)


def say_bad(bad: Sequence[BadRecord]) -> None:
    """Tell about the first bad records of a report on stderr."""
    for record in bad[:_MOST_BAD]:
        say(one_line(f"d2t: line {record.line} (id {record.id}): {record.error.message}"))
    if len(bad) > _MOST_BAD:
        say(f"d2t: and {len(bad) - _MOST_BAD} more bad lines; --json lists all")


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


def write_answers(
    records: RecordReader,
    read: Callable[[Record], _Item],
    answer: Callable[[Sequence[_Item]], Iterable[dict[str, Any] | None]],
    *,
    batch_size: int = 1,
    strict: bool = False,
    show_errors: bool = True,
    line_of: Callable[[dict[str, Any]], str] | None = None,
) -> int:
    """Write one line for each record on standard output, in input order.

    Args:
        records: good and bad ones; what reading them guessed or ignored is told at the end.
        read: what is asked by a record; raises a ``D2TError`` if the record is bad.
        answer: of the good records of a batch; None: nothing is written for that record.
        batch_size: records that are answered together.
        strict: raise the error of the first bad record; else an error object takes its place.
        show_errors: whether the error objects are written.
        line_of: how an answer or error object is written; None: as a JSON line.

    Returns:
        The number of bad records that count: none if they are to be skipped, and are only told.

    Raises:
        D2TError: with ``strict``, of the first bad record; ``line`` is that of the record.
    """
    from d2t.errors import D2TError
    from d2t.io.records import record_line
    from d2t.mr.reader import error_record

    write = writer_to(sys.stdout)
    n_bad, skip_bad, stream = 0, records.options.skip_bad, iter(records)
    if strict and skip_bad:
        raise UsageError("--strict stops at a bad record, --skip-bad goes on; give one of them")
    while batch := list(islice(stream, batch_size)):
        good: list[_Item] = []
        lines: dict[int, dict[str, Any] | None] = {}
        asked: list[int] = []
        for record in batch:
            try:
                if record.error is not None:
                    raise record.error
                good.append(read(record))
                asked.append(record.index)
            except D2TError as error:
                error.line = record.line
                if strict:
                    raise
                n_bad += 1
                if skip_bad:
                    place = f"d2t: record {record.id}, line {record.line}"
                    say(one_line(f"{place} is left out: {error.message}"))
                shown = show_errors and not skip_bad
                lines[record.index] = error_record(record, error) if shown else None
        lines.update(zip(asked, answer(good), strict=True))
        for record in batch:
            if (line := lines[record.index]) is not None:
                write((line_of or record_line)(line))
        sys.stdout.flush()
    say_reading(records.report)
    if skip_bad and n_bad:
        say(f"d2t: {counted(n_bad, 'bad record')} left out")
    return 0 if skip_bad else n_bad


def say_reading(*reports: ReadReport | None) -> None:
    """What reading files ignored, guessed or took for absent, on standard error."""
    for report in reports:
        for line in report.lines() if report is not None else ():
            say(one_line(f"d2t: {line}"))


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
    from rich.markup import escape
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
        task = bar.add_task(escape(pictured(description)), total=total, note="")

        def advance(n: float = 1, note: str = "") -> None:
            """Move the bar by ``n``; show ``note`` beside it."""
            bar.update(task, advance=n)
            if note:
                bar.update(task, note=escape(pictured(note)))

        yield advance


@contextmanager
def progress_by_fraction(title: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar that is told the share done so far, and a note."""
    with progress(title, total=1.0) as advance:
        done = 0.0

        def show(fraction: float, note: str) -> None:
            """Move the bar to ``fraction``."""
            nonlocal done
            advance(fraction - done, note)
            done = fraction

        yield show


@contextmanager
def output(out: str | Path) -> Iterator[TextIO]:
    """Standard output for ``-``, else a file that appears when it is complete."""
    if str(out) == "-":
        yield sys.stdout
        return
    from d2t.io.atomic import atomic_write

    with atomic_write(Path(out)) as stream:
        yield stream


def counted(n: int, what: str) -> str:
    """``1 bad line``, ``2 bad lines``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def plan_option(
    plan: str | None, first: str | None, domain: Domain, policy: Literal["strict", "fit"] = "strict"
) -> str | None:
    """``--plan`` or ``--first`` as a plan, under ``--plan-policy``.

    Raises:
        UsageError: both are given, or the plan fits no record at all.
    """
    from d2t.mr.plans import check_plan, fit_plan
    from d2t.plan.choose import first_as_plan

    if first is not None:
        if plan is not None:
            raise UsageError("--first SLOT stands for --plan 'SLOT,...'; give only one of the two")
        plan = first_as_plan(first)
    if plan is not None:
        try:
            check_plan(plan, domain)
        except D2TError as error:
            option = "--plan" if first is None else "--first"
            raise UsageError(f"{option}: {error.message}", code=error.code) from error
        if policy == "fit":
            return fit_plan(plan)
    return plan


def limit_threads(threads: int | None) -> None:
    """Set torch's thread count; the caller has imported torch or is about to."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


class ErrorHandlingGroup(typer.core.TyperGroup):
    """The one top-level handler: user errors become one line, a traceback only with ``-vv``."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; what no command foresaw (a full disk, a bug) is one line too."""
        piped = False
        try:
            prepare_streams()
            piped = _is_pipe(1)
            sys.excepthook = _say_trace
            try:
                return super().main(*args, **kwargs)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except BrokenPipeError:  # the reader went away (`| head`)
            _discard_stdout()
            raise SystemExit(int(ExitCode.BROKEN_PIPE)) from None
        except SystemExit as ended:
            # Where the reader of a help text leaves, rich and click end the process with 1.
            if ended.code == ExitCode.FAILURE and piped and not _stdout_is_read_pipe():
                raise SystemExit(int(ExitCode.BROKEN_PIPE)) from None
            raise
        except Exception as error:
            _discard_stdout()
            if ROOT.verbose >= 2:
                raise
            if (needed := missing_extra(error)) is not None:
                say_error(needed)
            else:
                print(f"d2t: error: {one_line(_unforeseen(error))}", file=sys.stderr)
            raise SystemExit(int(ExitCode.FAILURE)) from None

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options of the program; what they hold is shown as text for a person."""
        with _pictured_usage():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run the command and turn what it raises into an exit code of ``ExitCode``."""
        try:
            with _pictured_usage():
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


@contextmanager
def _pictured_usage() -> Iterator[None]:
    """Make the message of a wrong command line text for a person."""
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's family, which typer keeps to itself
            error.message = one_line(str(getattr(error, "message", "")))  # type: ignore[attr-defined]
        raise


def _say_trace(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """What ``-vv`` shows, in place of Python's own hook."""
    from traceback import format_exception

    print(pictured("".join(format_exception(kind, error, trace))), end="", file=sys.stderr)


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:  # closed
        return False


def _stdout_is_read_pipe() -> bool:
    """Whether standard output is a pipe, and somebody is there to read it."""
    try:
        if not _is_pipe(1):
            return False
        pipe = select.poll()
        pipe.register(1, 0)
        return not any(event & select.POLLERR for _, event in pipe.poll(0))
    except (AttributeError, OSError, ValueError):  # closed, or no such call on this system
        return False


def _discard_stdout() -> None:
    """Send what is still buffered to nowhere, or the interpreter complains about it at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> str:
    """What to tell a user about an error that is not of our family."""
    if isinstance(error, MemoryError):
        return "out of memory; split the input, or lower --batch-size"
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return "standard output is closed; redirect it to a file, or to /dev/null"
    if isinstance(error, OSError) and error.strerror:
        name = error.filename if error.filename is not None else "the output"
        return f"{name}: {error.strerror}; check the disk and the permissions"
    what = " ".join(str(error).split())[:300]
    return (
        f"unexpected {type(error).__name__}: {what}; this is a bug of d2t: repeat the command as "
        "`d2t -vv ...` and report the trace"
    )
