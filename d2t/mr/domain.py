"""A domain as data: its slots, their kinds and known values, and its dialogue acts."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from d2t.errors import DomainError, did_you_mean
from d2t.io.hashing import sha256_json
from d2t.io.resources import data_root

SlotKind = Literal["open", "categorical", "boolean", "list", "numeric", "ordinal"]

_BOOLEAN_SPELLINGS = {
    "yes": "yes", "y": "yes", "true": "yes", "1": "yes",
    "no": "no", "n": "no", "false": "no", "0": "no",
}  # fmt: skip


def fold_name(name: str) -> str:
    """Spelling-free slot name: ``customer rating`` = ``customerRating`` = ``customer_rating``."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One slot of a domain.

    Attributes:
        name: canonical spelling.
        kind: ``open`` (any string, delexicalized), ``categorical``, ``boolean``, ``list``,
            ``numeric`` or ``ordinal``.
        values: known values; others are legal and flagged as unseen, except for ``open`` and
            ``numeric`` slots, where there is nothing to flag.
        aliases: other names of the slot, beyond spelling variants.
        synonyms: groups of values that tell a reader the same thing.
    """

    name: str
    kind: SlotKind
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()

    def canonical_value(self, raw: str) -> str:
        """``raw`` in the domain's spelling when it is a known value, else unchanged."""
        text = raw.strip()
        if text in self.values or self.kind == "open":
            return text
        if self.kind == "boolean":
            return _BOOLEAN_SPELLINGS.get(text.casefold(), text)
        folded = text.casefold()
        return next((value for value in self.values if value.casefold() == folded), text)

    def is_unseen(self, value: str) -> bool:
        """Whether a closed slot is given a value that the domain file does not list."""
        return self.kind not in ("open", "numeric") and value != "" and value not in self.values

    def merged(self, value: str) -> str:
        """The first member of the value's synonym group, or the value itself."""
        return next((group[0] for group in self.synonyms if value in group), value)


@dataclass(frozen=True)
class Domain:
    """Slots in display order, dialogue acts, and the folder the domain came from."""

    name: str
    slots: tuple[SlotSpec, ...]
    dialogue_acts: tuple[str, ...] = ("inform",)
    default_dialogue_act: str = "inform"
    description: str = ""
    folder: Path | None = field(default=None, compare=False)
    source: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _by_folded_name(self) -> dict[str, SlotSpec]:
        table: dict[str, SlotSpec] = {}
        for spec in self.slots:
            for spelling in (spec.name, *spec.aliases):
                table.setdefault(fold_name(spelling), spec)
        return table

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Canonical names in display order."""
        return tuple(spec.name for spec in self.slots)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the domain file's content, for signatures and manifests."""
        return sha256_json(self.source)

    def has_slot(self, name: str) -> bool:
        """Whether ``name`` is a slot of the domain, in any spelling."""
        return fold_name(name) in self._by_folded_name

    def slot(self, name: str) -> SlotSpec:
        """The slot called ``name`` in any spelling.

        Raises:
            DomainError: there is no such slot; the message names the nearest ones.
        """
        spec = self._by_folded_name.get(fold_name(name))
        if spec is None:
            hint = did_you_mean(name, self.slot_names)
            hint = hint or f"; known slots: {', '.join(self.slot_names)}"
            raise DomainError(
                f"unknown slot {name!r} in domain {self.name!r}{hint}",
                code="unknown_slot",
            )
        return spec

    def dialogue_act(self, name: str) -> str:
        """The canonical spelling of a dialogue act; raises ``DomainError`` when there is none."""
        for act in self.dialogue_acts:
            if fold_name(act) == fold_name(name):
                return act
        hint = did_you_mean(name, self.dialogue_acts)
        hint = hint or f"; known acts: {', '.join(self.dialogue_acts)}"
        raise DomainError(
            f"unknown dialogue act {name!r} in domain {self.name!r}{hint}",
            code="unknown_dialogue_act",
        )


def domain_from_dict(
    raw: dict[str, Any], *, folder: Path | None = None, where: str = "domain"
) -> Domain:
    """Build and validate a domain from the content of a ``domain.toml``.

    Raises:
        DomainError: a key is missing, unknown or of the wrong type.
    """
    allowed = {"name", "description", "dialogue_acts", "default_dialogue_act", "slots"}
    if unknown := set(raw) - allowed:
        key = sorted(unknown)[0]
        raise DomainError(f"{where}: unknown key {key!r}{did_you_mean(key, allowed)}")
    if not isinstance(raw.get("name"), str) or not isinstance(raw.get("slots"), dict):
        raise DomainError(f"{where}: expected a string 'name' and at least one table [slots.NAME]")
    specs = tuple(_slot_spec(name, table, where) for name, table in raw["slots"].items())
    acts = tuple(raw.get("dialogue_acts", ["inform"]))
    return Domain(
        name=raw["name"],
        slots=specs,
        dialogue_acts=acts,
        default_dialogue_act=raw.get("default_dialogue_act", acts[0]),
        description=raw.get("description", ""),
        folder=folder,
        source=raw,
    )


def _slot_spec(name: str, table: Any, where: str) -> SlotSpec:
    if not isinstance(table, dict):
        raise DomainError(f"{where}: [slots.{name}] must be a table with a 'kind'")
    allowed = {"kind", "values", "aliases", "synonyms"}
    if unknown := set(table) - allowed:
        key = sorted(unknown)[0]
        raise DomainError(
            f"{where}: [slots.{name}] has an unknown key {key!r}{did_you_mean(key, allowed)}"
        )
    kind = table.get("kind")
    if kind not in get_args(SlotKind):
        raise DomainError(
            f"{where}: [slots.{name}] kind is {kind!r}, expected one of {get_args(SlotKind)}"
        )
    values = tuple(table.get("values", ["yes", "no"] if kind == "boolean" else []))
    if not all(isinstance(value, str) for value in values):
        raise DomainError(f"{where}: [slots.{name}] values must be strings; quote numbers")
    return SlotSpec(
        name=name,
        kind=cast("SlotKind", kind),
        values=values,
        aliases=tuple(table.get("aliases", ())),
        synonyms=tuple(tuple(group) for group in table.get("synonyms", ())),
    )


@lru_cache(maxsize=32)
def load_domain(name_or_folder: str = "restaurant") -> Domain:
    """Load a shipped domain by name, or any domain from a folder that holds a ``domain.toml``.

    Raises:
        DomainError: no such domain, or its file is not valid.
    """
    root = data_root()
    folder = root / name_or_folder
    if not (folder / "domain.toml").is_file():
        folder = Path(name_or_folder)
    path = folder / "domain.toml"
    if not path.is_file():
        shipped = sorted(p.parent.name for p in root.glob("*/domain.toml"))
        raise DomainError(
            f"no domain {name_or_folder!r}{did_you_mean(name_or_folder, shipped)} "
            f"Shipped: {', '.join(shipped)}; or give a folder that holds a domain.toml.",
            code="unknown_domain",
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DomainError(f"{path}: not valid TOML: {error}") from error
    return domain_from_dict(raw, folder=folder, where=str(path))
