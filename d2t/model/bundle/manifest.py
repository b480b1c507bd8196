"""``d2t.json``, the table of contents of a bundle: what is in it and how its files must hash."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from d2t.io.atomic import atomic_folder, atomic_write_json
from d2t.io.folder_manifest import FolderManifest, hash_files
from d2t.model.config import ModelConfig  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.plan.neural import NeuralPlanner

MANIFEST = "d2t.json"


class Manifest(FolderManifest):
    """The content of ``d2t.json``.

    Attributes:
        tokenizer: which tokenizer class reads the bundle's tokenizer files.
        weights: the type the weights are stored in; they are loaded as fp32.
        linearizer: state of the strategy, its fitted tables and the value inventory.
        planner: state of the bigram planner, or None for strategies that need none.
        decode_defaults: arguments of the generator when the user gives none.
        info: training facts for the model card: data, metrics, settings.
        files: SHA-256 of every other file by its path inside the bundle.
    """

    file_name: ClassVar[str] = MANIFEST
    what: ClassVar[str] = "bundle"
    command: ClassVar[str] = "d2t train"
    needs: ClassVar[tuple[str, ...]] = ("model.safetensors", "domain/domain.toml")
    reads: ClassVar[tuple[str, ...]] = (
        *FolderManifest.reads,
        "planner/planner.*", "tokenizer/*", "architecture/*", "ctranslate2/*",
    )  # fmt: skip

    model: ModelConfig
    vocab_size: int = Field(gt=0)
    tokenizer: Literal["sentencepiece", "pretrained"]
    weights: Literal["fp32", "fp16"]
    linearizer: dict[str, Any]
    planner: dict[str, Any] | None
    decode_defaults: dict[str, Any]
    info: dict[str, Any]
    files: dict[str, str]


def bundle_files(folder: Path) -> dict[str, str]:
    """What ``Manifest.files`` says of the files that are in ``folder`` now."""
    return hash_files(folder, but=MANIFEST)


def attach_planner(bundle: Path, planner: NeuralPlanner) -> None:
    """Write the planner into the bundle's folder ``planner`` and into its list of files.

    The bundle is replaced as a whole, so that a reader finds the old or the new one. Other files
    stay as they are; an older planner there is replaced.

    Raises:
        BundleError: ``bundle`` is not a bundle, or damaged.
        DataError: the operating system refuses to write.
    """
    manifest = Manifest.read(bundle)
    manifest.verify(bundle)
    with atomic_folder(bundle, marker=MANIFEST) as folder:
        shutil.copytree(bundle, folder, dirs_exist_ok=True)
        shutil.rmtree(folder / "planner", ignore_errors=True)
        planner.save(folder / "planner")
        complete = manifest.model_copy(update={"files": bundle_files(folder)})
        atomic_write_json(folder / MANIFEST, complete.model_dump(mode="json"))
