"""From a bundle on disk to a generator, in one call."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from d2t.errors import UsageError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationOptions
from d2t.io.resources import shipped_model
from d2t.model.bundle.manifest import Manifest
from d2t.model.bundle.parts import BundleParts, read_parts
from d2t.mr.lexicon_layers import with_lexicons
from d2t.search.ct2_backend import FOLDER, CTranslate2Backend, Parallelism

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.contrast import ContrastOptions

Engine = Literal["auto", "torch", "ctranslate2"]


def load(
    path: str | Path | None = None,
    *,
    device: str = "cpu",
    engine: Engine = "auto",
    threads: int | None = None,
    workers: int | None = None,
    contrast: ContrastOptions | None = None,
    lexicon: Sequence[str] = (),
    **settings: Any,
) -> ModelGenerator:
    """Load a model bundle and make it ready to generate.

    Example: ``load().generate_one("name[Aromi], eatType[pub]").text``

    Args:
        path: folder of the bundle; None is the model that ships with d2t.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``auto`` takes a GPU if there is one.
        engine: ``torch``, or ``ctranslate2`` for a bundle that ``d2t export`` has completed, which
            needs no torch. ``auto`` takes ctranslate2 if the bundle holds its export and no other
            device than the CPU is named.
        threads: cores to use; None: ctranslate2 uses all cores of this process, torch its default.
        workers: batches that ctranslate2 searches at a time; they share the threads. None: as many
            as threads, which is fastest for many records.
        contrast: contrastive decoding; ``auto`` then takes torch. Scores are then of the contrasted
            distribution.
        lexicon: files that are layers above the lexicon of the bundle, the last on top.
        settings: fields of ``GenerationOptions``.

    Raises:
        BackendError: there is no such device, or the engine is not installed.
        BundleError: the folder is not a complete bundle of a version that we read.
        DomainError: a lexicon is not valid.
        UsageError: an option is out of range; ctranslate2 is asked for on another device than the
            CPU, or for a contrast; torch is asked for workers.
    """
    options = GenerationOptions(**settings)
    folder = shipped_model() if path is None else Path(path)
    on_cpu = device in ("cpu", "auto")
    if engine == "auto" and contrast is not None:
        engine = "torch"
    if engine == "ctranslate2" and not on_cpu:
        raise UsageError(f"the ctranslate2 engine runs on the CPU; leave out --device {device}")
    exported = (folder / FOLDER / "model.bin").is_file() and find_spec("ctranslate2") is not None
    if engine == "ctranslate2" or (engine == "auto" and on_cpu and exported):
        manifest = Manifest.read(folder)
        manifest.verify(folder)
        parts = BundleParts(**read_parts(folder, manifest))
        parts.domain = with_lexicons(parts.domain, lexicon)
        if contrast is not None and not contrast.is_plain:
            raise UsageError(
                "the ctranslate2 engine does not support contrastive decoding; use --engine torch"
            )
        cores = Parallelism.for_machine(threads, workers)
        backend = CTranslate2Backend(parts, folder / FOLDER, parallelism=cores)
        return ModelGenerator(parts, options, backend=backend)
    if workers is not None:
        raise UsageError(
            "--workers applies to the ctranslate2 engine only; use --threads with torch"
        )
    import torch

    from d2t.model.bundle.network import Bundle
    from d2t.model.device import pick_device

    if threads is not None:
        torch.set_num_threads(threads)
    bundle = Bundle.load(folder, device=pick_device(device))
    bundle.domain = with_lexicons(bundle.domain, lexicon)
    if contrast is None:
        return ModelGenerator(bundle, options)
    from d2t.generate.contrast_engine import contrast_engine

    wrapped = contrast_engine(bundle, contrast, seed=options.seed)
    return ModelGenerator(bundle, options, backend=wrapped)
