"""How good is good enough: confidence and fluency limits, chosen on development data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from d2t.generate.types import GenerationRequest
from d2t.language.ngram.fluency import NgramLanguageModel
from d2t.plan.untrained import random_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.recipes.self_training.options import FilterConfig

    class Greedy(Protocol):
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
    config: FilterConfig, generator: Greedy, dev: Sequence[Example], seed: int
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
