"""Writing a whole folder so that it appears complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.errors import BundleError
from d2t.io.atomic import write_error

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    target = Path(os.path.realpath(path))
    refuse_to_overwrite(target, marker)
    temporary = target.with_name(f".{target.name[:64]}.{os.urandom(4).hex()}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        _replace(temporary, target)
    except OSError as error:
        raise write_error(path, error) from error
    except Exception as error:
        # safetensors wraps the system's error in its own type and keeps only the text.
        if "No space left" in str(error) or "os error 28" in str(error):
            raise write_error(path, OSError(errno.ENOSPC, "no space left")) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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


def _replace(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = target.with_name(f".{target.name[:64]}.{os.urandom(4).hex()}.old")
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb") as handle:
        os.fsync(handle.fileno())
