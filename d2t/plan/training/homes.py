"""Where planners come from: a bundle, the shipped model, or the texts of a corpus."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from d2t.corpus.select import default_domain
from d2t.io.resources import shipped_model
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy
from d2t.plan.bigram import BigramPlanner
from d2t.plan.choose import FittedPlanners, make_planner
from d2t.plan.neural import NeuralPlanner
from d2t.plan.neural_files import PLANNER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.plan.base import Planner

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
    from d2t.plan.training.planner_data import training_plans

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
