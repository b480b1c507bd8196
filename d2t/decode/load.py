"""`d2t.load`: a bundle on disk to a generator, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.decode.pipeline import ModelGenerator
from d2t.model.bundle import Bundle
from d2t.model.device import pick_device

if TYPE_CHECKING:
    from pathlib import Path


def load(path: str | Path, *, device: str = "cpu", **settings: Any) -> ModelGenerator:
    """Load a model bundle and make it ready to generate.

    Example: ``d2t.load("runs/at/bundle").generate_one("name[Aromi], eatType[pub]").text``

    Args:
        path: the bundle's folder.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ``auto`` takes what there is.
        settings: ``beam_size``, ``batch_size``, ``max_length``, ``length_penalty``, ``seed``; see
            ``ModelGenerator``.

    Raises:
        BackendError: there is no such device.
        BundleError: the folder is not a complete bundle of a version we read.
    """
    from pathlib import Path

    return ModelGenerator(Bundle.load(Path(path), device=pick_device(device)), **settings)
