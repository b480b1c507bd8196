"""IF: rare slots first, frequent slots last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from d2t.linearize.base import StrategyBase
from d2t.linearize.frequency import FrequencyTable
from d2t.mr.types import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


class IncreasingFrequency(StrategyBase):
    """Slots by their count in the training plans, ascending (Kedzie & McKeown 2020, "IF"; rule O2).

    Values of one slot stand together, by filler count ascending. Ties go by slot name, then value;
    the paper's code breaks them by the MR's order on E2E, which would let the input's order leak
    through.
    """

    name: ClassVar[str] = "increasing_frequency"
    alias: ClassVar[str] = "if"

    def __init__(self, table: FrequencyTable | None = None) -> None:
        self.table = table or FrequencyTable()

    def fit(self, corpus: Iterable[Example], domain: Domain) -> Self:
        """Count slots and fillers of the aligned training plans."""
        self.table = FrequencyTable.fit(corpus, domain)
        return self

    def order(self, example: Example, *, rng: Random) -> Plan:
        """The MR's slots, the rarest first; ``rng`` is not used."""
        return Plan(tuple(sorted(example.mr.slots, key=self.table.key)))

    def state(self) -> dict[str, Any]:
        """Name and counts."""
        return {"name": self.name, **self.table.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore the counts."""
        return cls(FrequencyTable.from_state(state))
