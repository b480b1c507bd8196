"""RND: a uniformly random order, drawn anew each time an example is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from d2t.linearize.base import StrategyBase
from d2t.mr.types import Plan

if TYPE_CHECKING:
    from random import Random

    from d2t.corpus.types import Example


class RandomOrder(StrategyBase):
    """Uniform shuffle of the slots (Kedzie & McKeown 2020, "RND"; rule O2).

    The caller decides when it is resampled by what ``rng`` it passes: the trainer derives one from
    (seed, epoch, example), which gives a new order at every reading, and one frozen order for
    validation.
    """

    name: ClassVar[str] = "random"
    alias: ClassVar[str] = "rnd"

    def order(self, example: Example, *, rng: Random) -> Plan:
        """A shuffle; it depends on ``rng`` and the multiset of slots, not on their order."""
        slots = sorted(example.mr.slots)
        rng.shuffle(slots)
        return Plan(tuple(slots))
