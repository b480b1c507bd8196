"""Generation requests from input records: an MR in any spelling and, if given, a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.decode.types import GenerationRequest
from d2t.errors import D2TError
from d2t.mr.records import mr_from_fields, plan_source
from d2t.plan.choose import complete_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from d2t.io.records import InputRecord
    from d2t.mr.domain import Domain
    from d2t.plan.base import Planner


def request_from_record(
    record: InputRecord,
    domain: Domain,
    *,
    plan: str | None = None,
    planner: Planner | None = None,
    seed: int = 0,
) -> GenerationRequest:
    """The request that one input record makes.

    Args:
        record: a JSONL object, CSV row or MR line. Fields that are neither the MR nor ``plan`` are
            ignored.
        domain: names the slots.
        plan: the order for every record; a record's own non-empty ``plan`` field goes before it.
            Both may end in ``...``, and are then finished by the planner.
        planner: finishes such plans.
        seed: with the record's id, of a planner that draws.

    Raises:
        D2TError: the record's own error, or what is wrong with its MR or plan; ``line`` is that of
            the input, ``column`` that in the MR or plan text.
    """
    if record.error is not None:
        raise record.error
    fields = record.fields or {}
    try:
        mr = mr_from_fields(fields, domain)
        wanted = plan_source(fields)
        if wanted is None:
            wanted = plan
        parsed = None
        if wanted is not None:
            rng = derived_rng(seed, "plan", record.id)
            parsed = complete_plan(wanted, mr, domain, planner, rng=rng)
    except D2TError as error:
        error.line = record.line
        raise
    return GenerationRequest(record.id, mr, parsed)
