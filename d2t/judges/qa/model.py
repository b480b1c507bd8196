"""A QAGen model on disk: one seq2seq network that reads a context and writes question and answer.

A folder holds one: ``qa.json`` (sizes, questions, training facts), the weights as safetensors, the
tokenizer, and a copy of the domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from d2t.model.bundle.judge import JudgeManifest, read_judge, save_judge
from d2t.model.bundle.weights import with_weights
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

    file_name: ClassVar[str] = MANIFEST
    weights: ClassVar[str] = WEIGHTS
    what: ClassVar[str] = "QA model"
    command: ClassVar[str] = "d2t train-qa --out FOLDER"
    needs: ClassVar[tuple[str, ...]] = (WEIGHTS, Tokenizer.file_name)
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

        def write(folder: Path) -> None:
            self.tokenizer.save(folder / Tokenizer.file_name)
            save_domain(self.domain, folder / DOMAIN)

        manifest = save_judge(
            path,
            _Manifest,
            self.network,
            write,
            network=self.network.config,
            questions=self.questions,
            info=self.info,
        )
        self.digest = manifest.files[WEIGHTS]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: not a QA model, incomplete, changed, or of another format version.
        """
        manifest = read_judge(path, _Manifest)
        domain = load_domain_copy(path / DOMAIN)
        tokenizer = Tokenizer.load(path / Tokenizer.file_name)
        weights = path / WEIGHTS
        network = with_weights(lambda: TransformerModel(manifest.network, **tokenizer.ids), weights)
        digest = manifest.files[WEIGHTS]
        return cls(domain, manifest.questions, tokenizer, network, manifest.info, digest)
