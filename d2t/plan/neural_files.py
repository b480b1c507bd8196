"""The two files of a neural planner: ``planner.json`` and ``planner.safetensors``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.errors import BundleError
from d2t.io.atomic import atomic_write_json, write_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from d2t.plan.network import Floats

PLANNER = "planner.json"
WEIGHTS = "planner.safetensors"
FORMAT_VERSION = 1


def save_planner(folder: Path, state: Mapping[str, Any], weights: Mapping[str, Floats]) -> None:
    """Write both files; the JSON file comes last, so that a folder with it is complete.

    Raises:
        DataError: the operating system refuses to write.
    """
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(w, dtype=np.float32) for name, w in weights.items()})
    temporary = folder / f".{WEIGHTS}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, folder / WEIGHTS)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_error(folder / WEIGHTS, error) from error
    atomic_write_json(folder / PLANNER, {"format_version": FORMAT_VERSION, **state})


def load_planner(folder: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """State and weights.

    Raises:
        BundleError: a file is missing, damaged, or of another version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = folder / PLANNER
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"no planner at {folder}: it holds no {PLANNER}; train one with `d2t train-planner`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not valid JSON ({error}); copy the planner again") from error
    version = state.get("format_version") if isinstance(state, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{path}: format version {version!r}, expected {FORMAT_VERSION}; update d2t, or train "
            "the planner again",
            code="bundle_version",
        )
    try:
        weights = load((folder / WEIGHTS).read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder / WEIGHTS}: not a readable safetensors file ({error}); it is missing or cut "
            "short: copy the planner again"
        ) from error
    return state, {name: np.asarray(w, dtype=np.float32) for name, w in weights.items()}
