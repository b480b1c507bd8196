"""``d2t.json``, the table of contents of a bundle: what is in it and how its files must hash."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from d2t.errors import BundleError
from d2t.io.atomic import atomic_write_json
from d2t.io.folder import atomic_folder
from d2t.io.hashing import sha256_file
from d2t.model.config import ModelConfig  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.plan.neural import NeuralPlanner


FORMAT_VERSION = 1
MANIFEST = "d2t.json"
CARD = "README.md"


class Manifest(BaseModel):
    """The content of ``d2t.json``. Unknown keys are ignored: a later minor version may add some.

    Attributes:
        tokenizer: which tokenizer class reads the bundle's tokenizer files.
        weights: the type the weights are stored in; they are loaded as fp32.
        linearizer: state of the strategy, its fitted tables and the value inventory.
        planner: state of the bigram planner, or None for strategies that need none.
        decode_defaults: arguments of the generator when the user gives none.
        info: training facts for the model card: data, metrics, settings.
        files: SHA-256 of every other file by its path inside the bundle.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    format_version: Literal[1] = 1
    d2t_version: str
    model: ModelConfig
    vocab_size: int = Field(gt=0)
    tokenizer: Literal["sentencepiece", "pretrained"]
    weights: Literal["fp32", "fp16"]
    linearizer: dict[str, Any]
    planner: dict[str, Any] | None
    decode_defaults: dict[str, Any]
    info: dict[str, Any]
    files: dict[str, str]


def read_manifest(folder: Path) -> Manifest:
    """Read and validate ``d2t.json``.

    Raises:
        BundleError: the folder or the file is missing, not JSON, of another version or incomplete.
    """
    if not folder.exists():
        raise BundleError(
            f"no bundle at {folder}; train one with `d2t train`, or give the folder that holds "
            f"a {MANIFEST}"
        )
    if not folder.is_dir():
        raise BundleError(f"{folder} is a file; a bundle is a folder that holds a {MANIFEST}")
    path = folder / MANIFEST
    if not path.is_file():
        inside = sorted(p.parent for p in folder.glob(f"*/{MANIFEST}"))
        hint = f"; did you mean {inside[0]}?" if inside else "; was it copied only in part?"
        raise BundleError(f"{folder} is not a bundle: it holds no {MANIFEST}{hint}")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not valid JSON ({error}); copy the bundle again") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version != FORMAT_VERSION:
        newer = isinstance(version, int) and version > FORMAT_VERSION
        cure = "update d2t" if newer else "train the bundle again with this version of d2t"
        raise BundleError(
            f"{path}: format version {version!r}, expected {FORMAT_VERSION}; {cure}",
            code="bundle_version",
        )
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {where}: {first['msg']}; copy the bundle again") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Check that every file of the bundle is there and unchanged; the model card may be edited.

    Raises:
        BundleError: names the first file that is missing or differs.
    """
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path} is missing; the bundle is incomplete: copy it again")
        try:
            actual = sha256_file(path)
        except OSError as error:
            raise BundleError(f"cannot read {path}: {error.strerror}") from error
        if actual != expected and name != CARD:
            raise BundleError(
                f"{path} is not the file that was saved: its SHA-256 is {actual[:12]}…, {MANIFEST} "
                f"says {expected[:12]}…; it was cut short or changed: copy the bundle again",
                code="bundle_checksum",
            )


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under ``folder`` except ``d2t.json``, by POSIX path, sorted."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}


def attach_planner(bundle: Path, planner: NeuralPlanner) -> None:
    """Write the planner into the bundle's folder ``planner`` and into its list of files.

    The bundle is replaced as a whole, so that a reader finds the old or the new one. Other files
    stay as they are; an older planner there is replaced.

    Raises:
        BundleError: ``bundle`` is not a bundle, or damaged.
        DataError: the operating system refuses to write.
    """
    manifest = read_manifest(bundle)
    verify_files(bundle, manifest)
    with atomic_folder(bundle, marker=MANIFEST) as folder:
        shutil.copytree(bundle, folder, dirs_exist_ok=True)
        shutil.rmtree(folder / "planner", ignore_errors=True)
        planner.save(folder / "planner")
        complete = manifest.model_copy(update={"files": hash_files(folder)})
        atomic_write_json(folder / MANIFEST, complete.model_dump(mode="json"))
