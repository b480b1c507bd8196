"""The filters of samples: each has a reason for which it drops a sample, and their order is fixed.

Rule O7.5, with what the sources leave out: labels must be stable, texts finished, fluent, free of
repetition and of words that suggest content which no slot covers; duplicates are removed over all
sizes, all rounds and the training data (rule W26), and held-out MRs never come in.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from d2t.generate.types import GenerationRequest
from d2t.judges.parser.classifier import labels_of, merged_labels
from d2t.language.labels import is_cased, label, open_names, open_names_in, shape, skeleton
from d2t.language.ngram import NgramLanguageModel
from d2t.language.template import template_words
from d2t.plan.untrained import random_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from d2t.corpus.types import Example
    from d2t.generate.candidates import Candidate
    from d2t.generate.types import Hypothesis
    from d2t.judges.parser.classifier import LearnedParser
    from d2t.language.habits.clauses import ClauseChecker
    from d2t.language.labels import LabelledText
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan
    from d2t.recipes.self_training.config import FilterConfig, SampleConfig
    from d2t.recipes.self_training.proposals import Proposal
    from d2t.slots.checker import SlotChecker


class GreedyGenerator(Protocol):
    """What a confidence limit needs of a generator."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One utterance per request."""
        ...


NO_LIMIT = float("-inf")


@dataclass(frozen=True)
class Thresholds:
    """The limits of one round, and the language model that two of them are about.

    Attributes:
        confidence: lowest mean log-probability of a sample, nats per token.
        fluency: lowest mean language-model score of a text's skeleton, nats per token.
        worst: lowest mean log-odds over ``window`` neighbouring tokens of a skeleton.
    """

    confidence: float
    fluency: float
    worst: float
    window: int
    model: NgramLanguageModel

    @classmethod
    def fit(
        cls,
        config: FilterConfig,
        train: Sequence[str],
        dev: Sequence[str],
        confidence: float,
    ) -> Self:
        """Estimate the language model on ``train`` skeletons, the limits on ``dev`` skeletons."""
        model = NgramLanguageModel.fit(train, order=config.lm_order)
        return cls(confidence, NO_LIMIT, NO_LIMIT, config.window, model).limited(config, dev)

    def limited(self, config: FilterConfig, dev: Sequence[str]) -> Self:
        """The same model and confidence, with the limits of fluency that ``config`` asks for."""
        mean = _quantile(self.model.scores(dev), config.fluency_quantile)
        worst = _quantile(self.model.worst_windows(dev, config.window), config.window_quantile)
        return replace(self, fluency=mean, worst=worst, window=config.window)

    def is_fluent(self, skeleton: str) -> bool:
        """Whether both language-model scores reach their limits."""
        if self.model.score(skeleton) < self.fluency:
            return False
        return self.model.worst_window(skeleton, self.window) >= self.worst

    def as_dict(self) -> dict[str, float | None]:
        """The limits, None where there is none."""
        limits = {"confidence": self.confidence, "fluency": self.fluency, "worst": self.worst}
        return {name: None if v == NO_LIMIT else round(v, 6) for name, v in limits.items()}


def confidence_limit(
    config: FilterConfig, generator: GreedyGenerator, dev: Sequence[Example], seed: int
) -> float:
    """The quantile of the greedy scores of development MRs, each in a random order.

    Random, because the order costs likelihood, and samples are to be judged for their text.
    """
    if not config.confidence_quantile:
        return NO_LIMIT
    rng = derived_rng(seed, "confidence")
    chosen = rng.sample(list(dev), min(config.n_dev, len(dev)))
    requests = [
        GenerationRequest(example.id, example.mr, random_plan(example.mr, rng))
        for example in chosen
    ]
    scores = [hypothesis.score for hypothesis in generator.generate(requests)]
    return _quantile(np.array(scores), config.confidence_quantile)


def _quantile(values: np.ndarray[tuple[int], np.dtype[np.float64]], q: float) -> float:
    return float(np.quantile(values, q)) if q and len(values) else NO_LIMIT


class Judge(Protocol):
    """Says yes or no to a sample with its label."""

    def agrees(self, labelled: LabelledText) -> bool:
        """Whether the sample may be learned from."""
        ...


class TextScorer(Protocol):
    """What is needed of a fluency classifier (``FluencyClassifier``)."""

    def scores(self, templates: Sequence[str]) -> NDArray[np.float64]:
        """How likely each template is a person's text ``(templates,)``; higher is better."""
        ...


@dataclass(frozen=True)
class ParserAgreement:
    """Whether a learned parser reads in a sample what the checker read.

    The sources keep the two apart, as two sets of samples (rule O7.5); asking both is ours. Values
    that tell a reader the same count as equal.
    """

    parser: LearnedParser

    def agrees(self, labelled: LabelledText) -> bool:
        """Whether slots and values are the same; of open values only that there is one."""
        domain = self.parser.domain
        [parsed] = self.parser.parse([labelled.template])
        said = labels_of(labelled.example.mr.slots, domain, merge_synonyms=True)
        return merged_labels(parsed.slots, domain) == said


@dataclass(frozen=True)
class ClassifierLimit:
    """Whether a fluency classifier scores a sample as high as most development references.

    Attributes:
        limit: the lowest score that passes.
    """

    classifier: TextScorer
    limit: float

    @classmethod
    def fit(cls, classifier: TextScorer, dev: Sequence[str], quantile: float) -> ClassifierLimit:
        """The limit that a share ``quantile`` of ``dev`` templates falls below."""
        return cls(classifier, float(np.quantile(classifier.scores(dev), quantile)))

    def agrees(self, labelled: LabelledText) -> bool:
        """Whether the sample reaches the limit."""
        return bool(self.classifier.scores([labelled.template])[0] >= self.limit)


@dataclass(frozen=True)
class WholeClauses:
    """Whether the sentences of a sample have a predicate each, and no more."""

    checker: ClauseChecker

    def agrees(self, labelled: LabelledText) -> bool:
        """Whether no sentence has a fault."""
        return self.checker.fault(template_words(labelled.template)) is None


REASONS = (
    "unfinished", "unparsed", "size", "case", "repetition", "residue", "fluency", "confidence",
    "agreement", "held_out", "duplicate", "clauses", "classifier", "parser",
)  # fmt: skip
"""Why a sample is dropped; the first that holds is counted."""


class Residue:
    """Words that say no slot, in training references: which of them a sample may hold.

    The checker sees the wordings it knows, and content in other words passes it by. Such words are
    rare outside spans in references ("wine and cheese"), or they are usually part of a span ("it
    is near the city"), or they stand only beside the slot they belong to ("with a price").
    """

    def __init__(self, config: FilterConfig) -> None:
        self.config = config
        self._common: set[str] = set()
        self._telling: set[str] = set()
        self._needs: dict[str, str] = {}

    def fit(self, references: Sequence[LabelledText]) -> None:
        """Count words outside spans, inside them, and the slots beside which they stand."""
        outside, inside, present = Counter[str](), Counter[str](), Counter[str]()
        beside: Counter[tuple[str, str]] = Counter()
        for reference in references:
            names = reference.example.mr.names
            present.update(names)
            inside.update(set(reference.said))
            for word in set(reference.residue):
                outside[word] += 1
                beside.update((word, name) for name in names)
        least = max(2.0, self.config.rare_share * len(references))
        self._common = {word for word, n in outside.items() if n >= least}
        share = self.config.telling_share
        self._telling = {w for w, n in inside.items() if n >= share * (n + outside[w])}
        share = self.config.bound_share
        self._needs = {
            word: name
            for (word, name), n in beside.items()
            if n >= share * outside[word] and present[name] < share * len(references)
        }

    def strange(self, sample: LabelledText) -> list[str]:
        """The words of ``sample`` outside spans that references do not use like this."""
        names = sample.example.mr.names
        return [
            word
            for word in sample.residue
            if word not in self._common
            or word in self._telling
            or self._needs.get(word, names[0]) not in names
        ]


class SampleFilter:
    """Labels samples, and drops those that are not to be learned from; remembers what it kept."""

    def __init__(
        self,
        config: FilterConfig,
        sizes: SampleConfig,
        checker: SlotChecker,
        domain: Domain,
        *,
        thresholds: Thresholds,
        residue: Residue,
        held_out: frozenset[object],
        judges: Mapping[str, Judge] | None = None,
    ) -> None:
        self.config = config
        self.sizes = sizes
        self.checker = checker
        self.domain = domain
        self.thresholds = thresholds
        self.residue = residue
        self.held_out = held_out
        self.judges = dict(judges or {})
        self._seen: set[bytes] = set()

    def with_limits(self, thresholds: Thresholds, judges: Mapping[str, Judge]) -> SampleFilter:
        """The same filters with other limits of fluency; both know what either accepted."""
        other = copy(self)
        other.thresholds, other.judges = thresholds, dict(judges)
        return other

    def remember(self, known: LabelledText) -> None:
        """Never accept this text in this order again."""
        self._seen.add(self._identity(known))

    def judge(self, id: str, proposal: Proposal, sample: Candidate) -> LabelledText | str:
        """The labelled sample, which is remembered, or the reason for dropping it."""
        if not sample.finished:
            return "unfinished"
        labelled = label(id, sample.text, proposal.mr, self.checker, self.domain)
        if labelled is None or not self._names_are_read(sample, labelled):
            return "unparsed"
        reason = self._distrusted(sample, labelled) or self._unwanted(proposal, labelled)
        if reason is not None:
            return reason
        self.remember(labelled)
        return labelled

    def _names_are_read(self, sample: Candidate, labelled: LabelledText) -> bool:
        """Whether each open value that was put into the text is read as a value of its slot."""
        read = open_names(labelled.example.mr, self.domain)
        return read == open_names_in(sample.template, self.domain)

    def _distrusted(self, sample: Candidate, labelled: LabelledText) -> str | None:
        """Filters of the text alone."""
        if not self.sizes.min_size <= len(labelled.example.mr.names) <= self.sizes.max_size:
            return "size"
        if not is_cased(labelled.alignment):
            return "case"
        slots = labelled.plan.slots
        words = template_words(labelled.template)
        if len(set(slots)) < len(slots) or repeats_words(words, self.config.repeated_words):
            return "repetition"
        if self.residue.strange(labelled):
            return "residue"
        if not self.thresholds.is_fluent(skeleton(labelled.alignment, self.domain)):
            return "fluency"
        return "confidence" if sample.score < self.thresholds.confidence else None

    def _unwanted(self, proposal: Proposal, labelled: LabelledText) -> str | None:
        """Filters that compare with the proposal and other data, and the learned judges."""
        if not self._agrees(proposal, labelled.plan):
            return "agreement"
        if labelled.example.mr.key() in self.held_out:
            return "held_out"
        if self._identity(labelled) in self._seen:
            return "duplicate"
        return next((why for why, j in self.judges.items() if not j.agrees(labelled)), None)

    def _agrees(self, proposal: Proposal, read: Plan) -> bool:
        config, asked = self.config, proposal.plan
        if config.agree == "plan" and read.slots != asked.slots:
            return False
        if config.agree == "mr" and set(read.slots) != set(asked.slots):
            return False
        planned = config.agree_breaks and asked.breaks is not None
        return not planned or read.sentences == asked.sentences

    def _identity(self, labelled: LabelledText) -> bytes:
        """Digest of the delexicalised text and plan; 8 bytes keep millions apart and fit memory."""
        text = repr((labelled.template.lower(), shape(labelled.plan.slots, self.domain)))
        return hashlib.blake2b(text.encode(), digest_size=8).digest()


def repeats_words(words: Sequence[str], n: int) -> bool:
    """Whether a run of ``n`` words occurs twice."""
    runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(set(runs)) < len(runs)
