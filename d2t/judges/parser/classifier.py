"""The learned parser: it reads slots and values in templates, with a confidence.

Its network follows the six classifiers of Kedzie & McKeown 2019 (rule O7.5), with what they share
shared: parallel 1-D convolutions with max-over-time pooling, and an independent yes/no output for
every slot and value, so that a text may say two values of a slot (theirs is a softmax over the
values of each slot).

A folder holds one: ``parser.json`` (labels, vocabulary, sizes, training facts), the weights as
safetensors, and the domain with its lexicon, by which open values are found in raw texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import nn

from d2t.errors import BundleError
from d2t.language.template import HIDDEN_KINDS, template_words
from d2t.model.bundle.judge import JudgeManifest, read_judge, save_judge
from d2t.model.bundle.weights import with_weights
from d2t.model.layers import PAD, rows_by_length
from d2t.mr.domain_files import load_domain_copy, save_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from torch import Tensor

    from d2t.mr.domain import Domain
    from d2t.slots.types import Alignment


class ClassifierConfig(Section):
    """Sizes of a ``SlotClassifier``.

    Attributes:
        width: of the token embeddings (50 in rule O7.5).
        filters: per convolution width (50 there).
        windows: convolutions over 1 to this many neighbouring tokens (2 or 3 there).
        dropout: on embeddings and on pooled features (0.25 there).
    """

    width: int = Field(default=48, ge=1)
    filters: int = Field(default=48, ge=1)
    windows: int = Field(default=5, ge=1, le=9)
    dropout: float = Field(default=0.25, ge=0.0, lt=1.0)


class SlotClassifier(nn.Module):
    """Token ids to one logit per label.

    Args:
        config: sizes.
        n_tokens: token ids, padding and unknown included.
        n_labels: outputs.
    """

    def __init__(self, config: ClassifierConfig, n_tokens: int, n_labels: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(n_tokens, config.width, padding_idx=PAD)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.filters, window)
            for window in range(1, config.windows + 1)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.filters * config.windows, n_labels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            tokens: ``(batch, length) int64``, padded at the end with ``PAD``.

        Returns:
            ``(batch, n_labels) float32``.
        """
        embedded = self.dropout(self.embedding(tokens)).transpose(1, 2)
        outside = (tokens == PAD).unsqueeze(1)
        pooled = []
        for window, convolution in enumerate(self.convolutions, start=1):
            left = (window - 1) // 2
            # Zeros on both sides, as many for one text as for a batch: a window is centred on each
            # token, and those centred on padding are left out of the maximum.
            padded = nn.functional.pad(embedded, (left, window - 1 - left))
            found = convolution(padded).masked_fill(outside, float("-inf"))
            pooled.append(torch.relu(found.amax(dim=2)))
        features = self.dropout(torch.cat(pooled, dim=1))
        logits: Tensor = self.output(features)
        return logits


Label = tuple[str, str | None]
"""A slot and its value; None where a template hides the value (open and numeric slots)."""

MANIFEST = "parser.json"
WEIGHTS = "parser.safetensors"
DOMAIN = "domain"
UNKNOWN = 1
SPECIAL_TOKENS = ("<pad>", "<unk>")
"""What the ids 0 and 1 stand for; words of the vocabulary follow."""
_MAX_TOKENS = 400


def labels_of(
    slots: Iterable[Slot], domain: Domain, *, merge_synonyms: bool = False
) -> frozenset[Label]:
    """What a parser should read where a text says ``slots``."""
    labels = frozenset(
        (slot.name, None if slot.value and _hidden(slot.name, domain) else slot.value)
        for slot in slots
    )
    return merged_labels(labels, domain) if merge_synonyms else labels


def merged_labels(labels: Iterable[Label], domain: Domain) -> frozenset[Label]:
    """Labels with one value for each group of synonyms, by which two judges are compared."""
    return frozenset(
        (name, domain.slot(name).merged(value) if value else value) for name, value in labels
    )


@dataclass(frozen=True, slots=True)
class ParsedText:
    """What one template says.

    Attributes:
        slots: what is said with a probability of at least a half. Values that tell a reader the
            same (``synonyms`` of domain.toml: "cheap", "less than £20") share their probability:
            when their sum reaches a half, the likeliest of them is said.
        confidence: the lowest max(p, 1 - p) over all values, synonyms taken as one, 0.5 to 1: how
            sure the parser is of its least certain yes or no.
        probabilities: of every label.
    """

    slots: frozenset[Label]
    confidence: float
    probabilities: dict[Label, float]

    def mr(self, alignment: Alignment, domain: Domain) -> MeaningRepresentation:
        """The MR, open values taken from the checker's spans, in the domain's slot order.

        An open slot that the parser reads but no span gives a value for is left out.
        """
        ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
        hidden = {name for name, value in self.slots if value is None}
        said = [Slot(name, value) for name, value in self.slots if value is not None]
        said += [span.slot for span in alignment.spans if span.slot.name in hidden]
        return MeaningRepresentation(
            tuple(sorted(dict.fromkeys(said), key=lambda slot: (ranks[slot.name], slot.value))),
            domain.default_dialogue_act,
        )


class _Manifest(JudgeManifest):
    """The content of ``parser.json``."""

    file_name: ClassVar[str] = MANIFEST
    weights: ClassVar[str] = WEIGHTS
    what: ClassVar[str] = "learned parser"
    command: ClassVar[str] = "d2t train-parser --out FOLDER"
    needs: ClassVar[tuple[str, ...]] = (WEIGHTS,)
    classifier: ClassifierConfig
    labels: tuple[tuple[str, str | None], ...] = Field(min_length=1)
    vocabulary: tuple[str, ...]


@dataclass
class LearnedParser:
    """A network with what its inputs and outputs mean.

    Attributes:
        domain: of the labels.
        labels: what each output stands for.
        vocabulary: words by id minus two (0 is padding, 1 an unknown word).
        network: in evaluation mode.
        info: JSON-able training facts.
    """

    domain: Domain
    labels: tuple[Label, ...]
    vocabulary: tuple[str, ...]
    network: SlotClassifier
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = {word: at for at, word in enumerate(self.vocabulary, len(SPECIAL_TOKENS))}
        groups: dict[Label, list[Label]] = {}
        for name, value in self.labels:
            merged = self.domain.slot(name).merged(value) if value else value
            groups.setdefault((name, merged), []).append((name, value))
        self._groups = tuple(groups.values())

    def parse(self, templates: Sequence[str], *, batch_size: int = 256) -> list[ParsedText]:
        """Read templates (``d2t.language.template.template_of``), in the order given.

        Templates of a generator will do as well; placeholders of closed slots, which no training
        text has, are unknown words.
        """
        ids = [self.encode(template) for template in templates]
        parsed: dict[int, ParsedText] = {}
        self.network.eval()
        for places, batch in rows_by_length(ids, batch_size):
            with torch.inference_mode():
                logits = self.network(batch)
            for at, values in zip(places, torch.sigmoid(logits).tolist(), strict=True):
                parsed[at] = self._read(values)
        return [parsed[at] for at in range(len(ids))]

    def encode(self, template: str) -> list[int]:
        """Token ids of a template; never empty."""
        words = template_words(template)[:_MAX_TOKENS]
        return [self._ids.get(word, UNKNOWN) for word in words] or [UNKNOWN]

    def _read(self, values: list[float]) -> ParsedText:
        """Apply the rule of ``ParsedText.slots`` to the probabilities of one text."""
        probabilities = dict(zip(self.labels, values, strict=True))
        said: set[Label] = set()
        confidence = 1.0
        for group in self._groups:
            p = min(1.0, sum(probabilities[label] for label in group))
            confidence = min(confidence, max(p, 1 - p))
            if p >= 0.5:
                said.add(max(group, key=lambda label: probabilities[label]))
                said.update(label for label in group if probabilities[label] >= 0.5)
        return ParsedText(frozenset(said), confidence, probabilities)

    def save(self, path: Path) -> None:
        """Write the folder; it appears whole or not at all, and an older parser is replaced.

        Raises:
            BundleError: ``path`` holds something else.
            DataError: the operating system refuses to write.
        """
        save_judge(
            path,
            _Manifest,
            self.network,
            lambda folder: save_domain(self.domain, folder / DOMAIN),
            classifier=self.network.config,
            labels=self.labels,
            vocabulary=self.vocabulary,
            info=self.info,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: not a parser, incomplete, changed, or of another format version.
        """
        manifest = read_judge(path, _Manifest)
        domain = load_domain_copy(path / DOMAIN)
        if unknown := [name for name, _ in manifest.labels if not domain.has_slot(name)]:
            raise BundleError(f"{path / MANIFEST}: no slot {unknown[0]!r} in its domain")
        n_tokens = len(SPECIAL_TOKENS) + len(manifest.vocabulary)
        network = with_weights(
            lambda: SlotClassifier(manifest.classifier, n_tokens, len(manifest.labels)),
            path / WEIGHTS,
        )
        return cls(domain, manifest.labels, manifest.vocabulary, network, manifest.info)


def _hidden(name: str, domain: Domain) -> bool:
    return domain.slot(name).kind in HIDDEN_KINDS
