"""Fetch a file, from a URL or a folder, so that only a verified whole file ever appears."""

from __future__ import annotations

import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_binary, publish, write_errors
from d2t.io.hashing import git_blob_id, sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_MAX_BYTES = 1 << 30  # no corpus is as large; a server may send without end
_PATIENCE_S = 60.0
_SLOWEST = 200  # bytes per second, on the average, once patience is over
_SCHEMES = ("https://", "http://")
_LENGTH = re.compile("[0-9]{1,18}")
_NETWORK_ERRORS = (
    urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Digests:
    """What a file may be: any of these accepts it.

    Attributes:
        sha256: accepted hex SHA-256 digests.
        git_blobs: accepted git blob ids (``d2t.io.hashing.git_blob_id``).
    """

    sha256: Sequence[str] = ()
    git_blobs: Sequence[str] = ()

    def accept(self, path: Path) -> bool:
        """Whether the file is one of those named."""
        return sha256_file(path) in self.sha256 or (
            bool(self.git_blobs) and git_blob_id(path) in self.git_blobs
        )

    def __str__(self) -> str:
        names = [f"sha256 {digest}" for digest in self.sha256]
        return " or ".join([*names, *(f"git blob {blob}" for blob in self.git_blobs)])


def download(
    url: str,
    target: Path,
    digests: Digests,
    *,
    progress: Callable[[int, int | None], None] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> None:
    """Download ``url`` to ``target``; verified, atomic, and resumed where an earlier try stopped.

    Bytes go to ``target.part``, which an interruption leaves for the next try (HTTP ``Range``); a
    server that does not resume sends it all again. What fails verification is deleted.

    Args:
        url: http or https.
        target: appears, whole and verified, or not at all.
        digests: what the file may be.
        progress: called with (bytes so far, bytes in all or None) as data arrive.
        timeout_s: of each wait for the server.

    Raises:
        DataError: no connection (code ``network``), a wrong file (``checksum``), a full disk.
    """
    if not url.startswith(_SCHEMES):
        raise DataError(f"cannot download {url!r}: only http and https URLs are fetched")
    part = target.with_name(target.name + ".part")
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            resumed = _receive(url, part, progress, timeout_s)
            if digests.accept(part):
                publish(part, target)
                return
            wrong = f"sha256 {sha256_file(part)}, {part.stat().st_size} bytes"
            part.unlink()
            if not resumed:  # else the old part was not of this file: once more, from the start
                break
    raise DataError(
        f"{url} is not the expected file: it has {wrong}; expected {digests}. Nothing was kept. "
        "A proxy may have sent a page instead of the file; try again or use --from DIR",
        code="checksum",
    )


def copy_verified(source: Path, target: Path, digests: Digests) -> None:
    """Copy a local file to ``target`` if it is the one expected; atomic.

    Raises:
        DataError: the file is absent, is another (code ``checksum``), or cannot be written.
    """
    if not source.is_file():
        raise DataError(f"{source} does not exist or is not a file", code="no_file")
    try:
        given = source.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {source}: {error.strerror}", code="no_file") from error
    with given, atomic_write_binary(target) as stream:
        shutil.copyfileobj(given, stream)
        stream.flush()
        copy = Path(stream.name)  # The copy is verified, not the source: it is what will be used.
        if not digests.accept(copy):
            raise DataError(
                f"{source} is not the expected file: its sha256 is {sha256_file(copy)}; "
                f"expected {digests}. Nothing was copied",
                code="checksum",
            )


def _receive(
    url: str, part: Path, progress: Callable[[int, int | None], None] | None, timeout_s: float
) -> bool:
    """Append what is still to come to ``part``; return whether it held something that was kept."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "d2t", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            partial = response.status == http.HTTPStatus.PARTIAL_CONTENT
            resumed = partial and _starts_at(response, have)
            have = have if resumed else 0
            length = response.headers.get("Content-Length")
            total = have + int(length) if length and _LENGTH.fullmatch(length) else None
            if total is not None and total > _MAX_BYTES:
                raise DataError(
                    f"cannot download {url}: the server announces {total:,} bytes, more than any "
                    "corpus has; try again or use --from DIR",
                    code="network",
                )
            started, before = time.monotonic(), have
            with part.open("ab" if resumed else "wb") as stream:
                while chunk := response.read1(_CHUNK):
                    stream.write(chunk)
                    have += len(chunk)
                    if progress is not None:
                        progress(have, total)
                    if have > _MAX_BYTES:
                        break
                    waited = time.monotonic() - started
                    if waited > _PATIENCE_S and have - before < _SLOWEST * waited:
                        raise TimeoutError(
                            f"only {have - before:,} bytes came in {waited:.0f} s; try again, or "
                            "use --from DIR"
                        )
        if total is not None and have < min(total, _MAX_BYTES):
            raise http.client.IncompleteRead(b"", total - have)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return True  # nothing is still to come; the digest says whether it is the file
        raise DataError(f"cannot download {url}: {error}", code="network") from error
    except _NETWORK_ERRORS as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"cannot download {url}: {reason}", code="network") from error
    return resumed


def _starts_at(response: http.client.HTTPResponse, offset: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {offset}-")
