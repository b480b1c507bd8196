"""A classifier of fluency: whether every sentence of a text looks like one that a person wrote.

The language model of ``d2t.language.ngram`` sees a few words at a time. Fragments ("Near X.")
and glued clauses ("It serves French food is X.") are made of common windows; this classifier
finds them. A folder holds one: ``fluency.json`` (vocabulary, sizes, limits, training facts) and the
weights as safetensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import nn

from d2t.errors import DataError
from d2t.language.template import template_sentences
from d2t.model.bundle.judge import JudgeManifest, read_judge, save_judge
from d2t.model.bundle.weights import with_weights
from d2t.model.layers import PAD, rows_by_length
from d2t.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    FloatArray = NDArray[np.float64]


class SentenceClassifierConfig(Section):
    """Sizes of a ``SentenceClassifier``.

    Attributes:
        width: of the token embeddings.
        hidden: of the recurrent state, each direction.
        filters: per convolution width.
        windows: convolutions over 2 to this many neighbouring tokens.
        dropout: on embeddings and on pooled features.
    """

    width: int = Field(default=48, ge=1)
    hidden: int = Field(default=64, ge=1)
    filters: int = Field(default=64, ge=1)
    windows: int = Field(default=4, ge=2, le=9)
    dropout: float = Field(default=0.2, ge=0.0, lt=1.0)


class SentenceClassifier(nn.Module):
    """Token ids to one logit: positive where the sentence looks like a person's.

    The maximum over time of the states of two GRUs, one for each direction, and of convolutions.
    These learn broken joins from few examples; those see that a sentence of any length has no verb
    or two.

    Args:
        config: sizes.
        n_tokens: token ids, padding and unknown included.
    """

    def __init__(self, config: SentenceClassifierConfig, n_tokens: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(n_tokens, config.width, padding_idx=PAD)
        self.forwards = nn.GRU(config.width, config.hidden, batch_first=True)
        self.backwards = nn.GRU(config.width, config.hidden, batch_first=True)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.filters, window)
            for window in range(2, config.windows + 1)
        )
        self.dropout = nn.Dropout(config.dropout)
        n_features = 2 * config.hidden + config.filters * len(self.convolutions)
        self.output = nn.Linear(n_features, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            tokens: ``(batch, length) int64``, padded at the end with ``PAD``.

        Returns:
            ``(batch,) float32``.
        """
        inside = tokens != PAD
        embedded = self.dropout(self.embedding(tokens))
        # Each sentence is turned round within its own length, so that neither direction ever
        # reads padding before words and a sentence has the same score in any batch.
        places = torch.arange(tokens.shape[1], device=tokens.device)
        turned = inside.sum(1, keepdim=True) - 1 - places
        turned = torch.where(inside, turned, places).unsqueeze(2)
        left, _ = self.forwards(embedded)
        right, _ = self.backwards(embedded.gather(1, turned.expand_as(embedded)))
        states = torch.cat([left, right], dim=2).masked_fill(~inside.unsqueeze(2), float("-inf"))
        features = self.dropout(torch.cat([states.amax(dim=1), *self._local(embedded)], dim=1))
        logits: Tensor = self.output(features).squeeze(1)
        return logits

    def _local(self, embedded: Tensor) -> list[Tensor]:
        """Each convolution's maximum over time ``(batch, filters)``.

        A window of zeros is always there, before the sentence, so that those which the padding of
        a batch adds change no maximum.
        """
        columns = embedded.transpose(1, 2)
        pooled = []
        for window, convolution in enumerate(self.convolutions, start=2):
            padded = nn.functional.pad(columns, (window, window - 1))
            pooled.append(torch.relu(convolution(padded)).amax(dim=2))
        return pooled


MANIFEST = "fluency.json"
WEIGHTS = "fluency.safetensors"
UNKNOWN, FIRST, LATER = 1, 2, 3
SPECIAL_TOKENS = ("<pad>", "<unk>", "<first>", "<later>")
"""What the ids 0 to 3 stand for: a sentence begins with one that says whether it begins the text,
since "It is a pub called X." does so rarely."""
_MAX_TOKENS = 120


class _Manifest(JudgeManifest):
    """The content of ``fluency.json``."""

    file_name: ClassVar[str] = MANIFEST
    weights: ClassVar[str] = WEIGHTS
    what: ClassVar[str] = "fluency classifier"
    command: ClassVar[str] = "d2t train-fluency --out FOLDER"
    needs: ClassVar[tuple[str, ...]] = (WEIGHTS,)
    classifier: SentenceClassifierConfig
    vocabulary: tuple[str, ...]


@dataclass
class FluencyClassifier:
    """A network with the words it knows.

    Attributes:
        vocabulary: words by id minus four (padding, unknown, and the two beginnings).
        network: in evaluation mode.
        info: JSON-able training facts.
    """

    vocabulary: tuple[str, ...]
    network: SentenceClassifier
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = {word: at for at, word in enumerate(self.vocabulary, len(SPECIAL_TOKENS))}

    def scores(self, templates: Sequence[str], *, batch_size: int = 256) -> FloatArray:
        """Probability that no sentence of a template was corrupted ``(n,)``: its worst sentence's.

        Not calibrated for texts of a model: compare it with ``threshold``. A text without words
        has 0.

        Args:
            templates: with open values hidden (``d2t.language.template.template_of``).
            batch_size: sentences at a time; does not change the scores.
        """
        sentences = [template_sentences(template) for template in templates]
        rows = [
            self.encode(words, first=place == 0)
            for text in sentences
            for place, words in enumerate(text)
        ]
        found = iter(self.row_scores(rows, batch_size=batch_size).tolist())
        return np.array([min([next(found) for _ in text], default=0.0) for text in sentences])

    def score(self, template: str) -> float:
        """``scores`` of one template."""
        return float(self.scores([template])[0])

    def sentence_scores(self, template: str) -> list[float]:
        """The probability of each sentence, in order."""
        sentences = template_sentences(template)
        rows = [self.encode(words, first=at == 0) for at, words in enumerate(sentences)]
        return [float(score) for score in self.row_scores(rows)]

    def threshold(self, templates: Sequence[str], quantile: float) -> float:
        """The score that a share ``quantile`` of good texts (development references) falls below.

        Raises:
            DataError: no texts, or not a share.
        """
        if not 0 <= quantile <= 1:
            raise DataError(f"quantile of a fluency threshold: expected 0 to 1, got {quantile}")
        if not templates:
            raise DataError("a fluency threshold needs development texts; there are none")
        return float(np.quantile(self.scores(templates), quantile))

    def encode(self, words: Sequence[str], *, first: bool) -> list[int]:
        """Token ids of a sentence."""
        ids = [self._ids.get(word, UNKNOWN) for word in words[:_MAX_TOKENS]]
        return [FIRST if first else LATER, *ids]

    def row_scores(self, rows: Sequence[Sequence[int]], *, batch_size: int = 256) -> FloatArray:
        """Probabilities of encoded sentences ``(rows,)``."""
        scores = np.zeros(len(rows))
        self.network.eval()
        for places, batch in rows_by_length(rows, batch_size):
            with torch.inference_mode():
                logits = self.network(batch)
            scores[places] = torch.sigmoid(logits.double()).numpy()
        return scores

    def save(self, path: Path) -> None:
        """Write the folder; it appears whole or not at all, and an older classifier is replaced.

        Raises:
            BundleError: ``path`` holds something else.
            DataError: the operating system refuses to write.
        """
        save_judge(
            path,
            _Manifest,
            self.network,
            classifier=self.network.config,
            vocabulary=self.vocabulary,
            info=self.info,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: not a classifier, incomplete, changed, or of another format version.
        """
        manifest = read_judge(path, _Manifest)
        n_tokens = len(SPECIAL_TOKENS) + len(manifest.vocabulary)
        network = with_weights(
            lambda: SentenceClassifier(manifest.classifier, n_tokens), path / WEIGHTS
        )
        return cls(manifest.vocabulary, network, manifest.info)
