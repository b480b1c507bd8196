"""The seam of the linearization strategies: order an MR's slots before a generator reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from d2t.errors import BundleError
from d2t.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan, Slot

Entry = tuple[str, "Slot | None"]
"""One position of a source: a slot's name, and the slot, or None where it is shown as absent."""


@runtime_checkable
class Strategy(Protocol):
    """One way to order the slots of an MR (Kedzie & McKeown 2020, §3; rule O2).

    A strategy is fitted on the aligned training corpus, orders examples, and its fitted tables are
    JSON-able so that a bundle restores exactly what was trained.
    """

    name: ClassVar[str]
    """Canonical name (``random``, ``increasing_frequency``, ``fixed_position``, ``alignment``)."""
    alias: ClassVar[str]
    """The paper's short name (``rnd``, ``if``, ``fp``, ``at``)."""
    needs_planner: ClassVar[bool]
    """True when the order of an unseen MR must come from a user or a planner (``alignment``)."""
    reads_plans: ClassVar[bool]
    """False when the source keeps its own order whatever plan is asked for (``fixed_position``)."""
    plans_sentences: ClassVar[bool]
    """True when the source shows the sentence breaks of a plan (``alignment``)."""

    def fit(self, corpus: Iterable[Example], domain: Domain) -> Self:
        """Fit on training examples whose ``plan`` is the aligned order; returns ``self``."""
        ...

    def order(self, example: Example, *, rng: Random) -> Plan:
        """The order in which the generator reads the MR: a permutation of its slots.

        Except ``alignment``, which returns ``example.plan`` with its repeats; only it reads that.
        """
        ...

    def layout(self, plan: Plan) -> tuple[Entry, ...]:
        """The positions of the source for ``plan``: its slots, and absent ones where shown."""
        ...

    def state(self) -> dict[str, Any]:
        """The fitted tables with the strategy's ``name``, JSON-able."""
        ...

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore what ``state`` returned."""
        ...


class StrategyBase(ABC):
    """What most strategies share: nothing to fit, the plan itself as layout, a name as state.

    A new strategy subclasses this in one file, sets ``name`` and ``alias``, defines ``order`` and
    is registered with ``STRATEGIES.register(name, alias)``, or as an entry point of group
    ``d2t.strategies`` in another package.
    """

    name: ClassVar[str]
    alias: ClassVar[str]
    needs_planner: ClassVar[bool] = False
    reads_plans: ClassVar[bool] = True
    plans_sentences: ClassVar[bool] = False

    def fit(self, corpus: Iterable[Example], domain: Domain) -> Self:
        """Nothing to fit."""
        return self

    @abstractmethod
    def order(self, example: Example, *, rng: Random) -> Plan:
        """The order in which the generator reads the MR."""

    def layout(self, plan: Plan) -> tuple[Entry, ...]:
        """The plan's slots and nothing else."""
        return tuple((slot.name, slot) for slot in plan.slots)

    def state(self) -> dict[str, Any]:
        """The strategy's name."""
        return {"name": self.name}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """A strategy without tables."""
        return cls()


_BUILTIN = ("random", "increasing_frequency", "fixed_position", "alignment")
STRATEGIES: Registry[type[Strategy]] = Registry(
    "linearization strategy",
    "d2t.strategies",
    dict.fromkeys(_BUILTIN, "d2t.linearize.strategies"),
    code="unknown_strategy",
)
"""All strategies by name and alias."""


def make_strategy(name_or_alias: str) -> Strategy:
    """An unfitted strategy; call ``fit`` before ``order``.

    Raises:
        ConfigError: there is no such strategy; the message lists what there is.
    """
    return STRATEGIES.get(name_or_alias)()


def restore_strategy(state: Mapping[str, Any]) -> Strategy:
    """The fitted strategy whose ``state()`` this is.

    Raises:
        BundleError: the state names no strategy or lacks its tables.
    """
    try:
        return STRATEGIES.get(state["name"]).from_state(dict(state))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"cannot restore the linearization strategy: bad or missing entry ({error!r}) in its "
            "saved state; the bundle is damaged or of another version: copy or train it again"
        ) from error
