"""A file of JSON lines that grows window by window, survives a kill, and can be gone on with."""

from __future__ import annotations

import errno
import json
import os
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from d2t.errors import ConfigError, DataError
from d2t.io.atomic import atomic_write_json, publish, write_errors

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # a system without them: two runs into one file are not noticed
    flock = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""A file system, such as some over a network, that has no locks."""


class GrowingFile:
    """``FILE.partial`` while it grows, ``FILE`` when it is complete.

    Each ``write`` adds whole lines and hands them to the system, so that a killed process leaves
    lines that are complete, but perhaps the last, which is cut off before going on.
    ``FILE.partial.run.json`` says what the lines answer; those of another model or other options
    are not gone on with. Only one process at a time writes: ``FILE.partial`` is locked from
    ``begin`` on, until ``finish``, ``discard``, ``close`` or the end of the process.

    Attributes:
        path: the name of the complete file.
        kept: lines of an earlier process that stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self.identity = path.with_name(path.name + ".partial.run.json")
        self.kept = 0
        self._locked: BinaryIO | None = None

    def begin(self, identity: Mapping[str, Any], *, resume: bool, window: int) -> None:
        """Make room for lines, behind those of an earlier process if ``resume``.

        Args:
            identity: JSON-able; what decides the lines.
            resume: go on with ``FILE.partial`` if there is one.
            window: lines that are made together; what is kept is a multiple, so that a resumed
                file ends equal to one that was not interrupted.

        Raises:
            DataError: there is a ``FILE.partial`` and ``resume`` is not set (code ``unfinished``);
                another process writes it (code ``in_use``); or the system refuses to write.
            ConfigError: it answers something else.
        """
        with write_errors(self.partial):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock()
            try:
                self._look(identity, resume=resume, window=window)
            except BaseException:
                self.close()
                raise
        try:
            atomic_write_json(self.identity, dict(identity))
        except BaseException:
            if self.kept:
                self.close()
            else:
                self.discard()
            raise

    def _look(self, identity: Mapping[str, Any], *, resume: bool, window: int) -> None:
        """See what an earlier process left: nothing, or what is gone on with.

        One that was killed between making the file and saying what it answers has left nothing.
        """
        if not self.partial.stat().st_size and not self.identity.exists():
            return
        if not resume:
            n = len(self._ends()) - 1
            raise DataError(
                f"{self.partial} holds {n} records of an earlier run; continue that run "
                "with --resume, or delete the file to start again",
                code="unfinished",
            )
        self._require(identity)
        self._keep(window)

    def _lock(self) -> None:
        """Make ``FILE.partial`` if it is missing, and be the only one who writes it."""
        while self._locked is None:
            stream = open(self.partial, "ab")  # noqa: SIM115 - open as long as it is locked
            try:
                if flock is not None:
                    flock(stream, LOCK_EX | LOCK_NB)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    stream.close()
                    if error.errno != errno.EWOULDBLOCK:
                        raise
                    raise DataError(
                        f"{self.partial} is being written by another run; wait for its end, or "
                        "give another name for the output",
                        code="in_use",
                    ) from None
            if self.partial.exists() and os.path.samestat(
                os.fstat(stream.fileno()), os.stat(self.partial)
            ):
                self._locked = stream
            else:  # the other run has just ended: this is its file, renamed
                stream.close()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines that were kept.

        Raises:
            DataError: one is no record of ours (code ``data_changed``).
        """
        return written_records(self.partial, self.kept)

    def write(self, text: str) -> None:
        """Add lines.

        Raises:
            DataError: the system refuses to write.
        """
        with (
            write_errors(self.partial),
            open(self.partial, "a", encoding="utf-8", newline="\n") as file,
        ):
            file.write(text)

    def finish(self) -> None:
        """Give the file its name."""
        with write_errors(self.path):
            if flock is None:  # where there are no locks, files that are open keep their names
                self.close()
            publish(self.partial, self.path)
            self.identity.unlink(missing_ok=True)
        self.close()

    def discard(self) -> None:
        """Leave nothing where nothing was written."""
        if flock is None:
            self.close()
        self.partial.unlink(missing_ok=True)
        self.identity.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let another run go on with what was written."""
        if self._locked is not None:
            self._locked.close()
            self._locked = None

    def _require(self, identity: Mapping[str, Any]) -> None:
        try:
            known = json.loads(self.identity.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            raise ConfigError(
                f"the run in {self.partial} cannot be resumed: {self.identity} is missing or "
                "incomplete; delete both files and start again"
            ) from None
        other = [key for key in identity if known.get(key) != identity[key]]
        if other:
            said = ", ".join(f"{key} = {known.get(key)!r}" for key in other)
            raise ConfigError(
                f"{self.partial} was started with {said}; give the same options and input, "
                "or delete the file to start again"
            )

    def _keep(self, window: int) -> None:
        """Cut off what is not a whole window of complete lines."""
        ends = self._ends()
        n = len(ends) - 1
        self.kept = n - n % window
        os.truncate(self.partial, ends[self.kept])

    def _ends(self) -> list[int]:
        """The beginning, and where each complete line ends, in bytes."""
        ends = [0]
        with open(self.partial, "rb") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    ends.append(ends[-1] + len(line))
        return ends


def written_records(path: Path, n: int | None = None) -> Iterator[dict[str, Any]]:
    """The first ``n`` lines of a file that d2t has written, or all; one by one.

    Raises:
        DataError: one is no record of ours (code ``data_changed``).
    """
    with open(path, "rb") as stream:
        for number, line in enumerate(islice(stream, n), start=1):
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            ours = isinstance(record, dict) and "id" in record
            if not ours or not ("error" in record or "report" in record):
                raise DataError(
                    f"line {number} of {path} is no record that d2t wrote; remove the "
                    "file and start again",
                    code="data_changed",
                )
            yield record
