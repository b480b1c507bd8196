"""Fluency as columns of a report: mean nats per token, and the worst window of each text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.corpus.load import load_split
from d2t.corpus.registry import registry
from d2t.errors import UsageError
from d2t.language.ngram import DEFAULT_ORDER, WINDOW, NgramLanguageModel, choose_order, worst_window
from d2t.language.template import template_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions
    from d2t.score.bootstrap import FloatArray
    from d2t.score.metric import Scorer
    from d2t.score.records import CheckedRecord, Checker

SUFFIX = ".npz"


def language_model(source: str, domain: Domain, checker: Checker) -> NgramLanguageModel:
    """A saved model (``FILE.npz``), or one fitted on the training references of a corpus.

    Raises:
        DataError: there is no such file or corpus, or the file is no language model.
    """
    if source.endswith(SUFFIX):
        return NgramLanguageModel.load(Path(source))
    return NgramLanguageModel.fit(corpus_templates(source, "train", domain, checker))


def train_language_model(
    corpus: str,
    out: Path,
    domain: Domain,
    checker: Checker,
    *,
    order: int | None = None,
    reading: ReadOptions | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Fit a language model on the training references of a corpus and save it (``d2t train-lm``).

    Args:
        corpus: a registered corpus, or a file of training pairs.
        out: the file to write, ``NAME.npz``.
        domain: names the open slots.
        checker: finds the open values of the references.
        order: words of the longest n-gram; None: the lowest order within 1% of the best perplexity
            on the development references, or ``DEFAULT_ORDER`` for a file, which has none.
        reading: how the corpus is read if it is a file.
        notify: gets the perplexity of each order.

    Returns:
        JSON-able: the path, the number of texts, the model's signature, perplexities by order.

    Raises:
        UsageError: ``out`` has another ending.
        DataError: there is no such corpus.
    """
    if out.suffix != SUFFIX:
        raise UsageError(f"--out {out}: expected a name that ends in {SUFFIX}")
    train = corpus_templates(corpus, "train", domain, checker, reading)
    perplexities: dict[int, float] = {}
    if order is None and corpus not in registry():
        order = DEFAULT_ORDER
    elif order is None:
        perplexities = choose_order(train, corpus_templates(corpus, "dev", domain, checker))
        order = next(iter(perplexities))
        note = " (chosen: the lowest order within 1% of the best)"
        for each, perplexity in sorted(perplexities.items()):
            notify(f"order {each}: perplexity {perplexity:.3f}{note if each == order else ''}")
    model = NgramLanguageModel.fit(train, order=order)
    model.save(out)
    scores = {str(each): round(value, 4) for each, value in sorted(perplexities.items())}
    facts = {"path": str(out), "texts": len(train), "signature": model.signature}
    return {**facts, "dev_perplexity": scores}


def corpus_templates(
    source: str,
    split: str,
    domain: Domain,
    checker: Checker,
    reading: ReadOptions | None = None,
) -> list[str]:
    """Every reference of a split as a template; open values are found by the checker."""
    return [
        template_of(checker.check(text, example.mr).alignment, domain)
        for example in load_split(source, "dev" if split == "dev" else "train", domain, reading)
        for text in example.references
    ]


class Fluency:
    """Mean natural log-probability per token, sentence ends included: lower is less fluent."""

    key = "lm"
    label = "LM (nats/token)"
    higher_is_better = True

    def __init__(self, model: NgramLanguageModel, domain: Domain, checker: Checker) -> None:
        self.model = model
        self.domain = domain
        self.checker = checker

    def applies(self, checked: CheckedRecord) -> bool:
        """Whatever says something; no text has no fluency."""
        return bool(checked.record.text.strip())

    def statistics(self, checked: Sequence[CheckedRecord]) -> FloatArray:
        """``(records, 2)``: what is summed, and how much of it there is."""
        rows = np.zeros((len(checked), 2))
        places = [at for at, item in enumerate(checked) if self.applies(item)]
        templates = [template_of(checked[at].report.alignment, self.domain) for at in places]
        for at, row in zip(places, self.rows(templates), strict=True):
            rows[at] = row
        return rows

    def rows(self, templates: Sequence[str]) -> list[tuple[float, float]]:
        """Sum of log-probabilities and number of tokens of each text."""
        return [
            (float(logs.sum()), float(len(logs))) for logs in self.model.token_scores(templates)
        ]

    def scores(self, totals: FloatArray) -> FloatArray:
        """Means ``(r,)`` of summed rows ``(r, 2)``; nan where there is no text."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(totals[:, 1] > 0, totals[:, 0] / totals[:, 1], np.nan)

    def signature(self) -> str:
        """For example ``LM|order:5|vocab:1314|lm:3f0a|dom:restaurant@9f3c|lex:4b1e|v:0.1.0``."""
        from d2t._version import __version__

        return (
            f"{self.label}|{self.model.signature}|dom:{self.domain.name}@{self.domain.digest[:4]}"
            f"|lex:{self.checker.lexicon_digest[:4]}|v:{__version__}"
        )


class WorstWindow(Fluency):
    """Mean over texts of the worst window (``NgramLanguageModel.worst_windows``)."""

    key = "lm_window"
    label = f"LM worst {WINDOW} tokens"

    def rows(self, templates: Sequence[str]) -> list[tuple[float, float]]:
        """The worst window of each text, counted once."""
        return [(worst_window(odds), 1.0) for odds in self.model.token_odds(templates)]


def fluency_scorers(source: str, domain: Domain, checker: Checker) -> list[Scorer]:
    """Both columns, of one model."""
    model = language_model(source, domain, checker)
    return [Fluency(model, domain, checker), WorstWindow(model, domain, checker)]
