"""The values a model has met in training: others are copied through a placeholder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot


@dataclass(frozen=True)
class Inventory:
    """Known values by slot; open and numeric slots have none, they are always delexicalized."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        corpus: Iterable[Example],
        domain: Domain,
        *,
        min_count: int = 3,
        min_share: float = 0.002,
    ) -> Inventory:
        """Values that enough training MRs have to have been learnt, by number and by share.

        A rare one is better copied: a model that met "4 out of 5" 14 times says "3 out of 5".
        """
        closed = {spec.name for spec in domain.slots if spec.kind not in ("open", "numeric")}
        counts: Counter[Slot] = Counter()
        n = 0
        for example in corpus:
            n += 1
            counts.update(slot for slot in set(example.mr.slots) if slot.name in closed)
        least = max(min_count, min_share * n)
        known = sorted(slot for slot, count in counts.items() if count >= least)
        return cls(
            {name: tuple(s.value for s in known if s.name == name) for name in sorted(closed)}
        )

    @classmethod
    def of_domain(cls, domain: Domain) -> Inventory:
        """The values that the domain file lists, where there is no corpus to fit on."""
        return cls({s.name: s.values for s in domain.slots if s.kind not in ("open", "numeric")})

    def __contains__(self, slot: Slot) -> bool:
        return slot.value in self.values.get(slot.name, ())

    def state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {name: list(values) for name, values in self.values.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Inventory:
        """Restore what ``state`` returned."""
        return cls({name: tuple(values) for name, values in state.items()})
