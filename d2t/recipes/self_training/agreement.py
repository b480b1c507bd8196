"""Judges of samples that know the language: a learned parser, clauses, a fluency classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from d2t.judges.parser.learned_parser import labels_of, merged_labels
from d2t.language.template import template_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from d2t.judges.parser.learned_parser import LearnedParser
    from d2t.language.habits.clauses import ClauseChecker
    from d2t.language.labels import LabelledText


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
