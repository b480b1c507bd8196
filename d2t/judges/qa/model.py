"""A QAGen model on disk: one seq2seq network that reads a context and writes question and answer.

A folder holds one: ``qa.json`` (sizes, questions, training facts), the weights as safetensors, the
tokenizer, and a copy of the domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import torch

from d2t._version import __version__
from d2t.io.atomic import atomic_write_json
from d2t.io.folder import atomic_folder
from d2t.model.bundle.judge_manifest import JudgeManifest, read_judge_manifest
from d2t.model.bundle.manifest import hash_files
from d2t.model.bundle.weights import load_weights, save_weights
from d2t.model.config import TransformerConfig  # noqa: TC001 - pydantic reads it
from d2t.model.tokenizer import Tokenizer
from d2t.model.transformer import TransformerModel
from d2t.mr.domain_files import load_domain_copy, save_domain

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.mr.domain import Domain

MANIFEST = "qa.json"
WEIGHTS = "qa.safetensors"
DOMAIN = "domain"


class _Manifest(JudgeManifest):
    """The content of ``qa.json``."""

    network: TransformerConfig
    questions: dict[str, Any]


@dataclass
class QAModel:
    """A network with what its inputs and outputs mean.

    Attributes:
        domain: of the MRs.
        questions: the content of the ``questions.toml`` it was trained with.
        tokenizer: one for contexts, questions and answers.
        network: in evaluation mode.
        info: JSON-able training facts.
        digest: SHA-256 of the saved weights; empty for a model that was never saved.
    """

    domain: Domain
    questions: dict[str, Any]
    tokenizer: Tokenizer
    network: TransformerModel
    info: dict[str, Any] = field(default_factory=dict)
    digest: str = ""

    def save(self, path: Path) -> None:
        """Write the folder; it appears whole or not at all, and an older model is replaced.

        Raises:
            BundleError: ``path`` holds something else.
            DataError: the operating system refuses to write.
        """
        with atomic_folder(path, marker=MANIFEST) as folder:
            save_weights(self.network, folder / WEIGHTS)
            self.tokenizer.save(folder / Tokenizer.file_name)
            save_domain(self.domain, folder / DOMAIN)
            files = hash_files(folder)
            self.digest = files[WEIGHTS]
            manifest = _Manifest(
                d2t_version=__version__,
                network=self.network.config,
                questions=self.questions,
                info=self.info,
                files=files,
            )
            atomic_write_json(folder / MANIFEST, manifest.model_dump(mode="json"))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: not a QA model, incomplete, changed, or of another format version.
        """
        manifest = read_judge_manifest(
            path / MANIFEST,
            _Manifest,
            what="QA model",
            command="d2t train-qa",
            needs=(WEIGHTS, Tokenizer.file_name),
        )
        domain = load_domain_copy(path / DOMAIN)
        tokenizer = Tokenizer.load(path / Tokenizer.file_name)
        with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
            network = new_network(manifest.network, tokenizer)
        load_weights(network, path / WEIGHTS)
        digest = manifest.files[WEIGHTS]
        questions = manifest.questions
        return cls(domain, questions, tokenizer, network.eval(), manifest.info, digest)


def new_network(config: TransformerConfig, tokenizer: Tokenizer) -> TransformerModel:
    """A network with fresh weights, drawn from torch's global generator."""
    return TransformerModel(
        config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
    )
