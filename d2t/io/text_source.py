"""Text from a file or standard input: unpacked, decoded, and cut into lines."""

from __future__ import annotations

import errno
import gzip
import io
import re
import select
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from d2t.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


STDIN = "-"
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_HEAD = 4096
_BUFFER = 1 << 16
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UNREADABLE = {
    b"BZh": ("compressed with bzip2", "unpack it first: bunzip2 -k FILE"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first: unxz -k FILE"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first: unzstd FILE"),
    b"\xd0\xcf\x11\xe0": (
        "an old Excel workbook (.xls)",
        "open it in a spreadsheet program and save it as .xlsx or CSV",
    ),
    b"%PDF": ("a PDF document", "export the table behind it as CSV"),
}
"""First bytes of what is often given for text: what it is, and what to do."""
LATIN_CURE = (
    "save the file as UTF-8; if it is Latin-1 or Windows-1252: "
    "iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"
)
"""What to do with a file of another encoding."""


@dataclass
class OpenSource:
    """The bytes of a source after its compression, with what was seen at their beginning.

    Attributes:
        name: what messages call it.
        handle: the unpacked bytes, from the first one on.
        head: the first bytes, for a look at what kind of file it is.
        notes: what was recognised on the way, such as the compression.
    """

    name: str
    source: str
    handle: IO[bytes]
    head: bytes
    notes: list[str]

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, which can be opened again."""
        return self.source != STDIN and Path(self.source).is_file()

    def lines(self) -> Iterator[str]:
        r"""The lines, line ends (``\n``, ``\r\n`` or ``\r``) kept; closed at the end.

        A byte-order mark is dropped, and UTF-16 and UTF-32 are decoded. Bytes that are not UTF-8
        become lone surrogates (``surrogateescape``), which ``bad_byte_column`` finds.

        Raises:
            DataError: the source cannot be read, or is damaged.
        """
        encoding, mark = _encoding(self.head)
        if encoding != "utf-8":
            self.notes.append(f"{encoding.upper()} text")
        errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
        return self._decoded(encoding, errors, mark)

    def _decoded(self, encoding: str, errors: str, mark: int) -> Iterator[str]:
        try:
            with self.handle:
                self.handle.read(mark)
                yield from io.TextIOWrapper(self.handle, encoding, errors, newline="")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.name} ends in the middle of a character of {encoding.upper()}; "
                "export it again",
                code="invalid_utf8",
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.name} is damaged: {error}; compress it again", code="read_failed"
            ) from error
        except OSError as error:
            raise read_error(self.source, error) from error


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = self._head[: len(view)]
        if data:
            self._head = self._head[len(data) :]
        else:
            read1 = getattr(self._rest, "read1", self._rest.read)
            data = read1(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()


def open_bytes(source: str) -> OpenSource:
    """Open a file or standard input, unpack gzip, and look at the first bytes.

    Raises:
        DataError: it cannot be opened, or is of a kind that d2t does not read; the message says
            which and what to do.
    """
    name, notes = display_name(source), []
    handle = open_source(source)
    try:
        head = _first_bytes(handle)
        handle = io.BufferedReader(_Rejoined(head, handle), _BUFFER)
        if head.startswith(_GZIP):
            notes.append("gzip")
            handle = gzip.GzipFile(fileobj=handle)  # type: ignore[assignment]
            head = _first_bytes(handle)
            handle = io.BufferedReader(_Rejoined(head, handle), _BUFFER)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name} is damaged: {error}; compress it again", code="read_failed"
        ) from error
    except OSError as error:
        raise read_error(source, error) from error
    for magic, (what, cure) in _UNREADABLE.items():
        if head.startswith(magic):
            raise DataError(f"{name} is {what}; {cure}", code="not_text")
    return OpenSource(name, source, handle, head, notes)


def _first_bytes(handle: IO[bytes]) -> bytes:
    """What one read gives, and at least four bytes where there are so many."""
    read1: Callable[[int], bytes] = getattr(handle, "read1", handle.read)
    head = read1(_HEAD)
    while 0 < len(head) < 4 and (more := read1(_HEAD)):
        head += more
    return head


def _encoding(head: bytes) -> tuple[str, int]:
    """The encoding, and the length of its byte-order mark. UTF-16 shows itself by zero bytes."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    sample = head[: len(head) // 2 * 2][:512]
    if len(sample) >= 4:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if odd > 0.4 * len(sample) / 2 and even == 0:
            return "utf-16-le", 0
        if even > 0.4 * len(sample) / 2 and odd == 0:
            return "utf-16-be", 0
    return "utf-8", 0


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


def require_readable(source: str) -> None:
    """See, before long work, that a source can be opened.

    A named pipe is left alone: who writes into it would meet a closed end, or lose lines.

    Raises:
        DataError: as ``open_source``.
    """
    if source != STDIN and not _is_pipe(source):
        open_source(source).close()


def _is_pipe(source: str) -> bool:
    try:
        return Path(source).is_fifo()
    except ValueError:  # a NUL in the name
        return False


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


def bad_byte_column(text: str) -> int | None:
    """The 1-based column of the first character that was not UTF-8, or None."""
    found = _BAD_BYTE.search(text)
    return None if found is None else found.start() + 1


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
