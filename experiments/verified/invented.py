"""Meaning representations of places that nobody has heard of, with values that no text has."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.generate.types import GenerationRequest
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.plan.untrained import random_plan
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from d2t.mr.domain import Domain

_PARTS = Path(__file__).with_name("invented.toml")
_UNSEEN = 0.5
"""Share of the closed slots that get a value which the domain does not list."""


def invented_requests(domain: Domain, n: int, seed: int) -> list[GenerationRequest]:
    """``n`` requests of 3 to all slots, each in a random order.

    Names and landmarks are all invented, and half of the values of the closed slots for which
    ``invented.toml`` has values.
    """
    parts = tomllib.loads(_PARTS.read_text(encoding="utf-8"))
    return list(_requests(domain, parts, n, seed))


def _requests(
    domain: Domain, parts: dict[str, Any], n: int, seed: int
) -> Iterator[GenerationRequest]:
    for number in range(n):
        rng = derived_rng(seed, "invented", number)
        size = rng.randint(3, len(domain.slots))
        names = rng.sample(domain.slot_names, size)
        slots = []
        for spec in domain.slots:
            if spec.name not in names:
                continue
            if spec.kind == "open":
                value = _composed(parts, spec.name, rng)
            elif spec.name in parts["values"] and rng.random() < _UNSEEN:
                value = rng.choice(parts["values"][spec.name])
            else:
                value = rng.choice(spec.values)
            slots.append(Slot(spec.name, value))
        mr = MeaningRepresentation(tuple(slots), domain.default_dialogue_act)
        yield GenerationRequest(f"invented-{number}", mr, random_plan(mr, rng))


def _composed(parts: dict[str, Any], name: str, rng: Random) -> str:
    pattern = rng.choice(parts[name]["patterns"])
    chosen = {kind: rng.choice(words) for kind, words in parts["parts"].items()}
    return str(pattern.format(**chosen))
