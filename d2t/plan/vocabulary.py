"""What a neural planner knows by name: slots, values, dialogue acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from d2t.plan.base import hidden_slots, slot_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot
    from d2t.plan.base import Token


@dataclass(frozen=True)
class PlanVocabulary:
    """Rows of the network's tables; row 0 is whatever is not listed.

    Attributes:
        slots, values, acts: what has a row, from row 1 on. A value is listed with its slot; None is
            any value of a slot whose values are hidden.
        hidden: slots whose values are not seen.
    """

    slots: tuple[str, ...]
    values: tuple[Token, ...]
    acts: tuple[str, ...]
    hidden: frozenset[str]

    def __post_init__(self) -> None:
        for name, entries in (("_slot", self.slots), ("_value", self.values), ("_act", self.acts)):
            rows = {entry: row for row, entry in enumerate(entries, start=1)}
            object.__setattr__(self, name, rows)

    @classmethod
    def fit(cls, examples: Iterable[Example], domain: Domain) -> Self:
        """What occurs in the plans of the examples, sorted."""
        hidden = hidden_slots(domain)
        acts: set[str] = set()
        tokens: set[Token] = set()
        for example in examples:
            if example.plan is not None and example.plan.slots:
                acts.add(example.mr.dialogue_act)
                tokens |= {slot_token(slot, hidden) for slot in example.plan.slots}
        return cls(
            slots=tuple(sorted({name for name, _ in tokens})),
            values=tuple(sorted(tokens, key=lambda token: (token[0], token[1] or ""))),
            acts=tuple(sorted(acts)),
            hidden=hidden,
        )

    def rows(self, slots: Sequence[Slot]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the slots' names and of their values."""
        slot_rows: dict[str, int] = self._slot  # type: ignore[attr-defined]
        value_rows: dict[Token, int] = self._value  # type: ignore[attr-defined]
        names = [slot_rows.get(slot.name, 0) for slot in slots]
        values = [value_rows.get(slot_token(slot, self.hidden), 0) for slot in slots]
        return np.array(names, dtype=np.int64), np.array(values, dtype=np.int64)

    def act_row(self, act: str) -> int:
        """Row of a dialogue act."""
        rows: dict[str, int] = self._act  # type: ignore[attr-defined]
        return rows.get(act, 0)

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "slots": list(self.slots),
            "values": [list(token) for token in self.values],
            "acts": list(self.acts),
            "hidden": sorted(self.hidden),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore what ``state`` returned; KeyError, TypeError or ValueError when it is damaged."""
        values = [(str(name), value) for name, value in state["values"]]
        if any(value is not None and not isinstance(value, str) for _, value in values):
            raise ValueError("a value is not a string")
        texts = [state[key] for key in ("slots", "acts", "hidden")]
        if any(not isinstance(text, str) for group in texts for text in group):
            raise ValueError("a name is not a string")
        return cls(tuple(texts[0]), tuple(values), tuple(texts[1]), frozenset(texts[2]))
