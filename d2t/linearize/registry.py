"""Strategies by name.

To add one: write a file like ``increasing_frequency.py`` with a subclass of ``StrategyBase``, and
list the class in ``STRATEGIES`` below. From another package, declare it as an entry point of group
``d2t.strategies`` (``mine = "my_package.orders:MyOrder"``) and nothing here changes.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError, ConfigError, did_you_mean
from d2t.linearize.alignment import AlignmentTraining
from d2t.linearize.fixed_position import FixedPosition
from d2t.linearize.increasing_frequency import IncreasingFrequency
from d2t.linearize.random_order import RandomOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.linearize.base import Strategy

STRATEGIES: tuple[type[Strategy], ...] = (
    RandomOrder,
    IncreasingFrequency,
    FixedPosition,
    AlignmentTraining,
)
ENTRY_POINT_GROUP = "d2t.strategies"


def strategy_class(name_or_alias: str) -> type[Strategy]:
    """The strategy called ``name_or_alias``: ``alignment`` or ``at``, in any case, ``-`` as ``_``.

    Raises:
        ConfigError: there is no such strategy; the message lists what there is.
    """
    wanted = name_or_alias.strip().lower().replace("-", "_")
    for found in STRATEGIES:
        if wanted in (found.name, found.alias):
            return found
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    for point in points.values():
        loaded: type[Strategy] = point.load()
        if wanted in (point.name, loaded.name, loaded.alias):
            return loaded
    known = [name for cls in STRATEGIES for name in (cls.name, cls.alias)] + list(points)
    raise ConfigError(
        f"unknown linearization strategy {name_or_alias!r}{did_you_mean(wanted, known)} "
        f"(known: {', '.join(f'{cls.name} ({cls.alias})' for cls in STRATEGIES)})",
        code="unknown_strategy",
    )


def make_strategy(name_or_alias: str) -> Strategy:
    """An unfitted strategy; call ``fit`` before ``order``."""
    return strategy_class(name_or_alias)()


def restore_strategy(state: Mapping[str, Any]) -> Strategy:
    """The fitted strategy whose ``state()`` this is.

    Raises:
        BundleError: the state names no strategy or lacks its tables.
    """
    try:
        return strategy_class(state["name"]).from_state(dict(state))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"cannot restore the linearization strategy: bad or missing entry ({error!r}) in its "
            "saved state; the bundle is damaged or of another version: copy or train it again"
        ) from error
