"""Sources and targets of a model whose decoder says the plan before the utterance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from d2t.language.symbols import COUNTERFACTUAL, FACTUAL


@dataclass(frozen=True, slots=True)
class PlanFirst:
    """SCOTT's format with the plan as rationale (rules F3.2, F5.6).

    The source begins with the tag, the target with the tag, the plan and ``<say>``. At inference
    the tag is ``<factual>`` and the plan orders the MR's own slots.

    Attributes:
        tags: whether there are tags; a switch in the source's code too.
    """

    tags: bool = True

    def tag(self, *, factual: bool) -> tuple[str, ...]:
        """What source and target begin with."""
        if not self.tags:
            return ()
        return (FACTUAL if factual else COUNTERFACTUAL,)

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore what ``state`` returned; raises ``KeyError`` where something is missing."""
        return cls(bool(state["tags"]))
