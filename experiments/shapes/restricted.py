"""The CTranslate2 engine with a restricted vocabulary: what that could gain at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.generate.pipeline import ModelGenerator
from d2t.search.ct2_backend import CTranslate2Backend, Parallelism

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.model.bundle.bundle_parts import BundleParts
    from d2t.search.backend import EncodedSource, SearchResult

_MAP = "vmap.txt"
"""Where the engine looks for target pieces by source pieces; those of "" are always there."""


def restricted_generator(
    bundle: BundleParts, folder: Path, pieces: Sequence[str]
) -> ModelGenerator:
    """The model in ``folder``, which may generate nothing but ``pieces`` (and symbols).

    A map by source pieces would allow more pieces than these: they are what the answers need.
    """
    (folder / _MAP).write_text("\t" + " ".join(pieces) + "\n", encoding="utf-8")
    return ModelGenerator(bundle, backend=_Restricted(bundle, folder, parallelism=Parallelism()))


class _Restricted(CTranslate2Backend):
    def _translate(
        self, sources: Sequence[EncodedSource], *, max_length: int, translator: Any = None,
        **options: Any,
    ) -> list[list[SearchResult]]:  # fmt: skip
        return super()._translate(
            sources, max_length=max_length, translator=translator, use_vmap=True, **options
        )
