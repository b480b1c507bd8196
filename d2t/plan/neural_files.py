"""The two files of a neural planner: ``planner.json`` and ``planner.safetensors``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import BundleError
from d2t.io.atomic import atomic_write_binary, atomic_write_json
from d2t.io.folder_manifest import FORMAT_VERSION, read_versioned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from d2t.plan.network import Floats

PLANNER = "planner.json"
WEIGHTS = "planner.safetensors"


def save_planner(folder: Path, state: Mapping[str, Any], weights: Mapping[str, Floats]) -> None:
    """Write both files; the JSON file comes last, so that a folder with it is complete.

    Raises:
        DataError: the operating system refuses to write.
    """
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(w, dtype=np.float32) for name, w in weights.items()})
    with atomic_write_binary(folder / WEIGHTS) as stream:
        stream.write(data)
    atomic_write_json(folder / PLANNER, {"format_version": FORMAT_VERSION, **state})


def load_planner(folder: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """State and weights.

    Raises:
        BundleError: a file is missing, damaged, or of another version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not (folder / PLANNER).is_file():
        raise BundleError(
            f"no planner at {folder}: it holds no {PLANNER}; train one with `d2t train-planner`"
        )
    state = read_versioned(folder / PLANNER, "planner")
    try:
        weights = load((folder / WEIGHTS).read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder / WEIGHTS}: not a readable safetensors file ({error}); it is missing or cut "
            "short: copy the planner again"
        ) from error
    return state, {name: np.asarray(w, dtype=np.float32) for name, w in weights.items()}
