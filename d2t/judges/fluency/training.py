"""Training and testing of the fluency classifier: references against corrupted references.

Both sides are noisy: references hold bad English, and some corruptions are good English. Left out
are references that lack a stop between sentences or that the language model likes least, and
corrupted sentences whose frame several references have; the targets are smoothed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from d2t.corpus.correct import split_references
from d2t.errors import DataError
from d2t.judges.fluency.classifier import (
    SPECIAL_TOKENS,
    FluencyClassifier,
    SentenceClassifier,
    SentenceClassifierConfig,
)
from d2t.judges.fluency.corruptions import (
    CORRUPTIONS,
    FrameInventory,
    corrupt,
    sentences_of,
    words_of,
)
from d2t.language.ngram import NgramLanguageModel
from d2t.language.template import template_of
from d2t.model.layers import pad
from d2t.section import Section
from d2t.seeding import derived_rng
from d2t.train.loop.small import batches_of_like_length, fit, seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from random import Random

    from numpy.typing import NDArray
    from torch import Tensor

    from d2t.corpus.types import Example
    from d2t.judges.fluency.corruptions import Piece
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker

    FloatArray = NDArray[np.float64]


_RUN_ON = re.compile(r"(?:[^\W_]|>)[\"')]?\s+(?:It|It's|Its|They|Their|There|This|These)\s")
"""A sentence that begins without a stop before it: "... food It is ..."."""


class FluencyConfig(Section):
    """Settings of ``train_fluency``.

    Attributes:
        negatives: corrupted sentences per sentence and epoch, drawn anew each epoch.
        worst_share: the share of references, by their worst window, that is left out.
        smoothing: targets are this far from 0 and 1.
        same_text: how often the donor of a corruption is another sentence of the same text.
        min_count: a word must occur in this many sentences to be known.
        batch_size: sentences.
        lr: peak rate of Adam; 6% warm-up, then a cosine.
    """

    classifier: SentenceClassifierConfig = SentenceClassifierConfig()
    epochs: int = Field(default=5, ge=1)
    negatives: float = Field(default=1.0, gt=0)
    worst_share: float = Field(default=0.05, ge=0, lt=1)
    smoothing: float = Field(default=0.05, ge=0, lt=0.5)
    same_text: float = Field(default=0.4, ge=0, le=1)
    batch_size: int = Field(default=128, ge=1)
    lr: float = Field(default=4e-3, gt=0)
    min_count: int = Field(default=2, ge=1)
    seed: int = Field(default=1, ge=0)


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A reference.

    Attributes:
        template: with capitals.
        sentences: in pieces.
    """

    template: str
    sentences: tuple[tuple[Piece, ...], ...]

    @property
    def is_run_on(self) -> bool:
        """Whether a pronoun with a capital stands inside a sentence."""
        return _RUN_ON.search(self.template) is not None


def marked_texts(
    examples: Iterable[Example], checker: SlotChecker, domain: Domain
) -> list[MarkedText]:
    """Each reference once; the checker finds where its slots are said."""
    texts = []
    for example in split_references(examples):
        alignment = checker.align(example.references[0], example.mr)
        sentences = tuple(tuple(sentence) for sentence in sentences_of(alignment, domain))
        texts.append(MarkedText(template_of(alignment, domain), sentences))
    return texts


class Corruptor:
    """Draws corrupted sentences of texts, without those that are known to be good English."""

    def __init__(self, texts: Sequence[MarkedText], same_text: float) -> None:
        self.texts = [text for text in texts if text.sentences]
        self.same_text = same_text
        self.frames = FrameInventory(s for text in self.texts for s in text.sentences)

    def draw(self, text: MarkedText, at: int, kind: str, rng: Random) -> Sequence[Piece] | None:
        """Sentence ``at`` of a text after corruption ``kind``; None if there is no such one."""
        others = [*text.sentences[:at], *text.sentences[at + 1 :]]
        if not others or rng.random() >= self.same_text:
            others = list(rng.choice(self.texts).sentences)
        corrupted = corrupt(kind, text.sentences[at], rng.choice(others), rng)
        return None if corrupted is None or self.frames.knows(corrupted) else corrupted

    def any(self, text: MarkedText, at: int, rng: Random) -> Sequence[Piece] | None:
        """The first of all kinds in random order that succeeds."""
        kinds = list(CORRUPTIONS)
        rng.shuffle(kinds)
        drawn = (self.draw(text, at, kind, rng) for kind in kinds)
        return next((found for found in drawn if found is not None), None)


def train_fluency(
    texts: Sequence[MarkedText],
    config: FluencyConfig | None = None,
    *,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> FluencyClassifier:
    """Fit a classifier; deterministic for a seed and a number of threads.

    Args:
        texts: the training references.
        config: settings.
        progress: called with the share done and a note.

    Raises:
        DataError: there is nothing to learn from.
    """
    config = config or FluencyConfig()
    kept = _without_worst([t for t in texts if not t.is_run_on], config.worst_share)
    counts = Counter(
        word for text in kept for sentence in text.sentences for word in set(words_of(sentence))
    )
    vocabulary = tuple(sorted(word for word, count in counts.items() if count >= config.min_count))
    if not vocabulary:
        raise DataError(
            f"nothing to train a fluency classifier on: {len(texts)} texts, and no word occurs in "
            f"{config.min_count} sentences; give more pairs, or lower min_count",
            code="empty_file",
        )
    corruptor = Corruptor(kept, config.same_text)
    with seeded(config.seed, "fluency"):
        network = SentenceClassifier(config.classifier, len(SPECIAL_TOKENS) + len(vocabulary))
        info: dict[str, Any] = {"settings": config.model_dump(mode="json"), "texts": len(kept)}
        classifier = FluencyClassifier(vocabulary, network, info)
        _fit(classifier, corruptor, config, progress)
    return classifier


def _without_worst(texts: Sequence[MarkedText], share: float) -> list[MarkedText]:
    """The texts without the ``share`` with the lowest worst windows."""
    if not share or not texts:
        return list(texts)
    templates = [text.template for text in texts]
    windows = NgramLanguageModel.fit(templates).worst_windows(templates)
    limit = np.quantile(windows, share)
    return [text for text, window in zip(texts, windows, strict=True) if window >= limit]


def _epoch_rows(
    classifier: FluencyClassifier, corruptor: Corruptor, config: FluencyConfig, rng: Random
) -> Iterator[tuple[list[int], bool]]:
    """Every sentence, and ``negatives`` corrupted ones for each, as ids with their labels."""
    for text in corruptor.texts:
        for at, sentence in enumerate(text.sentences):
            yield classifier.encode(words_of(sentence), first=at == 0), True
            n = int(config.negatives) + (rng.random() < config.negatives % 1)
            for _ in range(n):
                corrupted = corruptor.any(text, at, rng)
                if corrupted is not None:
                    yield classifier.encode(words_of(corrupted), first=at == 0), False


def _fit(
    classifier: FluencyClassifier,
    corruptor: Corruptor,
    config: FluencyConfig,
    progress: Callable[[float, str], None],
) -> None:
    """Binary cross-entropy with smoothed targets, mean over sentences."""

    def batches(epoch: int) -> list[list[tuple[list[int], bool]]]:
        rng = derived_rng(config.seed, "fluency", epoch)
        rows = list(_epoch_rows(classifier, corruptor, config, rng))
        places = batches_of_like_length([row for row, _ in rows], config.batch_size, rng)
        return [[rows[at] for at in batch] for batch in places]

    def loss(batch: list[tuple[list[int], bool]]) -> Tensor:
        targets = torch.tensor([float(is_whole) for _, is_whole in batch])
        targets = targets * (1 - 2 * config.smoothing) + config.smoothing
        logits = classifier.network(pad([row for row, _ in batch]))
        return nn.functional.binary_cross_entropy_with_logits(logits, targets)

    fit(
        classifier.network, batches, loss, epochs=config.epochs, lr=config.lr, clip=1.0,
        progress=progress,
    )  # fmt: skip


SAME_TEXT = 0.4
"""How often parts come from the same text in the corruptions that are scored."""


def auc(good: Sequence[float] | FloatArray, bad: Sequence[float] | FloatArray) -> float:
    """The chance that a good text scores above a bad one, ties counting half; 0.5 is guessing.

    ``(R - n (n + 1) / 2) / (n m)`` with R the sum of the ranks of the n good ones among all.
    """
    if not len(good) or not len(bad):
        return float("nan")
    values = np.concatenate([np.asarray(good, dtype=float), np.asarray(bad, dtype=float)])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(good), len(bad)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def corrupted_texts(
    texts: Sequence[MarkedText], kind: str, *, seed: int = 1, limit: int = 400
) -> list[str]:
    """Templates of at most ``limit`` texts with one sentence each corrupted."""
    corruptor = Corruptor(texts, SAME_TEXT)
    rng = derived_rng(seed, "corrupted", kind)
    found = []
    for text in rng.sample(corruptor.texts, len(corruptor.texts)):
        at = rng.randrange(len(text.sentences))
        corrupted = corruptor.draw(text, at, kind, rng)
        if corrupted is None:
            continue
        sentences = [*text.sentences[:at], corrupted, *text.sentences[at + 1 :]]
        found.append(" ".join(word for sentence in sentences for word in words_of(sentence)))
        if len(found) == limit:
            break
    return found


def detection_scores(
    scores: Callable[[Sequence[str]], FloatArray], dev: Sequence[MarkedText], *, seed: int = 1
) -> dict[str, float]:
    """AUC of a score on ``dev`` against each corruption of it, and their mean as ``all``.

    Args:
        scores: of templates, higher for good ones (``FluencyClassifier.scores``,
            ``NgramLanguageModel.worst_windows``).
        dev: texts that no score has been fitted on.
        seed: of the corruptions.
    """
    good = scores([text.template for text in dev])
    found = {}
    for kind in CORRUPTIONS:
        bad = corrupted_texts(dev, kind, seed=seed)
        if bad:
            found[kind] = round(auc(good, scores(bad)), 4)
    found["all"] = round(float(np.mean(list(found.values()))), 4) if found else float("nan")
    return found
