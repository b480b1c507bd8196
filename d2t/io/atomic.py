"""Writing files so that a reader sees the whole new content or the old one, never a half."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from d2t.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_CURES = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder, then run it again",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "the file grew larger than the system allows: split the input",
    errno.EACCES: "no permission: choose a folder you may write to",
    errno.EPERM: "no permission: choose a folder you may write to",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another path",
    errno.EEXIST: "a part of the path is a file, not a folder: choose another path",
    errno.EISDIR: "it is a folder: give the name of a file inside it",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EIO: "the device reported an error: check the disk",
}


def write_error(path: Path, error: OSError) -> DataError:
    """The ``DataError`` that tells a user what a failed write means and how to cure it."""
    why = _CURES.get(error.errno or 0, error.strerror or str(error))
    return DataError(
        f"cannot write {path}: {why} (nothing was left half-written)", code="write_failed"
    )


def atomic_write(path: Path) -> AbstractContextManager[TextIO]:
    r"""Open ``path`` for writing text; the file appears, whole, when the block ends without error.

    UTF-8, ``\n`` newlines. The text goes to a temporary file in the same folder (created when
    missing), which is flushed to disk and renamed over ``path``; whatever ends the block early,
    Ctrl-C included, removes it and leaves an older ``path`` as it was. A symbolic link is followed;
    a device or pipe (``/dev/stdout``) is written directly, there being nothing to rename.

    Raises:
        DataError: the operating system refuses; the message says what to do.
    """
    return _atomic_open(path, "", encoding="utf-8", newline="\n")


def atomic_write_binary(path: Path) -> AbstractContextManager[BinaryIO]:
    """``atomic_write`` for bytes."""
    return _atomic_open(path, "b")


@contextlib.contextmanager
def _atomic_open(
    path: Path, kind: str, encoding: str | None = None, newline: str | None = None
) -> Iterator[Any]:
    """``kind`` is ``b`` for bytes, else empty; the rest as for ``open``."""
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if target.exists() and not target.is_file():
            with open(target, "w" + kind, encoding=encoding, newline=newline) as stream:
                yield stream
            return
        temporary = target.with_name(f".{target.name[:64]}.{os.urandom(4).hex()}.tmp")
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "x" + kind, encoding=encoding, newline=newline) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError) and error.errno in _CURES:
            raise write_error(path, error) from error
        raise


def atomic_write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, all or nothing; see ``atomic_write``."""
    with atomic_write(path) as stream:
        stream.write(text)


def atomic_write_json(path: Path, obj: Any) -> None:
    """Write ``obj`` as indented JSON with a final newline, all or nothing; see ``atomic_write``."""
    atomic_write_text(path, json.dumps(obj, ensure_ascii=False, indent=2) + "\n")
