"""From an input record to a request, and to the order in which the model reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.types import Example
from d2t.errors import D2TError, DataError, DomainError
from d2t.generate.types import GenerationRequest, Orders
from d2t.mr.plans import is_partial, parse_plan, parse_prefix
from d2t.mr.reader import read_fields
from d2t.mr.render import mr_to_json
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.mr.values import shorten
from d2t.plan.choose import complete_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from d2t.linearize.base import Strategy
    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.plan.base import Planner


def make_request(
    mr: str | Mapping[str, Any] | MeaningRepresentation,
    plan: str | Sequence[str] | Plan | None,
    domain: Domain,
    planner: Planner | None,
    *,
    id: str = "0",
) -> GenerationRequest:
    """The request for an MR and a plan in any spelling; ``planner`` finishes ``area,...``.

    Raises:
        MRParseError, DomainError: what is wrong with the MR or the plan.
    """
    if not isinstance(mr, MeaningRepresentation):
        mr = read_fields(mr, domain).require_mr()
    mr = _sayable(mr, domain)
    if plan is not None and not isinstance(plan, Plan):
        plan = complete_plan(plan, mr, domain, planner)
    return GenerationRequest(id, mr, plan)


def request_from_record(
    record: Record,
    domain: Domain,
    *,
    plan: str | Sequence[str] | None = None,
    planner: Planner | None = None,
    seed: int = 0,
) -> GenerationRequest:
    """The request that one input record makes.

    Args:
        record: good or bad.
        domain: names the slots.
        plan: the order for every record without a plan of its own. Both may end in ``...``, and
            are then finished by the planner.
        planner: finishes such plans.
        seed: with the record's id, of a planner that draws.

    Raises:
        D2TError: the record's own error, or what is wrong with its plan; ``line`` is that of the
            input, ``column`` that in the MR or plan text.
    """
    try:
        mr = _sayable(record.require_mr(), domain)
        wanted = plan if record.plan is None else record.plan
        parsed = None
        if wanted is not None:
            rng = derived_rng(seed, "plan", record.id)
            parsed = complete_plan(wanted, mr, domain, planner, rng=rng)
    except D2TError as error:
        error.line = record.line
        raise
    return GenerationRequest(record.id, mr, parsed)


def answers_record(line: Mapping[str, Any], record: Record, domain: Domain) -> bool:
    """Whether an output line answers this record: the same MR and, if the record has one, its plan.

    Raises:
        D2TError: the record's own error, or what is wrong with its plan.
    """
    mr = record.require_mr()
    if line["mr"] != mr_to_json(mr, domain):
        return False
    own, said = record.plan, parse_plan(line["plan"], mr, domain)
    if own is None:
        return True
    if not is_partial(own):
        return parse_plan(own, mr, domain) == said
    begun = parse_prefix(own, mr, domain).slots
    return said.slots[: len(begun)] == begun


def _sayable(mr: MeaningRepresentation, domain: Domain) -> MeaningRepresentation:
    """``mr``, if each of its yes-or-no slots holds yes or no: no text can be checked for others.

    Raises:
        DomainError: code ``boolean_value``.
    """
    for slot in mr.slots:
        spec = domain.slot(slot.name)
        if spec.kind == "boolean" and spec.is_unseen(slot.value):
            raise DomainError(
                f"slot {slot.name!r} is {' or '.join(spec.values)}, not {shorten(slot.value)}; "
                "write yes or no (Y, N, true, false, 1, 0), or leave it out",
                code="boolean_value",
            )
    return mr


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
    if request.plan is not None and strategy.reads_plans and not plan_first:
        return Orders(request.plan, request.plan)
    if strategy.needs_planner:
        own = _planned(request, planner, seed, shuffle)
    else:
        rng = _rng(request, seed, shuffle)
        own = strategy.order(Example(request.id, request.mr), rng=rng)
    if plan_first:
        return Orders(request.plan or _planned(request, planner, seed), own)
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
