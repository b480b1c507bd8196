"""The table of contents of a judge's folder (learned parser, fluency classifier), verified."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from d2t.errors import BundleError
from d2t.io.hashing import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1


class JudgeManifest(BaseModel):
    """What every judge's manifest says. Unknown keys are ignored: a later version may add some.

    Attributes:
        info: JSON-able training facts.
        files: SHA-256 of every other file by its path inside the folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format_version: Literal[1] = 1
    d2t_version: str
    info: dict[str, Any] = {}
    files: dict[str, str]


_Manifest = TypeVar("_Manifest", bound=JudgeManifest)


def read_judge_manifest(
    path: Path, kind: type[_Manifest], *, what: str, command: str, needs: tuple[str, ...]
) -> _Manifest:
    """Read the manifest at ``path``, and make sure that the files beside it are those it lists.

    Args:
        path: of the manifest.
        kind: its class.
        what: the judge, for messages.
        command: what trains one.
        needs: files that must be listed.

    Raises:
        BundleError: no such judge, incomplete, changed, or of another format version.
    """
    if not path.is_file():
        raise BundleError(
            f"{path.parent} is not a {what}: it holds no {path.name}; train one with "
            f"`{command} --out FOLDER`"
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not valid JSON ({error}); copy the {what} again") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{path}: format version {version!r}, expected {FORMAT_VERSION}; train it again",
            code="bundle_version",
        )
    try:
        manifest = kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {where}: {first['msg']}; copy the {what} again") from error
    for name in sorted({*needs, *manifest.files}):
        file = path.parent / name
        if not file.is_file() or sha256_file(file) != manifest.files.get(name):
            raise BundleError(
                f"{file} is missing or not the file that was saved; copy the {what} again",
                code="bundle_checksum",
            )
    return manifest
