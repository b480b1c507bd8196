"""``[objective]``: the options of what training learns beside the likelihood of the references.

An objective is registered under its name, and ``[objective] name = "..."`` chooses it. What is here
concerns the configuration file; ``d2t.train.loop.objective`` has what an objective does in a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from d2t.errors import ConfigError
from d2t.registry import Registry
from d2t.section import Section

if TYPE_CHECKING:
    from d2t.linearize.plan_first import PlanFirst


class ObjectiveOptions(Section):
    """The table of one objective; a subclass adds its options.

    Attributes:
        name: under which the class is registered.
        default_strategy: the strategy of configurations that choose this objective and name none;
            None is the usual one.
    """

    name: str
    default_strategy: ClassVar[str | None] = None

    @property
    def plan_first(self) -> PlanFirst | None:
        """How the decoder writes the plan before the utterance; None: it does not."""
        return None

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        """Raise ``ValueError`` where the rest of the configuration does not go with it."""


OBJECTIVES: Registry[type[ObjectiveOptions]] = Registry(
    "training objective",
    "d2t.objectives",
    {
        "counterfactual": "d2t.recipes.counterfactual",
        "conseq": "d2t.recipes.conseq.objective",
    },
)
"""The objectives by name."""


def objective_class(table: Any) -> type[ObjectiveOptions]:
    """The class that a raw ``[objective]`` table names.

    Raises:
        ValueError: it is no table, has no name, or the name is not registered.
    """
    if not isinstance(table, dict) or not isinstance(name := table.get("name"), str):
        raise ValueError(f"give objective.name, one of {', '.join(OBJECTIVES.names())}")
    try:
        return OBJECTIVES.get(name)
    except ConfigError as error:
        raise ValueError(str(error)) from error
