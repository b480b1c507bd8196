"""Planners by name, and plans that a user began and a planner finishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.errors import DataError, UsageError, did_you_mean
from d2t.mr.plans import REST, is_partial, parse_plan, parse_prefix
from d2t.plan.neural import PLANNER, NeuralPlanner
from d2t.plan.untrained import DisplayPlanner, RandomPlanner
from d2t.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.plan.base import Planner
    from d2t.plan.bigram import BigramPlanner


@dataclass(frozen=True, slots=True)
class FittedPlanners:
    """What a bundle or a corpus has: the planners that need training."""

    bigram: BigramPlanner | None = None
    neural: NeuralPlanner | None = None


PlannerFactory = Callable[["Domain", FittedPlanners, int], "Planner"]
"""Makes a planner from the domain, the fitted planners and the seed of random choices.

A class with these three parameters is one.
"""

PLANNERS: Registry[PlannerFactory] = Registry(
    "planner", "d2t.planners", error=UsageError, code="no_planner"
)
"""The planners that have a name; a trained one may be named by its folder instead."""


@PLANNERS.register("bigram")
def _bigram(domain: Domain, fitted: FittedPlanners, seed: int) -> Planner:
    if fitted.bigram is None:
        raise UsageError(
            "this model has no bigram planner, because its strategy does not follow plans; give "
            "random, display or the folder of a trained planner",
            code="no_planner",
        )
    return fitted.bigram


@PLANNERS.register("neural")
def _neural(domain: Domain, fitted: FittedPlanners, seed: int) -> Planner:
    if fitted.neural is None:
        raise UsageError(
            "this model has no neural planner; train one by `d2t train-planner --into BUNDLE`, or "
            "give the folder of a trained planner",
            code="no_planner",
        )
    return fitted.neural


@PLANNERS.register("random")
def _random(domain: Domain, fitted: FittedPlanners, seed: int) -> Planner:
    return RandomPlanner(seed)


@PLANNERS.register("display")
def _display(domain: Domain, fitted: FittedPlanners, seed: int) -> Planner:
    return DisplayPlanner(domain)


def best_planner(
    wanted: Planner | str | None,
    domain: Domain,
    fitted: FittedPlanners,
    *,
    seed: int,
    sentences: bool,
) -> Planner | None:
    """The planner that is asked for, else the neural one, else the bigram one, else None.

    Raises:
        UsageError, BundleError: as ``make_planner``.
    """
    if wanted is None:
        wanted = fitted.neural or fitted.bigram
        if wanted is None and not sentences:
            return None
    return make_planner(wanted or "bigram", domain, fitted, seed=seed, sentences=sentences)


def make_planner(
    name: str | Planner,
    domain: Domain,
    fitted: FittedPlanners,
    *,
    seed: int = 0,
    sentences: bool = False,
    more: Sequence[str] = (),
) -> Planner:
    """The planner called ``name``: one of ``PLANNERS``, or that of a folder.

    Args:
        name: a folder, or a name; a planner is taken as it is. A folder may be a bundle that
            carries a neural planner.
        domain: of the MRs.
        fitted: what ``bigram`` and ``neural`` mean here.
        seed: of random plans.
        sentences: plan where sentences end too, which only neural planners do.
        more: other names that the caller takes, for the message about a name that is not known.

    Raises:
        UsageError: there is no such planner here, or it plans no sentences.
        BundleError: the folder's planner is damaged.
    """
    planner: Planner
    if not isinstance(name, str):
        planner = name
    elif name in PLANNERS:
        planner = PLANNERS.get(name)(domain, fitted, seed)
    else:
        planner = _from_folder(Path(name), (*PLANNERS.names(), *more))
    if not sentences:
        return planner
    if not isinstance(planner, NeuralPlanner):
        raise UsageError(
            f"the {planner.name} planner does not plan sentences; use a neural one, or mark the "
            "sentence ends in the plan: --plan 'area,food | name'",
            code="no_sentences",
        )
    return planner.with_sentences()


def complete_plan(
    source: str | Sequence[str],
    mr: MeaningRepresentation,
    domain: Domain,
    planner: Planner | None,
    *,
    rng: Random | None = None,
) -> Plan:
    """The plan that a user wrote; where it ends in ``...``, finished by the planner.

    Raises:
        MRParseError: malformed, or it does not fit the MR.
        DomainError: a slot that the domain does not have.
        DataError: code ``no_plan``: it is to be finished, and there is no planner.
    """
    if not is_partial(source):
        return parse_plan(source, mr, domain)
    prefix = parse_prefix(source, mr, domain)
    if planner is None:
        raise DataError(
            f"the plan ends in {REST} and there is no planner to finish it; name all slots, or "
            "choose a planner (--planner random, display, or the folder of one)",
            code="no_plan",
        )
    return planner.plan(mr, prefix=prefix, rng=rng)


def first_as_plan(first: str) -> str:
    """``--first area`` as a partial plan: ``area,...``."""
    return f"{first},{REST}"


def _from_folder(path: Path, names: Sequence[str]) -> NeuralPlanner:
    for folder in (path, path / "planner"):
        if (folder / PLANNER).is_file():
            return NeuralPlanner.load(folder)
    if path.exists():
        raise UsageError(
            f"{path} holds no planner (no {PLANNER}); train one with `d2t train-planner`",
            code="no_planner",
        )
    raise UsageError(
        f"no planner called {str(path)!r}{did_you_mean(str(path), names)}: expected one of "
        f"{', '.join(names)}, or the folder of a trained planner",
        code="no_planner",
    )
