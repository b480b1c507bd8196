"""All of a bundle except its network, read without torch, for engines other than torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError, D2TError
from d2t.linearize.source import Linearizer
from d2t.model.bundle.manifest import MANIFEST, Manifest
from d2t.model.config import PretrainedConfig
from d2t.model.tokenizer import Tokenizer
from d2t.mr.domain_files import load_domain_copy
from d2t.plan.bigram import BigramPlanner
from d2t.plan.neural import PLANNER, NeuralPlanner

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.model.pretrained_tokenizer import PretrainedTokenizer
    from d2t.mr.domain import Domain

DOMAIN = "domain"
NEURAL_PLANNER = "planner"
"""Folder inside the bundle, there when it carries a neural planner."""
_DEFAULTS = {"beam_size": 1024, "max_length": 8192}
"""What a bundle may at most ask for."""


@dataclass(kw_only=True)
class BundleParts:
    """Tokenizer, domain, linearizer and planners of a model.

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
    linearizer: Linearizer
    planner: BigramPlanner | None = None
    decode_defaults: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    neural_planner: NeuralPlanner | None = None


def read_parts(path: Path, manifest: Manifest) -> dict[str, Any]:
    """The fields of ``BundleParts`` that the folder at ``path`` holds.

    Raises:
        BundleError: a part cannot be restored.
    """
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
    for key, most in _DEFAULTS.items():
        number = manifest.decode_defaults.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            raise BundleError(
                f"{path / MANIFEST}: decode_defaults: {key} must be a number from 1 to {most}; "
                "copy or train the bundle again"
            )
    neural = path / NEURAL_PLANNER
    return {
        "domain": domain,
        "tokenizer": _read_tokenizer(path, manifest),
        "linearizer": linearizer,
        "planner": planner,
        "decode_defaults": manifest.decode_defaults,
        "info": manifest.info,
        "path": path,
        "neural_planner": NeuralPlanner.load(neural) if (neural / PLANNER).is_file() else None,
    }


def _read_tokenizer(path: Path, manifest: Manifest) -> Tokenizer | PretrainedTokenizer:
    pretrained = isinstance(manifest.model, PretrainedConfig)
    if (manifest.tokenizer == "pretrained") != pretrained:
        raise BundleError(
            f"{path / MANIFEST}: a tokenizer {manifest.tokenizer!r} is not that of a model "
            f"{manifest.model.architecture!r}; copy or train the bundle again"
        )
    if pretrained:
        from d2t.model.pretrained_tokenizer import PretrainedTokenizer

        return PretrainedTokenizer.load(path / PretrainedTokenizer.file_name)
    tokenizer = Tokenizer.load(path / Tokenizer.file_name)
    if tokenizer.vocab_size != manifest.vocab_size:
        raise BundleError(
            f"{path / Tokenizer.file_name} has {tokenizer.vocab_size} pieces, {MANIFEST} "
            f"says {manifest.vocab_size}; the bundle mixes two models: copy it again"
        )
    return tokenizer
