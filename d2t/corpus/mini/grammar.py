"""The grammar file of the embedded corpus as an object that offers phrases."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError
from d2t.io.resources import data_root

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from d2t.mr.types import Slot


def mini_folder() -> Path:
    """Where the embedded corpus and its grammar are."""
    return data_root() / "restaurant" / "mini"


@dataclass(frozen=True)
class Parts:
    """The slots that play a part in sentences: the name, the noun, what it sells, where it is."""

    name: str
    noun: str
    goods: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Grammar:
    """Phrases by slot, value and role; parts, subjects, shapes and open values."""

    slots: dict[str, dict[str, Any]]
    subjects: dict[str, list[str]]
    shapes: dict[str, int]
    open_values: dict[str, dict[str, list[str]]]
    parts: Parts

    @classmethod
    def load(cls, path: Path | None = None) -> Grammar:
        """Read a grammar file, by default the one that ships with d2t.

        Raises:
            DataError: the file is absent, not TOML, or lacks a table.
        """
        path = path or mini_folder() / "grammar.toml"
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            parts = Parts(**{**raw["parts"], "places": tuple(raw["parts"]["places"])})
            return cls(raw["slots"], raw["subjects"], raw["shapes"], raw["open"], parts)
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise DataError(f"{path}: not a grammar file: {error!r}") from error

    def phrases(self, slot: Slot, role: str) -> list[str]:
        """The phrases of ``slot`` in ``role``: its value's own and the slot's; maybe none.

        A value's own adjectives stand instead of the slot's; in other roles they are added.
        """
        general = self.slots[slot.name]
        own = general.get("values", {}).get(slot.value, {})
        patterns = list(own.get(role, ()))
        if role != "adj" or not patterns:
            patterns += general.get(role, ())
        nouns = own.get("np", general.get("np", ()))
        return [
            phrase.replace("{v}", slot.value)
            for pattern in patterns
            for phrase in (
                [pattern.replace("{np}", n) for n in nouns] if "{np}" in pattern else [pattern]
            )
        ]

    def pick(self, slot: Slot, role: str, rng: Random) -> str | None:
        """One phrase at random, or None when the slot cannot be said in that role."""
        phrases = self.phrases(slot, role)
        return rng.choice(phrases) if phrases else None

    def rank(self, slot: Slot) -> int:
        """Place among adjectives: smaller comes first in English."""
        return int(self.slots[slot.name].get("rank", 0))
