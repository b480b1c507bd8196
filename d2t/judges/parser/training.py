"""Training of the learned parser: from a corpus to a ``LearnedParser``.

Labels are what the rule checker reads in each text, or the MRs as the corpus gives them, which are
noisier but independent of our lexicon. The default takes only the texts on which both agree: each
label then has two judges behind it (measured against both others in experiments/LOG.md).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field
from torch import nn

from d2t.corpus.correct import split_references
from d2t.errors import DataError
from d2t.judges.parser.classifier import (
    SPECIAL_TOKENS,
    ClassifierConfig,
    LearnedParser,
    SlotClassifier,
    labels_of,
)
from d2t.language.template import template_of, template_words
from d2t.model.layers import pad
from d2t.section import Section
from d2t.seeding import derived_rng
from d2t.train.loop.small import batches_of_like_length, enough_epochs, fit, seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor

    from d2t.corpus.types import Example
    from d2t.judges.parser.classifier import Label
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker


LabelSource = Literal["agreed", "given", "text"]
_FEWEST_STEPS = 1600


class ParserConfig(Section):
    """Settings of ``train_parser``.

    Attributes:
        labels: ``text``: what the rule checker reads; ``given``: the MRs of the corpus;
            ``agreed``: ``text`` where both say the same, synonyms apart, and no other texts.
        epochs: passes over the texts; None: 4, or more on small corpora, for 1,600 steps.
        min_count: a label or word must occur in this many training texts.
        batch_size: texts.
        lr: peak rate of Adam; 6% warm-up, then a cosine.
    """

    labels: LabelSource = "agreed"
    classifier: ClassifierConfig = ClassifierConfig()
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=64, ge=1)
    lr: float = Field(default=3e-3, gt=0)
    min_count: int = Field(default=2, ge=1)
    seed: int = Field(default=1, ge=0)


@dataclass(frozen=True, slots=True)
class ReadText:
    """One text to learn from or to be scored on."""

    template: str
    labels: frozenset[Label]


def read_texts(
    examples: Iterable[Example], checker: SlotChecker, domain: Domain, labels: LabelSource
) -> list[ReadText]:
    """References as templates with their labels; open values are found by the checker.

    Each reference is one text, except that ``agreed`` leaves out those on which corpus and checker
    differ.
    """
    texts = []
    for example in split_references(examples):
        alignment = checker.align(example.references[0], example.mr)
        given, said = example.mr.slots, [span.slot for span in alignment.spans]
        if labels == "agreed" and labels_of(given, domain, merge_synonyms=True) != labels_of(
            said, domain, merge_synonyms=True
        ):
            continue
        slots = given if labels == "given" else said
        texts.append(ReadText(template_of(alignment, domain), labels_of(slots, domain)))
    return texts


def train_parser(
    texts: Sequence[ReadText],
    domain: Domain,
    config: ParserConfig | None = None,
    *,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> LearnedParser:
    """Fit a parser; deterministic for a seed and a number of threads.

    Args:
        texts: the training texts.
        domain: of the labels; copied into the saved folder.
        config: settings.
        progress: called with the share done and a note.

    Raises:
        DataError: there is nothing to learn from.
    """
    config = config or ParserConfig()
    labels, vocabulary = _inventories(texts, config.min_count)
    with seeded(config.seed, "parser"):
        n_tokens = len(SPECIAL_TOKENS) + len(vocabulary)
        network = SlotClassifier(config.classifier, n_tokens, len(labels))
        info = {"settings": config.model_dump(mode="json"), "texts": len(texts)}
        parser = LearnedParser(domain, labels, vocabulary, network, info)
        _fit(parser, texts, config, progress)
    return parser


def score_parser(parser: LearnedParser, texts: Sequence[ReadText]) -> ParseScores:
    """F1 and exact texts against the labels of ``texts``."""
    parsed = parser.parse([text.template for text in texts])
    return score_parses((read.slots, text.labels) for read, text in zip(parsed, texts, strict=True))


def _inventories(
    texts: Sequence[ReadText], min_count: int
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Labels and words that occur in enough texts, sorted."""
    labels = Counter(label for text in texts for label in text.labels)
    words = Counter(word for text in texts for word in set(template_words(text.template)))
    kept = sorted(
        (label for label, count in labels.items() if count >= min_count),
        key=lambda label: (label[0], label[1] or ""),
    )
    if not kept:
        raise DataError(
            f"nothing to train a parser on: {len(texts)} texts, and no slot occurs in "
            f"{min_count} of them; give more pairs, or lower min_count",
            code="empty_file",
        )
    return tuple(kept), tuple(sorted(word for word, count in words.items() if count >= min_count))


def _fit(
    parser: LearnedParser,
    texts: Sequence[ReadText],
    config: ParserConfig,
    progress: Callable[[float, str], None],
) -> None:
    """Binary cross-entropy of each label, summed over labels, mean over texts."""
    rows = [parser.encode(text.template) for text in texts]
    targets = torch.tensor([[label in text.labels for label in parser.labels] for text in texts])

    def batches(epoch: int) -> list[list[int]]:
        rng = derived_rng(config.seed, "parser", epoch)
        return batches_of_like_length(rows, config.batch_size, rng)

    def loss(batch: list[int]) -> Tensor:
        logits = parser.network(pad([rows[at] for at in batch]))
        wanted = targets[batch].float()
        total = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        return total / len(batch)

    epochs = config.epochs or enough_epochs(
        len(rows), config.batch_size, at_least=4, steps=_FEWEST_STEPS
    )
    fit(parser.network, batches, loss, epochs=epochs, lr=config.lr, progress=progress)


Fact = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class F1:
    """Counts of one slot, or of all; the scores are percentages, 100 where there is nothing."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return 100.0 * self.right / self.found if self.found else 100.0

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        return 100.0 * self.right / self.wanted if self.wanted else 100.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.found + self.wanted
        return 200.0 * self.right / total if total else 100.0


@dataclass(frozen=True, slots=True)
class ParseScores:
    """Scores of many texts.

    Attributes:
        n: texts.
        exact: percentage of texts whose slots are all right.
        micro: over all slots and values.
        by_slot: per slot name, a value counted as one.
    """

    n: int
    exact: float
    micro: F1
    by_slot: Mapping[str, F1]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "n": self.n,
            "exact": round(self.exact, 4),
            "f1": round(self.micro.f1, 4),
            "precision": round(self.micro.precision, 4),
            "recall": round(self.micro.recall, 4),
            "slots": {name: round(score.f1, 4) for name, score in self.by_slot.items()},
        }


def score_parses(pairs: Iterable[tuple[frozenset[Fact], frozenset[Fact]]]) -> ParseScores:
    """Compare (found, wanted) sets of slots and values, text by text."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    n = exact = 0
    for got, want in pairs:
        n += 1
        exact += got == want
        right.update(name for name, _ in got & want)
        found.update(name for name, _ in got)
        wanted.update(name for name, _ in want)
    return ParseScores(
        n=n,
        exact=100.0 * exact / n if n else 100.0,
        micro=F1(right.total(), found.total(), wanted.total()),
        by_slot={
            name: F1(right[name], found[name], wanted[name]) for name in sorted(found | wanted)
        },
    )
