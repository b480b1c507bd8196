"""The folder of a judge: a network's weights, a table of contents, and what else it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import Field

from d2t._version import __version__
from d2t.io.atomic import atomic_folder, atomic_write_json
from d2t.io.folder_manifest import FolderManifest, hash_files
from d2t.model.bundle.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn


class JudgeManifest(FolderManifest):
    """The table of contents of a judge; a subclass adds what its network is built from.

    Attributes:
        weights: name of the file with the weights.
        info: JSON-able training facts.
    """

    weights: ClassVar[str]
    info: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str]


_Manifest = TypeVar("_Manifest", bound=JudgeManifest)


def save_judge(
    path: Path,
    kind: type[_Manifest],
    network: nn.Module,
    write: Callable[[Path], object] = lambda folder: None,
    /,
    **entries: Any,
) -> _Manifest:
    """Write the folder; it appears whole or not at all, and an older judge there is replaced.

    Args:
        path: the folder.
        kind: of judge.
        network: whose weights are written.
        write: writes further files into the folder it is given.
        entries: of the table of contents.

    Raises:
        BundleError: ``path`` holds something else.
        DataError: the operating system refuses to write.
    """
    with atomic_folder(path, marker=kind.file_name) as folder:
        save_weights(network, folder / kind.weights)
        write(folder)
        manifest = kind(d2t_version=__version__, files=hash_files(folder), **entries)
        atomic_write_json(folder / kind.file_name, manifest.model_dump(mode="json"))
    return manifest


def read_judge(path: Path, kind: type[_Manifest]) -> _Manifest:
    """The table of contents of the judge in ``path``, whose files are all there and unchanged.

    Raises:
        BundleError: no such judge, incomplete, changed, or of another format version.
    """
    manifest = kind.read(path)
    manifest.verify(path)
    return manifest
