"""What a bundle is, without loading it: no torch, a few milliseconds."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain_files import load_domain_copy

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"


def describe_bundle(path: Path, *, verify: bool = True) -> dict[str, Any]:
    """The facts of the bundle in ``path``, JSON-able.

    Args:
        path: the bundle's folder.
        verify: hash every file, as loading does; False only reads the table of contents.

    Raises:
        BundleError: not a bundle, incomplete, changed, or of another format version.
    """
    manifest = Manifest.read(path)
    if verify:
        manifest.verify(path)
    domain = load_domain_copy(path / "domain")
    return {
        "path": str(path),
        "format_version": manifest.format_version,
        "d2t_version": manifest.d2t_version,
        "strategy": manifest.linearizer.get("strategy", {}).get("name"),
        "planner": _planners(path, manifest.planner),
        "domain": domain.name,
        "slots": {spec.name: spec.kind for spec in domain.slots},
        "dialogue_acts": list(domain.dialogue_acts),
        "model": manifest.model.model_dump(mode="json"),
        "n_parameters": count_parameters(path / WEIGHTS),
        "vocab_size": manifest.vocab_size,
        "tokenizer": manifest.tokenizer,
        "weights": manifest.weights,
        "decode_defaults": manifest.decode_defaults,
        "info": manifest.info,
        "n_bytes": sum(
            (path / name).stat().st_size for name in manifest.files if (path / name).is_file()
        ),
        "verified": verify,
    }


def _planners(path: Path, bigram: dict[str, Any] | None) -> str | None:
    """Which planners there are, the one that is used by default first."""
    names = ["neural"] if (path / "planner" / "planner.json").is_file() else []
    names += [] if bigram is None else [bigram.get("name", "bigram")]
    return ", ".join(names) or None


def count_parameters(weights: Path) -> int:
    """Numbers stored in a safetensors file, from its header (8 bytes of length, then JSON).

    Raises:
        BundleError: the file is missing or its header is not one.
    """
    try:
        with weights.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            header = json.loads(handle.read(min(length, 100_000_000)))
        return sum(
            math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__"
        )
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{weights}: not a readable safetensors file ({error}); copy the bundle again"
        ) from error
