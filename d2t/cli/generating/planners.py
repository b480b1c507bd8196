"""What commands that plan share: their options, and the planners of a bundle or corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from d2t.cli.common import check_plan_option, say

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.plan.choose import FittedPlanners

PLAN_PANEL = "Order"

FirstOption = Annotated[
    str | None,
    typer.Option(
        "--first",
        metavar="SLOT",
        help="Begin with this slot: short for --plan 'SLOT,...'.",
        rich_help_panel=PLAN_PANEL,
    ),
]
PlannerOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME_OR_FOLDER",
        help="bigram, neural, random, display, or the folder of a trained planner.",
        rich_help_panel=PLAN_PANEL,
    ),
]
SentencesOption = Annotated[
    bool,
    typer.Option(
        "--sentences",
        help="Plan where sentences end, too (neural planners).",
        rich_help_panel=PLAN_PANEL,
    ),
]


class PlannerHome(NamedTuple):
    """A domain with the planners that know it."""

    domain: Domain
    planners: FittedPlanners


def plan_option(plan: str | None, first: str | None, domain: Domain) -> str | None:
    """``--plan`` or ``--first`` as a plan.

    Raises:
        UsageError: both are given, or the plan fits no record at all.
    """
    from d2t.errors import UsageError
    from d2t.plan.choose import first_as_plan

    if first is not None:
        if plan is not None:
            raise UsageError("--first SLOT stands for --plan 'SLOT,...'; give only one of the two")
        plan = first_as_plan(first)
    check_plan_option(plan, domain, option="--plan" if first is None else "--first")
    return plan


def home_of_bundle(bundle: Path) -> PlannerHome:
    """Domain and planners of a bundle, read without its weights and without torch."""
    from d2t.model.bundle.manifest import read_manifest
    from d2t.mr.domain_files import load_domain_copy
    from d2t.plan.bigram import BigramPlanner
    from d2t.plan.choose import FittedPlanners
    from d2t.plan.neural import NeuralPlanner
    from d2t.plan.neural_files import PLANNER

    manifest, domain = read_manifest(bundle), load_domain_copy(bundle / "domain")
    bigram = BigramPlanner.from_state(manifest.planner) if manifest.planner else None
    inside = bundle / "planner"
    neural = NeuralPlanner.load(inside) if (inside / PLANNER).is_file() else None
    return PlannerHome(domain, FittedPlanners(bigram, neural))


def home_of_shipped(domain: str | None) -> PlannerHome | None:
    """Those of the model that ships with d2t; None where another domain is asked for."""
    from d2t.io.resources import shipped_model

    home = home_of_bundle(shipped_model())
    return home if domain in (None, home.domain.name) else None


def home_of_corpus(corpus: str | None, domain: str | None, *, fit: bool) -> PlannerHome:
    """A domain, and with ``fit`` a bigram planner of a corpus's training texts (default: mini)."""
    from d2t.corpus.select import default_domain
    from d2t.mr.domain import load_domain
    from d2t.plan.bigram import BigramPlanner
    from d2t.plan.choose import FittedPlanners
    from d2t.plan.training.planner_data import training_plans

    loaded = load_domain(domain or default_domain(corpus or "mini"))
    if not fit:
        return PlannerHome(loaded, FittedPlanners())
    examples = training_plans(corpus or "mini", loaded)
    if corpus:  # the embedded corpus takes no time worth a line
        say(f"fitting a bigram planner on {len(examples)} training texts of {corpus}")
    return PlannerHome(loaded, FittedPlanners(BigramPlanner().fit(examples, loaded)))
