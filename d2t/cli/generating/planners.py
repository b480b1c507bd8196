"""The options that commands which plan share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli.common import check_plan_option

if TYPE_CHECKING:
    from d2t.mr.domain import Domain

PLAN_PANEL = "Order"

FirstOption = Annotated[
    str | None,
    typer.Option(
        "--first",
        metavar="SLOT",
        help="Begin with this slot; the same as --plan 'SLOT,...'.",
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
        help="Also plan where sentences end (neural planners only).",
        rich_help_panel=PLAN_PANEL,
    ),
]


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
