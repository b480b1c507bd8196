"""Putting a neural planner into a bundle that is already there; needs no torch."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from d2t.io.atomic import atomic_write_json
from d2t.io.folder import atomic_folder
from d2t.model.bundle.manifest import MANIFEST, hash_files, read_manifest, verify_files

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.plan.neural import NeuralPlanner


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
