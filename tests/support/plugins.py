"""What tests add to registries, taken out again after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import d2t.registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from d2t.registry import Registry


def undo_registrations(monkeypatch: pytest.MonkeyPatch, registry: Registry[Any]) -> None:
    """What is registered from now on is forgotten when the test ends."""
    list(registry)  # what its own modules register stays
    for table in ("_items", "_aliases"):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))


class EntryPoint:
    """An entry point of another package; ``loads`` counts how often it was loaded."""

    def __init__(self, name: str, item: object) -> None:
        self.name = name
        self.value = f"other_package:{name}"
        self.loads = 0
        self._item = item

    def load(self) -> Any:
        self.loads += 1
        if isinstance(self._item, Exception):
            raise self._item
        return self._item


def install(
    monkeypatch: pytest.MonkeyPatch, group: str, items: Mapping[str, object]
) -> dict[str, EntryPoint]:
    """As if another package declared ``items`` as entry points of ``group``."""
    points = {name: EntryPoint(name, item) for name, item in items.items()}
    monkeypatch.setattr(
        d2t.registry,
        "entry_points",
        lambda *, group: list(points.values()) if group == wanted else [],
    )
    wanted = group
    return points
