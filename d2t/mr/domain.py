"""A domain as data: its slots, their kinds and known values, and its dialogue acts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.io.hashing import sha256_json
from d2t.io.resources import data_root
from d2t.mr.quantity import known_units
from d2t.printable import CONTROL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SlotKind = Literal["open", "categorical", "boolean", "list", "numeric", "ordinal"]

_BOOLEAN_SPELLINGS = {
    "yes": "yes", "y": "yes", "true": "yes", "t": "yes", "1": "yes", "1.0": "yes",
    "no": "no", "n": "no", "false": "no", "f": "no", "0": "no", "0.0": "no",
    # as spreadsheets write them in other languages
    "wahr": "yes", "vrai": "yes", "verdadero": "yes", "verdadeiro": "yes", "vero": "yes",
    "waar": "yes", "prawda": "yes", "sant": "yes", "sand": "yes", "tosi": "yes", "igaz": "yes",
    "falsch": "no", "faux": "no", "falso": "no", "onwaar": "no", "fałsz": "no", "falskt": "no",
    "falsk": "no", "epätosi": "no", "hamis": "no",
    "ja": "yes", "oui": "yes", "sí": "yes", "si": "yes", "nein": "no", "non": "no", "nee": "no",
}  # fmt: skip


_NUMBER = re.compile(r"(-?\d+)(?:[.,](\d{1,2}))?")
_SHOWN = 60  # characters of an unknown name that a message repeats
_MAX_SLOTS = 1000
_MAX_NAME = 100  # characters of a slot, an act or the domain's name
_MAX_TEXT = 2000  # characters of a value or description
_ILLEGAL_IN_NAME = re.compile(r"[\[\](),>|\\\x00-\x1f]|^\s|\s$")
_RESERVED_NAMES = {"dialogueact", "mr"}


def _plain_number(text: str) -> str:
    """A number as a text would say it: ``4`` for ``4.0``, ``4.5`` for ``4,5``; others unchanged."""
    if (number := _NUMBER.fullmatch(text)) is None:
        return text
    whole, decimals = number[1], (number[2] or "").rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


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
        implicit: texts may say it without any wording that could be listed, as an opinion; MRs
            that are corrected from texts keep its given value where the text says no other.
        separator: stands between several values in one cell of a table; empty: it is guessed.
        units: what its quantities are in: currencies (``GBP``) or CLDR units
            (``length-kilometer``); where none is given, those of ``values``.
        scale: the most that its quantities can be, as in "out of 5"; else that of ``values``.
    """

    name: str
    kind: SlotKind
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()
    implicit: bool = False
    separator: str = ""
    units: tuple[str, ...] = ()
    scale: Decimal | None = None

    def canonical_value(self, raw: str) -> str:
        """``raw`` in the domain's spelling when it is a known value, else unchanged."""
        text = raw.strip()
        if text in self.values or self.kind == "open":
            return text
        if self.kind == "boolean":
            return _BOOLEAN_SPELLINGS.get(text.casefold(), text)
        folded = text.casefold()
        known = next((value for value in self.values if value.casefold() == folded), None)
        return known if known is not None else _plain_number(text) if self._counts() else text

    def _counts(self) -> bool:
        return self.kind in ("numeric", "ordinal")

    def is_unseen(self, value: str) -> bool:
        """Whether a closed slot is given a value that the domain file does not list."""
        return self.kind not in ("open", "numeric") and value != "" and value not in self.values

    def merged(self, value: str) -> str:
        """The first member of the value's synonym group, or the value itself."""
        return next((group[0] for group in self.synonyms if value in group), value)


@dataclass(frozen=True, slots=True)
class LexiconFile:
    """A ``lexicon.toml`` as it was read: its path for messages, its text and content.

    ``foreign``: it is another domain's; what it says of slots that this one lacks is left out.
    """

    where: str
    text: str
    foreign: bool = False
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Domain:
    """Slots in display order, dialogue acts, and the folder the domain came from.

    Attributes:
        name: identifies the domain in signatures.
        slots: in display order.
        dialogue_acts: legal acts; ``default_dialogue_act`` is meant where an MR names none.
        request_acts: the acts that ask for a slot, in which a value may be empty.
        description: one line for people.
        folder: where ``domain.toml`` is, and a ``lexicon.toml`` beside it.
        source: the content of ``domain.toml``.
        lexicons: further layers of the lexicon, above that in ``folder``; the last one on top.
    """

    name: str
    slots: tuple[SlotSpec, ...]
    dialogue_acts: tuple[str, ...] = ("inform",)
    default_dialogue_act: str = "inform"
    description: str = ""
    folder: Path | None = field(default=None, compare=False)
    source: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    request_acts: tuple[str, ...] = ()
    lexicons: tuple[LexiconFile, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, SlotSpec]:
        return {spec.name: spec for spec in self.slots}

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

    def without_values(self, left_out: Mapping[str, Collection[str]]) -> Domain:
        """The domain as if it did not list some values, which are legal all the same."""
        slots = tuple(
            replace(
                spec,
                values=tuple(v for v in spec.values if v not in left_out[spec.name]),
                synonyms=tuple(
                    tuple(v for v in group if v not in left_out[spec.name])
                    for group in spec.synonyms
                ),
            )
            if spec.name in left_out
            else spec
            for spec in self.slots
        )
        return replace(self, slots=slots)

    def has_slot(self, name: str) -> bool:
        """Whether ``name`` is a slot of the domain, in any spelling."""
        return fold_name(name) in self._by_folded_name

    def slot(self, name: str) -> SlotSpec:
        """The slot called ``name`` in any spelling.

        Raises:
            DomainError: there is no such slot; the message names the nearest ones.
        """
        spec = self._by_name.get(name) or self._by_folded_name.get(fold_name(name))
        if spec is None:
            near = did_you_mean(name[:_SHOWN], self.slot_names)
            raise DomainError(
                f"unknown slot {name[:_SHOWN]!r} in domain {self.name!r}"
                f"{near or '; known slots: ' + ', '.join(self.slot_names)}",
                code="unknown_slot",
            )
        return spec

    def dialogue_act(self, name: str) -> str:
        """The canonical spelling of a dialogue act.

        Raises:
            DomainError: there is no such act; the message names the nearest ones.
        """
        if name in self.dialogue_acts:
            return name
        for act in self.dialogue_acts:
            if fold_name(act) == fold_name(name):
                return act
        near = did_you_mean(name[:_SHOWN], self.dialogue_acts)
        raise DomainError(
            f"unknown dialogue act {name[:_SHOWN]!r} in domain {self.name!r}"
            f"{near or '; known acts: ' + ', '.join(self.dialogue_acts)}",
            code="unknown_dialogue_act",
        )


def domain_from_dict(
    raw: dict[str, Any], *, folder: Path | None = None, where: str = "domain"
) -> Domain:
    """Build and validate a domain from the content of a ``domain.toml``.

    Raises:
        DomainError: a key is missing, unknown or of the wrong type, or two slots share a name.
    """
    allowed = {
        "name", "description", "dialogue_acts", "default_dialogue_act", "request_acts", "slots",
    }  # fmt: skip
    if unknown := set(raw) - allowed:
        key = sorted(unknown)[0]
        raise DomainError(f"{where}: unknown key {key!r}{did_you_mean(key, allowed)}")
    tables = raw.get("slots")
    if not isinstance(raw.get("name"), str) or not isinstance(tables, dict) or not tables:
        raise DomainError(f"{where}: expected a string 'name' and at least one table [slots.NAME]")
    if len(tables) > _MAX_SLOTS:
        raise DomainError(f"{where}: {len(tables):,} slots; a domain has at most {_MAX_SLOTS:,}")
    description = raw.get("description", "")
    _check_text(raw["name"], _MAX_NAME, f"{where}: name")
    _check_text(description, _MAX_TEXT, f"{where}: description", is_name=False)
    acts = _strings(raw, "dialogue_acts", where, ["inform"])
    requests = _strings(raw, "request_acts", where, [])
    default = raw.get("default_dialogue_act", acts[0] if acts else "")
    for act in (default, *requests):
        if act not in acts:
            raise DomainError(
                f"{where}: {_short(act)} is not among the dialogue_acts {_short(list(acts))}"
            )
    for act in acts:
        _check_text(act, _MAX_NAME, f"{where}: a dialogue act")
    if illegal := [act for act in acts if _ILLEGAL_IN_NAME.search(act) or not act.strip()]:
        raise DomainError(f"{where}: a dialogue act may not be called {illegal[0]!r}")
    specs = tuple(_slot_spec(name, table, where) for name, table in tables.items())
    _check_names(specs, where)
    return Domain(
        name=raw["name"],
        slots=specs,
        dialogue_acts=acts,
        default_dialogue_act=default,
        request_acts=requests,
        description=description,
        folder=folder,
        source=raw,
    )


def _slot_spec(name: str, table: Any, where: str) -> SlotSpec:
    _check_text(name, _MAX_NAME, f"{where}: the name of a slot")
    where = f"{where}: [slots.{name}]"
    if not isinstance(table, dict):
        raise DomainError(f"{where} must be a table with a 'kind'")
    allowed = {"kind", "values", "aliases", "synonyms", "implicit", "separator", "units", "scale"}
    if unknown := set(table) - allowed:
        key = sorted(unknown)[0]
        raise DomainError(f"{where} has an unknown key {key!r}{did_you_mean(key, allowed)}")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in get_args(SlotKind):
        raise DomainError(
            f"{where} kind is {_short(kind)}, expected one of {', '.join(get_args(SlotKind))}"
        )
    values = _strings(table, "values", where, ["yes", "no"] if kind == "boolean" else [])
    groups = table.get("synonyms", [])
    if not isinstance(groups, list):
        raise DomainError(f"{where} synonyms must be a list of lists of values")
    synonyms = tuple(_strings({"synonyms": group}, "synonyms", where, []) for group in groups)
    listed = frozenset(values)
    for value in (value for group in synonyms for value in group):
        if value not in listed:
            raise DomainError(
                f"{where} synonyms name {_short(value)}, not a value{did_you_mean(value, values)}"
            )
    kind = cast("SlotKind", kind)
    implicit = table.get("implicit", False)
    if not isinstance(implicit, bool):
        raise DomainError(f"{where} implicit is {_short(implicit)}, expected true or false")
    separator = table.get("separator", "")
    if not isinstance(separator, str):
        raise DomainError(
            f'{where} separator is {_short(separator)}, expected a string such as "|"'
        )
    aliases = _strings(table, "aliases", where, [])
    units = _strings(table, "units", where, [])
    if units and (strange := [unit for unit in units if unit not in known_units()]):
        raise DomainError(
            f"{where} units: {_short(strange[0])} is no currency code, such as GBP, and no unit"
            f"{did_you_mean(strange[0], known_units())}"
        )
    scale = table.get("scale")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, int) or scale < 1):
        raise DomainError(f"{where} scale is {_short(scale)}, expected a whole number such as 5")
    return SlotSpec(
        name, kind, values, aliases, synonyms, implicit, separator, units,
        None if scale is None else Decimal(scale),
    )  # fmt: skip


def _strings(table: dict[str, Any], key: str, where: str, default: list[str]) -> tuple[str, ...]:
    found = table.get(key, default)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise DomainError(f"{where}: {key} must be a list of strings; quote numbers")
    for item in found:
        if len(item) > _MAX_TEXT:
            _check_text(item, _MAX_TEXT, f"{where}: {key}: {_short(item)}", is_name=False)
    return tuple(found)


def _check_text(text: object, most: int, what: str, *, is_name: bool = True) -> None:
    """Refuse what is too long for a message or a table; names hold no control characters."""
    if not isinstance(text, str):
        raise DomainError(f"{what} must be a string, not {_short(text)}")
    if len(text) > most:
        raise DomainError(f"{what} has {len(text):,} characters, more than {most:,}; shorten it")
    if is_name and (control := CONTROL.search(text)) is not None:
        raise DomainError(
            f"{what} holds the control character U+{ord(control[0]):04X}; leave it out"
        )


def _short(value: object) -> str:
    """``value`` as a message repeats it."""
    text = repr(value[: _SHOWN + 1] if isinstance(value, (str, list)) else value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _check_names(specs: tuple[SlotSpec, ...], where: str) -> None:
    """Names must be writable in MRs and plans, and no two slots may answer to the same one."""
    owner: dict[str, str] = {}
    for spec in specs:
        for spelling in (spec.name, *spec.aliases):
            _check_text(spelling, _MAX_NAME, f"{where}: a name of a slot")
            if _ILLEGAL_IN_NAME.search(spelling) or not fold_name(spelling):
                raise DomainError(
                    f"{where}: a slot may not be called {_short(spelling)}; "
                    "leave out brackets, commas, '>', '|' and backslashes"
                )
            if fold_name(spelling) in _RESERVED_NAMES:
                raise DomainError(f"{where}: a slot may not be called {spelling!r}; it is reserved")
            other = owner.setdefault(fold_name(spelling), spec.name)
            if other != spec.name:
                raise DomainError(
                    f"{where}: slots {other!r} and {spec.name!r} both answer to {_short(spelling)}"
                )


@lru_cache(maxsize=32)
def load_domain(name_or_folder: str = "restaurant") -> Domain:
    """Load a shipped domain by name, or any domain from a folder that holds a ``domain.toml``.

    Raises:
        DomainError: no such domain, or its file is not valid.
    """
    root = data_root()
    folders = [root / name_or_folder, Path(name_or_folder)] if "\0" not in name_or_folder else []
    folder = next((folder for folder in folders if (folder / "domain.toml").is_file()), None)
    if folder is None:
        shipped = sorted(p.parent.name for p in root.glob("*/domain.toml"))
        raise DomainError(
            f"no domain {name_or_folder!r}{did_you_mean(name_or_folder, shipped)} "
            f"(shipped: {', '.join(shipped)}; or give a folder that holds a domain.toml)",
            code="unknown_domain",
        )
    path = folder / "domain.toml"
    try:
        raw, _ = read_toml(path)
    except FileFault as error:
        raise DomainError(f"{path}: {error}") from error
    return domain_from_dict(raw, folder=folder, where=str(path))
