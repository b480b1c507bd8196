"""A bundle: one folder with all that generation needs (DESIGN "Bundles and runs")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import torch

from d2t import __version__
from d2t.errors import BackendError, BundleError, D2TError
from d2t.io.atomic import atomic_write_json
from d2t.linearize.source import Linearizer
from d2t.model.build import build_model
from d2t.model.card import model_card
from d2t.model.config import PretrainedConfig
from d2t.model.domain_files import load_domain_copy, save_domain
from d2t.model.folder import atomic_folder
from d2t.model.manifest import CARD, MANIFEST, Manifest, hash_files, read_manifest, verify_files
from d2t.model.tokenizer import Tokenizer
from d2t.model.weights import load_weights, save_weights
from d2t.plan.bigram import BigramPlanner
from d2t.plan.neural import NeuralPlanner
from d2t.plan.neural_files import PLANNER

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.model.base import Seq2SeqModel
    from d2t.model.pretrained_tokenizer import PretrainedTokenizer
    from d2t.model.weights import WeightType
    from d2t.mr.domain import Domain

WEIGHTS = "model.safetensors"
DOMAIN = "domain"
NEURAL_PLANNER = "planner"
"""Folder inside the bundle, there when it carries a neural planner."""


@dataclass
class Bundle:
    """A model with its tokenizer, domain, linearizer and planner.

    Attributes:
        planner: the bigram planner; None where the strategy itself has an order.
        neural_planner: chooses the order in the bigram planner's place, where there is one.
        decode_defaults: arguments of the generator when the user gives none.
        info: JSON-able training facts, shown on the model card: ``data``, ``metrics``, ``licence``
            and whatever else.
        path: where it was loaded from or saved to.
    """

    domain: Domain
    tokenizer: Tokenizer | PretrainedTokenizer
    model: Seq2SeqModel
    linearizer: Linearizer
    planner: BigramPlanner | None = None
    decode_defaults: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    neural_planner: NeuralPlanner | None = None

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
            complete = manifest.model_copy(update={"files": hash_files(folder)})
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
        manifest = read_manifest(path)
        verify_files(path, manifest)
        domain = load_domain_copy(path / DOMAIN)
        try:
            linearizer = Linearizer.from_state(manifest.linearizer, domain)
            planner = BigramPlanner.from_state(manifest.planner) if manifest.planner else None
        except BundleError:
            raise
        except (D2TError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(
                f"{path / MANIFEST}: the linearizer or planner cannot be restored ({error}); "
                "copy or train the bundle again"
            ) from error
        neural = path / NEURAL_PLANNER
        tokenizer, model = _load_model(path, manifest)
        return cls(
            domain=domain,
            tokenizer=tokenizer,
            model=model.to(target).eval(),
            linearizer=linearizer,
            planner=planner,
            decode_defaults=manifest.decode_defaults,
            info=manifest.info,
            path=path,
            neural_planner=NeuralPlanner.load(neural) if (neural / PLANNER).is_file() else None,
        )


def checked_device(name: str) -> torch.device:
    """The device called ``name``.

    Raises:
        BackendError: no such device, or not on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BackendError(f"device {name!r} cannot be used here ({reason}); try 'cpu'") from error
    return device


def _load_model(
    path: Path, manifest: Manifest
) -> tuple[Tokenizer | PretrainedTokenizer, Seq2SeqModel]:
    tokenizer: Tokenizer | PretrainedTokenizer
    model: Seq2SeqModel
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
        if isinstance(manifest.model, PretrainedConfig):
            from d2t.model.pretrained import restore_architecture
            from d2t.model.pretrained_tokenizer import PretrainedTokenizer

            tokenizer = PretrainedTokenizer.load(path / PretrainedTokenizer.file_name)
            model = restore_architecture(manifest.model, path, tokenizer, manifest.vocab_size)
        else:
            tokenizer = Tokenizer.load(path / Tokenizer.file_name)
            if tokenizer.vocab_size != manifest.vocab_size:
                raise BundleError(
                    f"{path / Tokenizer.file_name} has {tokenizer.vocab_size} pieces, {MANIFEST} "
                    f"says {manifest.vocab_size}; the bundle mixes two models: copy it again"
                )
            model = build_model(
                manifest.model,
                vocab_size=manifest.vocab_size,
                pad_id=tokenizer.pad_id,
                bos_id=tokenizer.bos_id,
                eos_id=tokenizer.eos_id,
            )
    load_weights(model, path / WEIGHTS)
    return tokenizer, model
