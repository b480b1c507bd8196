"""Write files and folders so that a reader sees the whole new content or the old, never a part.

What is new is made beside its place and then moved there (``publish``). Where the system refuses,
the error says what to do (``write_errors``).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from d2t.errors import BundleError, DataError

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


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn a refusal of the system while ``path`` is written into a ``DataError`` with a cure.

    Errors that do not come from writing, such as a file that is not found, stay as they are.

    Raises:
        DataError: the disk is full, there is no permission, and the like (code ``write_failed``).
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _CURES:
            raise
        raise write_error(path, error) from error
    except Exception as error:
        # safetensors wraps the system's error in its own type and keeps only the text.
        if "No space left" in str(error) or "os error 28" in str(error):
            raise write_error(path, OSError(errno.ENOSPC, "no space left")) from error
        raise


def publish(made: Path, target: Path) -> None:
    """Flush a finished file or folder to disk and give it its name, replacing what has that name.

    Raises:
        OSError: the system refuses; ``target`` is then as it was.
    """
    for path in made.rglob("*") if made.is_dir() else (made,):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    if not (made.is_dir() and target.exists()):
        os.replace(made, target)
        return
    old = _beside(target, "old")  # a folder cannot be renamed over another
    target.rename(old)
    try:
        made.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(f".{target.name[:64]}.{os.urandom(4).hex()}.{suffix}")


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """The path of a file or folder that is being made; whatever is still there is removed."""
    path = _beside(target, "tmp")
    try:
        yield path
    finally:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


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
    with write_errors(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if target.exists() and not target.is_file():
            with open(target, "w" + kind, encoding=encoding, newline=newline) as stream:
                yield stream
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target) as temporary:
            with open(temporary, "x" + kind, encoding=encoding, newline=newline) as stream:
                yield stream
            publish(temporary, target)


def atomic_write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, all or nothing; see ``atomic_write``."""
    with atomic_write(path) as stream:
        stream.write(text)


def atomic_write_json(path: Path, obj: Any) -> None:
    """Write ``obj`` as indented JSON with a final newline, all or nothing; see ``atomic_write``."""
    atomic_write_text(path, json.dumps(obj, ensure_ascii=False, indent=2) + "\n")


@contextlib.contextmanager
def atomic_folder(path: Path, *, marker: str) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block ends well.

    An older folder at ``path`` is replaced only when it is empty or holds a file called ``marker``.
    Whatever ends the block early, Ctrl-C included, removes the temporary folder and leaves the
    older one.

    Raises:
        BundleError: ``path`` is something else, which is not overwritten.
        DataError: the operating system refuses (a full disk, no permission).
    """
    with write_errors(path):
        target = Path(os.path.realpath(path))
        refuse_to_overwrite(target, marker)
        with _temporary(target) as temporary:
            temporary.mkdir(parents=True)
            yield temporary
            publish(temporary, target)


def refuse_to_overwrite(path: Path, marker: str) -> None:
    """Raise ``BundleError`` unless ``path`` is free, an empty folder, or holds ``marker``."""
    if path.is_dir():
        if (path / marker).is_file() or not any(path.iterdir()):
            return
        raise BundleError(
            f"{path} holds other files and no {marker}, so it is not overwritten; choose another "
            "folder or empty that one"
        )
    if path.exists():
        raise BundleError(f"{path} is a file; a folder is to be written: choose another name")
