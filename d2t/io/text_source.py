"""Lines of text from a file or standard input, decoded one by one."""

from __future__ import annotations

import errno
import io
import re
import select
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from d2t.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


STDIN = "-"
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_BOM = b"\xef\xbb\xbf"
_UNREADABLE = {
    b"\xff\xfe": ("UTF-16", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"\x1f\x8b": ("compressed (gzip)", "unpack it first: gunzip -k FILE"),
    b"PK\x03\x04": ("a ZIP archive or a spreadsheet (.xlsx)", "unpack it, or save it as CSV"),
}
"""First bytes of what is often given for text: what it is, and what to do."""


def refuse_own_input(source: str | Path, output: Path | None, option: str = "--out") -> None:
    """See that what is read is not replaced by what is made of it.

    Raises:
        UsageError: ``output`` is the file ``source``.
    """
    if output is None or not output.is_file() or not Path(source).is_file():
        return
    if output.samefile(source):
        raise UsageError(
            f"{option} {output} is also the input file; give another name for the output"
        )


def display_name(source: str) -> str:
    """What messages call the source."""
    return "standard input" if source == STDIN else source


def open_source(source: str) -> IO[bytes]:
    """Open a file, or standard input for ``-``, as bytes.

    Raises:
        DataError: it is missing, a folder, or may not be read.
    """
    if source == STDIN:
        buffer: IO[bytes] | None = getattr(sys.stdin, "buffer", None)
        return (
            buffer
            if buffer is not None
            else io.BytesIO(sys.stdin.read().encode("utf-8", "surrogateescape"))
        )
    try:
        return open(source, "rb")  # closed by the iterator that reads it
    except OSError as error:
        raise read_error(source, error) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(f"{source!r} is not a file name: {error}", code="no_such_file") from error


def read_error(source: str, error: OSError) -> DataError:
    """The ``DataError`` that tells a user why a file cannot be read and what to do."""
    cures = {
        errno.ENOENT: (
            "no such file",
            "check the name, or give '-' to read standard input",
            "no_such_file",
        ),
        errno.EISDIR: ("it is a folder", "name a file inside it", "is_a_folder"),
        errno.EACCES: ("no permission to read it", "check the file's permissions", "no_permission"),
    }
    why, cure, code = cures.get(
        error.errno or 0, (error.strerror or str(error), "check the file", "read_failed")
    )
    return DataError(f"cannot read {display_name(source)}: {why}; {cure}", code=code)


def decoded_lines(source: str) -> Iterator[str]:
    r"""The lines of ``source``, line ends kept, opened at once and closed at the end.

    A byte-order mark is dropped. Bytes that are not UTF-8 become lone surrogates
    (``surrogateescape``), which ``bad_byte_column`` finds.

    Raises:
        DataError: the file cannot be opened or read, or is UTF-16, gzip or ZIP.
    """
    return _lines(open_source(source), source)


def bad_byte_column(text: str) -> int | None:
    """The 1-based column of the first character that was not UTF-8, or None."""
    found = _BAD_BYTE.search(text)
    return None if found is None else found.start() + 1


def _lines(handle: IO[bytes], source: str) -> Iterator[str]:
    try:
        with handle:
            for number, raw in enumerate(handle, start=1):
                if number == 1:
                    _require_text(raw, source)
                    raw = raw.removeprefix(_BOM)
                yield raw.decode("utf-8", "surrogateescape")
    except OSError as error:
        raise read_error(source, error) from error


def _require_text(start: bytes, source: str) -> None:
    for magic, (what, cure) in _UNREADABLE.items():
        if start.startswith(magic):
            raise DataError(f"{display_name(source)} is {what}; {cure}", code="invalid_utf8")


def input_waits(source: str) -> Callable[[], bool]:
    """A function that tells whether reading the next line of ``source`` would wait.

    A stream that works ahead writes its finished records before such a wait, because the process at
    the other end of a pipe may be waiting for them. The function costs a microsecond. It may answer
    True although Python's buffer holds a line, but never False if the read would wait. Files do
    not wait; where the system cannot tell, the answer is True.
    """
    if source != STDIN:
        return _never
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # a text in memory in its place
        return _never
    return lambda: _waits(descriptor)


def _never() -> bool:
    return False


def _waits(descriptor: int) -> bool:
    try:
        return not select.select([descriptor], [], [], 0)[0]
    except (OSError, ValueError):  # Windows asks only sockets; select knows no great numbers
        return True
