"""The plans a system is asked for: its own order, the display order, random orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.decode.types import GenerationRequest
from d2t.plan.display import display_plan
from d2t.plan.random_plans import random_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from experiments.table.config import TableConfig

SETTINGS = ("own", "display", "random")


def requests_for(
    setting: str, examples: Sequence[Example], domain: Domain, table: TableConfig
) -> list[GenerationRequest]:
    """One request per MR (``own``, ``display``) or ``table.permutations`` per MR (``random``)."""
    if setting == "own":
        return [GenerationRequest(example.id, example.mr) for example in examples]
    if setting == "display":
        return [
            GenerationRequest(example.id, example.mr, display_plan(example.mr, domain))
            for example in examples
        ]
    return [
        GenerationRequest(f"{example.id}#{k}", example.mr, plan)
        for example in examples
        for k, plan in enumerate(random_plans(example.mr, table.permutations, table.plan_seed))
    ]
