"""One job, one process: a crash or a kill of one leaves the others and their files alone."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
from typing import TYPE_CHECKING

from d2t.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def run_module(module: str, arguments: Sequence[str], log: Path) -> int:
    """``python -m MODULE ...`` to its end; its words go to the end of ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, *arguments]
    with log.open("a", encoding="utf-8") as stream:
        return subprocess.run(command, stdout=stream, stderr=stream, check=False).returncode


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process; the lock ends with the process, however that ends.

    Raises:
        DataError: another process is at work in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"another process is at work in {folder}; wait for it, or end it first"
            ) from None
        yield
