"""The table of contents of a folder with a trained model: its version and how its files must hash.

Bundles, judges and planners are such folders. One reader gives them the same errors.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from d2t.errors import BundleError
from d2t.io.hashing import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1
CARD = "README.md"
"""The model card: the one file of a folder that a user may edit."""


class FolderManifest(BaseModel):
    """What every table of contents says. Unknown keys are ignored: a later version may add some.

    Attributes:
        file_name: of the table of contents in its folder.
        what: the kind of folder, for messages.
        command: the command that trains one, for messages.
        needs: files that must be listed.
        files: SHA-256 of every other file by its path inside the folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())
    file_name: ClassVar[str]
    what: ClassVar[str]
    command: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    if TYPE_CHECKING:  # a field of every subclass, which decides on its place in the file
        files: dict[str, str]

    format_version: Literal[1] = 1
    d2t_version: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and validate the table of contents of ``folder``; ``verify`` looks at the files.

        Raises:
            BundleError: the folder or the file is missing, not JSON, of another format version, or
                an entry is missing or impossible.
        """
        path = folder / cls.file_name
        if not path.is_file():
            raise BundleError(cls._absent(folder))
        raw = read_versioned(path, cls.what)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BundleError(
                f"{path}: {where}: {first['msg']}; copy the {cls.what} again"
            ) from error

    @classmethod
    def _absent(cls, folder: Path) -> str:
        if not folder.exists():
            return (
                f"no {cls.what} at {folder}; train one with `{cls.command}`, or give the folder "
                f"that holds a {cls.file_name}"
            )
        if not folder.is_dir():
            return f"{folder} is a file; a {cls.what} is a folder that holds a {cls.file_name}"
        inside = sorted(path.parent for path in folder.glob(f"*/{cls.file_name}"))
        train = f"copy it again, or train one with `{cls.command}`"
        hint = f"did you mean {inside[0]}?" if inside else train
        return f"{folder} is not a {cls.what}: it holds no {cls.file_name}; {hint}"

    def verify(self, folder: Path) -> None:
        """Check that every file is there and unchanged; the model card may be edited.

        Raises:
            BundleError: names the first file that is missing or differs.
        """
        for name in dict.fromkeys((*self.files, *self.needs)):
            path, expected = folder / name, self.files.get(name, "nothing")
            if not path.is_file():
                raise BundleError(
                    f"{path} is missing; the {self.what} is incomplete: copy it again"
                )
            try:
                actual = sha256_file(path)
            except OSError as error:
                raise BundleError(f"cannot read {path}: {error.strerror}") from error
            if actual != expected and name != CARD:
                raise BundleError(
                    f"{path} is not the file that was saved: its SHA-256 is {actual[:12]}…, "
                    f"{self.file_name} says {expected[:12]}…; it was cut short or changed: copy "
                    f"the {self.what} again",
                    code="bundle_checksum",
                )


def read_versioned(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in ``path``, which has the format version of today.

    Args:
        path: the file.
        what: the kind of folder it describes, for messages.

    Raises:
        BundleError: not JSON, or of another version (code ``bundle_version``).
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not valid JSON ({error}); copy the {what} again") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or version != FORMAT_VERSION:
        newer = isinstance(version, int) and version > FORMAT_VERSION
        cure = "update d2t" if newer else f"train the {what} again with this version of d2t"
        raise BundleError(
            f"{path}: format version {version!r}, expected {FORMAT_VERSION}; {cure}",
            code="bundle_version",
        )
    return raw


def hash_files(folder: Path, *, but: str = "") -> dict[str, str]:
    """SHA-256 of every file under ``folder`` except one name, by POSIX path, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != but)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}
