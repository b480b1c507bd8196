"""d2t/README.md names every room, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "d2t"


def named() -> set[str]:
    """The paths in code spans: ``mr/``, ``generate/verified.py``."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    spans = re.findall(r"`([a-z_0-9/]+(?:/|\.py))`", text)
    return {span.rstrip("/") for span in spans}


def rooms() -> set[str]:
    folders = {path.parent for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    return {str(folder.relative_to(PACKAGE)) for folder in folders - {PACKAGE}}


def test_what_the_map_names_exists() -> None:
    assert "generate" in named()
    places = (PACKAGE, ROOT)
    assert [name for name in sorted(named()) if not any((p / name).exists() for p in places)] == []


def test_every_room_is_on_the_map() -> None:
    whole = {room for room in rooms() if not room.startswith("cli/")}
    assert sorted(whole - named()) == []
