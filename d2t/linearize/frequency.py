"""How often slots and their fillers occur in the aligned training plans (rule O2, statistics)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

_HIDDEN = ""
"""Filler key of every value of an open slot: statistics are delexicalized (rule O1.5)."""


@dataclass(frozen=True)
class FrequencyTable:
    """Utterances per slot filler, counted once per utterance, and their sums per slot.

    Attributes:
        slot_counts: c_s of rule O2; every slot of the domain, 0 when never seen.
        filler_counts: c_sf, by slot name and value; open slots have the one key ``""``.
    """

    slot_counts: dict[str, int] = field(default_factory=dict)
    filler_counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def fit(cls, corpus: Iterable[Example], domain: Domain) -> FrequencyTable:
        """Count the aligned plan of each example, or its MR where no plan is known."""
        hidden = {spec.name for spec in domain.slots if spec.kind == "open"}
        slots: Counter[str] = Counter(dict.fromkeys(domain.slot_names, 0))
        fillers: dict[str, Counter[str]] = {}
        for example in corpus:
            said = example.plan.slots if example.plan is not None else example.mr.slots
            distinct = {(s.name, _HIDDEN if s.name in hidden else s.value) for s in said}
            for name, value in distinct:
                slots[name] += 1
                fillers.setdefault(name, Counter())[value] += 1
        table = {name: dict(sorted(counts.items())) for name, counts in sorted(fillers.items())}
        return cls(dict(sorted(slots.items())), table)

    def slot_key(self, name: str) -> tuple[int, str]:
        """Sort key of a slot: c_s ascending, ties by name (rule W11)."""
        return self.slot_counts.get(name, 0), name

    def key(self, slot: Slot) -> tuple[int, str, int, str]:
        """Sort key of a slot–value pair: its slot's key, then c_sf ascending, ties by value.

        A filler never seen in training counts 0; the paper's code looks it up and fails (rule W12).
        """
        fillers = self.filler_counts.get(slot.name, {})
        count = fillers.get(slot.value, fillers.get(_HIDDEN, 0))
        return (*self.slot_key(slot.name), count, slot.value)

    def state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"slot_counts": self.slot_counts, "filler_counts": self.filler_counts}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FrequencyTable:
        """Restore what ``state`` returned."""
        return cls(
            dict(state["slot_counts"]), {k: dict(v) for k, v in state["filler_counts"].items()}
        )
