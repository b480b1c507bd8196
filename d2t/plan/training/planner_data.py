"""The plans that planners learn from: aligned training and development examples, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.corpus.correct import align_examples, correct_examples, split_references
from d2t.corpus.load import load_split
from d2t.corpus.overlap import remove_overlap
from d2t.corpus.registry import registry
from d2t.corpus.select import has_lexicon
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


class PlannerSource(NamedTuple):
    """Where a split comes from: a registered corpus, or files that replace its splits."""

    corpus: str
    train: str | None = None
    dev: str | None = None


def planner_examples(
    source: PlannerSource, domain: Domain, *, limit: int | None = None
) -> tuple[list[Example], list[Example]]:
    """Training and development examples, prepared as for the training of a generator.

    MRs are corrected from the texts where the domain has a lexicon (rule O1.6); examples that share
    an MR with the corpus's test set are dropped (rule O1.7), except for files of one's own.

    Args:
        source: what to read.
        domain: of the corpus.
        limit: read only the first pairs of the training split.

    Raises:
        DataError: a split is missing.
    """
    checker = SlotChecker.for_domain(domain)
    registered = source.train is None and source.corpus in registry()
    test = load_split(source.corpus, "test", domain) if registered else []
    train = load_split(source.train or source.corpus, "train", domain)[:limit]
    dev = load_split(source.dev or source.corpus, "dev", domain)
    return _prepared(train, domain, checker, test), _prepared(dev, domain, checker, test)


def training_plans(corpus: str, domain: Domain) -> list[Example]:
    """The training half of :func:`planner_examples`."""
    test = load_split(corpus, "test", domain) if corpus in registry() else []
    train = load_split(corpus, "train", domain)
    return _prepared(train, domain, SlotChecker.for_domain(domain), test)


def _prepared(
    raw: list[Example], domain: Domain, checker: SlotChecker, test: list[Example]
) -> list[Example]:
    if has_lexicon(domain):
        aligned = correct_examples(raw, checker, domain)
    else:
        aligned = align_examples(split_references(raw), checker)
    return remove_overlap([e for e in aligned if e.plan is not None and e.plan.slots], test)
