"""Which order is asked for, and which order the model reads; strategies differ in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.generate.types import Orders
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from random import Random

    from d2t.generate.types import GenerationRequest
    from d2t.linearize.base import Strategy
    from d2t.mr.types import Plan
    from d2t.plan.base import Planner

POOLED_SHUFFLES = 5
"""Orders of RND whose candidates are reranked together (rule O5.6)."""


def choose_orders(
    request: GenerationRequest,
    strategy: Strategy,
    planner: Planner | None,
    *,
    seed: int,
    shuffle: int = 0,
    plan_first: bool = False,
) -> Orders:
    """The orders for one request.

    Without a plan, the strategy's own: a shuffle that depends on (seed, request id) alone for RND,
    the fitted order for IF and FP, the planner's for AT (rule O4.1). With a plan, AT, RND and IF
    read the MR in that order; only AT was trained to follow it. FP always reads its fixed layout,
    so that the plan is only compared with the text. ``shuffle`` numbers further shuffles of RND.

    With ``plan_first`` the decoder is given the plan, and the encoder reads the strategy's own
    order, which shows nothing of the plan.

    Raises:
        DataError: code ``no_plan``: the strategy needs a planner, and there is none.
    """
    if plan_first:
        own = _own_order(request, strategy, planner, seed, shuffle)
        return Orders(request.plan or _planned(request, planner, seed), own)
    if request.plan is not None and strategy.reads_plans:
        return Orders(request.plan, request.plan)
    own = _own_order(request, strategy, planner, seed, shuffle)
    return Orders(request.plan or own, own)


def pooled_orders(
    request: GenerationRequest,
    strategy: Strategy,
    planner: Planner | None,
    *,
    seed: int,
    plan_first: bool = False,
) -> list[Orders]:
    """The distinct orders whose candidates are reranked together: ``POOLED_SHUFFLES`` for RND.

    One where an order was asked for, or where the strategy's order is not random.
    """
    if strategy.needs_planner or request.plan is not None or plan_first:
        return [choose_orders(request, strategy, planner, seed=seed, plan_first=plan_first)]
    shuffles = (
        choose_orders(request, strategy, planner, seed=seed, shuffle=k)
        for k in range(POOLED_SHUFFLES)
    )
    return list(dict.fromkeys(shuffles))


def _own_order(
    request: GenerationRequest,
    strategy: Strategy,
    planner: Planner | None,
    seed: int,
    shuffle: int,
) -> Plan:
    rng = _rng(request, seed, shuffle)
    if not strategy.needs_planner:
        return strategy.order(Example(request.id, request.mr), rng=rng)
    return _planned(request, planner, seed, shuffle)


def _planned(
    request: GenerationRequest, planner: Planner | None, seed: int, shuffle: int = 0
) -> Plan:
    if planner is None:
        raise DataError(
            f"record {request.id!r} has no plan and the model has no planner to make one; give an "
            "order: --plan area,food,name or a `plan` field in the record",
            code="no_plan",
        )
    return planner.plan(request.mr, rng=_rng(request, seed, shuffle))


def _rng(request: GenerationRequest, seed: int, shuffle: int) -> Random:
    parts = (request.id, shuffle) if shuffle else (request.id,)
    return derived_rng(seed, "plan", *parts)
