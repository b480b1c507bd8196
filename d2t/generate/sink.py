"""Where generated records go: standard output, a device, or a file that can be resumed."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError, DataError, UsageError
from d2t.generate.requests import answers_record
from d2t.io.atomic import atomic_write
from d2t.io.growing import GrowingFile, written_records
from d2t.printable import writer_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from d2t.generate.stream import StreamTotals
    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record

    Write = Callable[[str], None]
    Say = Callable[[str], None]
    IsBad = Callable[[Record], bool]


def is_complete(output: Path | None, *, jsonl: bool) -> bool:
    """Whether a file that is to be resumed is finished already.

    Raises:
        UsageError: the output is no file, or its lines do not say which records they answer.
    """
    if output is None or not _is_file(output):
        raise UsageError("--resume continues an output file, so it needs --output FILE")
    if not jsonl:
        raise UsageError(
            "--resume works with --format jsonl only: no other format says which are done"
        )
    return output.is_file() and not _growing(output).partial.exists()


def count_finished(
    output: Path,
    records: Iterator[Record],
    domain: Domain,
    totals: StreamTotals,
    say: Say,
    is_bad: IsBad | None = None,
) -> None:
    """Count the lines of a finished file, which must answer all the records and no others.

    A finished file does not say with which options it was made, so they are not compared. Where
    bad records were left out, ``is_bad`` tells which records need no line.

    Raises:
        DataError: it is not one that d2t wrote, or answers other records.
    """
    say(f"{output} is complete: its records are compared with the input and counted")
    _growing(output).identity.unlink(missing_ok=True)  # killed after it gave the file its name
    _count_answers(output, written_records(output), records, domain, totals, is_bad)
    if (left := _next_good(records, totals, is_bad)) is not None:
        raise DataError(
            f"{output} is complete, but has no line for the input record {left.id!r}; give the "
            "input that made it, or delete the file to start again",
            code="data_changed",
        )


def begin_file(
    output: Path | None, made_by: Mapping[str, Any], *, resume: bool, window: int
) -> GrowingFile | None:
    """The file behind ``output``, ready for lines; None for standard output and devices.

    Raises:
        DataError, ConfigError: see ``GrowingFile.begin``.
    """
    if output is None or not _is_file(output):
        return None
    growing = _growing(output)
    growing.begin(made_by, resume=resume, window=window)
    return growing


def after_kept(
    growing: GrowingFile | None,
    records: Iterator[Record],
    domain: Domain,
    totals: StreamTotals,
    say: Say,
    is_bad: IsBad | None = None,
) -> Iterator[Record]:
    """The records that have no line yet; the others are counted.

    Raises:
        DataError: a kept line is of another record than the input has in its place, or of what
            that record said before.
    """
    if growing is not None and growing.kept:
        say(f"{growing.partial} already holds {growing.kept} finished records; continuing")
        _count_answers(growing.partial, growing.lines(), records, domain, totals, is_bad)
    return records


def _count_answers(
    path: Path,
    lines: Iterator[dict[str, Any]],
    records: Iterator[Record],
    domain: Domain,
    totals: StreamTotals,
    is_bad: IsBad | None,
) -> None:
    """Add the lines of ``path`` to ``totals``, each of the record that is read in its place."""
    for number, line in enumerate(lines, start=1):
        record = _next_good(records, totals, is_bad)
        if record is None or line["id"] != record.id:
            there = "has ended" if record is None else f"has record {record.id!r}"
            raise DataError(
                f"line {number} of {path} belongs to record {line['id']!r}, but the input {there} "
                "at this place; give the input that made the file, or delete it to start again",
                code="data_changed",
            )
        if "mr" in line and not answers_record(line, record, domain):
            raise DataError(
                f"line {number} of {path} was made from other values than record {record.id!r} of "
                "the input has; give the input that made the file, or delete it to start again",
                code="data_changed",
            )
        totals.add_line(line)


def _next_good(
    records: Iterator[Record], totals: StreamTotals, is_bad: IsBad | None
) -> Record | None:
    """The next record that has a line; those without are counted as bad."""
    for record in records:
        if is_bad is None or not is_bad(record):
            return record
        totals.bad += 1
    return None


def _growing(output: Path) -> GrowingFile:
    """The file behind ``output``, which may be a symbolic link."""
    return GrowingFile(Path(os.path.realpath(output)))


def _is_file(output: Path) -> bool:
    """Whether there will be a file of that name, rather than a stream or a device."""
    return str(output) != "-" and (not output.exists() or output.is_file())


@contextmanager
def open_sink(output: Path | None, growing: GrowingFile | None, say: Say) -> Iterator[Write]:
    """What writes a window of lines in one piece; Ctrl-C waits for its last line.

    Args:
        output: None and ``-`` are standard output.
        growing: the file behind ``output``, begun, where it is a file. An error of the stream or
            Ctrl-C leaves what it has; before the first window nothing is left.
        say: gets a line for a person.
    """
    if growing is not None:
        yield from _into_file(growing, say)
        return
    if output is None or str(output) == "-":
        with _refused_writes("standard output"):
            yield _window_writer(_flushing(writer_to(sys.stdout), sys.stdout.flush))
        return
    with _refused_writes(str(output)), atomic_write(output) as stream:  # or a folder is refused
        yield _window_writer(_flushing(stream.write, stream.flush))


def _into_file(growing: GrowingFile, say: Say) -> Iterator[Write]:
    written = growing.kept

    def write(text: str) -> None:
        """One window."""
        nonlocal written
        growing.write(text)
        written += text.count("\n")

    try:
        yield _window_writer(write)
    except (KeyboardInterrupt, D2TError):
        if written:
            say(f"the records finished so far are in {growing.partial}; continue with --resume")
        else:
            growing.discard()
        raise
    else:
        growing.finish()
    finally:
        growing.close()


def _window_writer(write: Write) -> Write:
    def whole(text: str) -> None:
        """Not interrupted between its lines."""
        with deferred_interrupt():
            write(text)

    return whole


def _flushing(write: Callable[[str], object], flush: Callable[[], object]) -> Write:
    def both(text: str) -> None:
        """Seen at once by who reads."""
        write(text)
        flush()

    return both


@contextmanager
def _refused_writes(name: str) -> Iterator[None]:
    """What the system refuses to write becomes one clear error; a reader that left stays silent."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError, ValueError):  # else Python tries to flush the rest at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EBADF:
            message = f"{name} is closed; redirect it to a file, or give --output FILE"
        else:
            message = (
                f"cannot write {name}: {error.strerror}; free some space or write somewhere else, "
                "then run it again"
            )
        raise DataError(message, code="write_failed") from error


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Hold back the first Ctrl-C until the block has ended; a second one is not held back.

    Around the writing of a window, so that an interrupted stream ends with a complete line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def remember(signum: int, frame: FrameType | None) -> None:
        """Note the first signal, to act on it after the block; the second one acts at once."""
        nonlocal seen
        if seen:
            raise KeyboardInterrupt
        seen = True

    previous = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if seen:
        raise KeyboardInterrupt
