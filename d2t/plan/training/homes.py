"""The planners of a bundle, of the shipped model, or fitted to the texts of a corpus."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from d2t.corpus.correct import align_examples, correct_examples, split_references
from d2t.corpus.group import remove_overlap
from d2t.corpus.load import load_split
from d2t.corpus.registry import default_domain, registry
from d2t.io.resources import shipped_model
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy
from d2t.mr.lexicon_layers import has_lexicon
from d2t.plan.bigram import BigramPlanner
from d2t.plan.choose import FittedPlanners, make_planner
from d2t.plan.neural import PLANNER, NeuralPlanner
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions
    from d2t.plan.base import Planner


class PlannerSource(NamedTuple):
    """Where a split comes from: a registered corpus, or files that replace its splits.

    ``reading`` says how files are read; its ``limit`` holds for the training split.
    """

    corpus: str
    train: str | None = None
    dev: str | None = None
    reading: ReadOptions | None = None


def planner_examples(source: PlannerSource, domain: Domain) -> tuple[list[Example], list[Example]]:
    """Training and development examples, prepared as for the training of a generator.

    MRs are corrected from the texts where the domain has a lexicon (rule O1.6); examples that share
    an MR with the corpus's test set are dropped (rule O1.7), except for files of one's own.

    Args:
        source: what to read.
        domain: of the corpus.

    Raises:
        DataError: a split is missing.
    """
    checker = SlotChecker.for_domain(domain)
    registered = source.train is None and source.corpus in registry()
    test = load_split(source.corpus, "test", domain) if registered else []
    train = load_split(source.train or source.corpus, "train", domain, source.reading)
    everything = None if source.reading is None else replace(source.reading, limit=None)
    dev = load_split(source.dev or source.corpus, "dev", domain, everything)
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


logger = logging.getLogger(__name__)


class PlannerHome(NamedTuple):
    """A domain with the fitted planners that know it."""

    domain: Domain
    planners: FittedPlanners

    def planner(self, name: str | None, *, seed: int = 0, sentences: bool = False) -> Planner:
        """The planner of that name or folder; None is the best one that is fitted.

        Raises:
            UsageError, DataError: as ``make_planner``.
        """
        best = "neural" if self.planners.neural else "bigram"
        return make_planner(
            name or best, self.domain, self.planners, seed=seed, sentences=sentences
        )


def planner_home(
    model: Path | None = None,
    corpus: str | None = None,
    domain: str | None = None,
    *,
    planner: str | None = None,
    notify: Callable[[str], None] = logger.info,
) -> PlannerHome:
    """The planners of ``model``, or else of ``corpus``, or else of the shipped model.

    Args:
        model: a bundle; it is read without its weights and without torch.
        corpus: a bigram planner is fitted on its training texts.
        domain: name or folder; where it is not the shipped model's, the corpus ``mini`` of that
            domain stands for the model.
        planner: the planner that will be asked for; only None and ``bigram`` need a corpus's texts.
        notify: is told what takes time.

    Raises:
        BundleError, DataError, DomainError: there is no such bundle, corpus or domain.
    """
    if model is not None:
        return _of_bundle(model)
    if corpus is None:
        shipped = _of_bundle(shipped_model())
        if domain in (None, shipped.domain.name):
            return shipped
    name = corpus or "mini"
    loaded = load_domain(domain or default_domain(name))
    if planner not in (None, "bigram"):
        return PlannerHome(loaded, FittedPlanners())
    examples = training_plans(name, loaded)
    if corpus:  # the embedded corpus takes no time worth a line
        notify(f"fitting a bigram planner on {len(examples)} training texts of {corpus}")
    return PlannerHome(loaded, FittedPlanners(BigramPlanner().fit(examples, loaded)))


def _of_bundle(bundle: Path) -> PlannerHome:
    manifest, domain = Manifest.read(bundle), load_domain_copy(bundle / "domain")
    bigram = BigramPlanner.from_state(manifest.planner) if manifest.planner else None
    inside = bundle / "planner"
    neural = NeuralPlanner.load(inside) if (inside / PLANNER).is_file() else None
    return PlannerHome(domain, FittedPlanners(bigram, neural))
