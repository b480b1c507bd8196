"""A bundle with its network: one folder with all that generation needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from d2t._version import __version__
from d2t.io.atomic import atomic_folder, atomic_write_json
from d2t.io.folder_manifest import CARD
from d2t.model.build import build_model
from d2t.model.bundle.describe import model_card
from d2t.model.bundle.manifest import (
    MANIFEST,
    Manifest,
    bundle_files,
)
from d2t.model.bundle.parts import DOMAIN, NEURAL_PLANNER, BundleParts, read_parts
from d2t.model.bundle.weights import save_weights, with_weights
from d2t.model.config import PretrainedConfig
from d2t.model.device import checked_device
from d2t.model.tokenizer import Tokenizer
from d2t.mr.domain_files import save_domain

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.model.base import Seq2SeqModel
    from d2t.model.bundle.weights import WeightType
    from d2t.model.pretrained_tokenizer import PretrainedTokenizer

WEIGHTS = "model.safetensors"


@dataclass(kw_only=True)
class Bundle(BundleParts):
    """A model with its tokenizer, domain, linearizer and planners; see ``BundleParts``."""

    model: Seq2SeqModel

    def save(self, path: Path, *, weights: WeightType = "fp32") -> None:
        """Write the folder; it appears whole or not at all, and an older bundle there is replaced.

        Args:
            path: the bundle folder.
            weights: type to store the weights in.

        Raises:
            BundleError: ``path`` holds something that is not a bundle.
            DataError: the operating system refuses to write.
        """
        with atomic_folder(path, marker=MANIFEST) as folder:
            save_weights(self.model, folder / WEIGHTS, dtype=weights)
            self.tokenizer.save(folder / self.tokenizer.file_name)
            self.model.save_architecture(folder)
            save_domain(self.domain, folder / DOMAIN)
            if self.neural_planner is not None:
                self.neural_planner.save(folder / NEURAL_PLANNER)
            manifest = Manifest(
                d2t_version=__version__,
                model=self.model.config,
                vocab_size=self.model.vocab_size,
                tokenizer=self.tokenizer.kind,
                weights=weights,
                linearizer=self.linearizer.state(),
                planner=self.planner.state() if self.planner else None,
                decode_defaults=self.decode_defaults,
                info=self.info,
                files={},
            )
            card = model_card(manifest, self.domain)
            (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
            complete = manifest.model_copy(update={"files": bundle_files(folder)})
            atomic_write_json(folder / MANIFEST, complete.model_dump(mode="json"))
        self.path = path

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Read a bundle, its model in evaluation mode on ``device``.

        The global random state is left as it was.

        Raises:
            BundleError: not a bundle, incomplete, changed, or of another format version.
            BackendError: there is no such device here.
        """
        target = checked_device(device)
        manifest = Manifest.read(path)
        manifest.verify(path)
        parts = read_parts(path, manifest)
        model = with_weights(lambda: _fresh(path, manifest, parts["tokenizer"]), path / WEIGHTS)
        return cls(model=model.to(target), **parts)


def _fresh(
    path: Path, manifest: Manifest, tokenizer: Tokenizer | PretrainedTokenizer
) -> Seq2SeqModel:
    """The network that the manifest describes, with weights of its own."""
    if isinstance(manifest.model, PretrainedConfig):
        from d2t.model.pretrained import restore_architecture

        size = manifest.vocab_size
        return restore_architecture(manifest.model, path, tokenizer, size)  # type: ignore[arg-type]
    assert isinstance(tokenizer, Tokenizer)  # by the architecture
    return build_model(manifest.model, **tokenizer.ids)
