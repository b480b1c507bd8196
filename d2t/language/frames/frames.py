"""The frames of a domain, read from its ``frames.toml``, and how a value is put into them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.language.delex import starts_with_article
from d2t.language.frames.kinds import WordKind, english_kinds, kind_of, read_kinds
from d2t.mr.domain_files import FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

ROLES = (
    "modifier", "place", "after", "has", "passive", "active", "adjective", "verb", "clause",
)  # fmt: skip
"""The ways in which a value can stand in a clause; ``data/restaurant/frames.toml`` tells them."""

A = "\x01"
"""Stands for "a" or "an" until the word behind it is known."""

_FIELDS = re.compile(r"(\{[vo]\}|\[[^\]]*\])")
_A = re.compile(r"(?<![\w'’-])an? (?=\{v\}|\[)")


class Piece(NamedTuple):
    """Words of a text, and the slot that they say, if they say one.

    ``literal``: a name, which keeps its letters at the start of a sentence.
    """

    text: str
    slot: Slot | None = None
    literal: bool = False


Phrase = tuple[Piece, ...]


@dataclass(frozen=True)
class Frames:
    """How the values of a domain stand in clauses.

    Attributes:
        name: the slot that names what is spoken of.
        head: the slot whose values are the nouns for it.
        nouns: what it is called where no value of ``head`` is at hand.
        ranks: of the slots, among modifiers: the smaller stands further from the noun.
        tables: slot -> value or kind -> role -> wordings, the best first.
        kinds: the kinds that are told by words.
        told: slot -> value -> kind, where guessing would err.
        skeletons: what the composer remembers of shapes of MRs.
    """

    name: str = ""
    head: str = ""
    nouns: tuple[str, ...] = ("one",)
    ranks: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    kinds: Mapping[str, WordKind] = field(default_factory=dict)
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    skeletons: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _small(self) -> frozenset[str]:
        """First words of common nouns, which are written small inside a sentence."""
        return frozenset(
            word.split()[0]
            for kind in self.kinds.values()
            if not kind.capital
            for word in kind.spellings
            if word[:1].islower()
        )

    @cached_property
    def openers(self) -> frozenset[str]:
        """The first words of all wordings."""
        firsts = (wording.split()[0] for wording in self._wordings() if wording.strip())
        return frozenset(word for word in firsts if word.isalpha())

    @cached_property
    def things(self) -> frozenset[str]:
        """What modifiers stand before, beside other values: the nouns, and "food"."""
        return frozenset((*self.nouns, *(word for tail in self._tails() for word in tail.split())))

    def _wordings(self) -> Iterator[str]:
        for tables in self.tables.values():
            for roles in tables.values():
                for role in ROLES:
                    yield from roles.get(role, ())

    def _tails(self) -> Iterator[str]:
        for tables in self.tables.values():
            for roles in tables.values():
                yield roles.get("object", "{v}").partition("{v}")[2]

    def says(self, slot: Slot) -> bool:
        """Whether there is any frame for the value."""
        return slot.name in (self.name, self.head) or self.table(slot) is not None

    def kind(self, slot: Slot) -> str | None:
        """The value's own table or its kind, among those that the slot has frames for."""
        tables = self.tables.get(slot.name, {})
        if (told := self.told.get(slot.name, {}).get(slot.value)) in tables:
            return told
        if slot.value in tables and slot.value not in self.kinds:
            return slot.value
        return kind_of(slot.value, tuple(tables), self.kinds)

    def table(self, slot: Slot) -> Mapping[str, Any] | None:
        """The frames for the value by role; None where there are none."""
        kind = self.kind(slot)
        return None if kind is None else self.tables[slot.name][kind]

    def spelled(self, slot: Slot) -> str:
        """The value as it is written inside a sentence: ``fast food`` for ``Fast food``."""
        value = slot.value
        if slot.name == self.name or value[1:] != value[1:].lower():
            return value
        kind = self.kinds.get(self.kind(slot) or "")
        if slot.name != self.head and (kind is None or kind.capital):
            return value
        first = value.split()[0].lower() if value.split() else ""
        return value[0].lower() + value[1:] if first in self._small else value

    def phrases(self, group: Sequence[Slot], role: str) -> list[Phrase]:
        """The wordings of adjacent values of one slot in a role: "serves Thai and street food"."""
        tables = [self.table(slot) for slot in group]
        wordings = [tuple(table.get(role, ())) if table else () for table in tables]
        if not all(wordings):
            return []
        shared = [w for w in wordings[0] if all(w in other for other in wordings[1:])]
        if len(group) == 1 or any("{" in w for w in shared):
            of_all = [w for w in shared if "{" in w or len(group) == 1]
            return [self._filled(wording, group, tables) for wording in of_all]
        parts = [
            self._filled(w[0], [s], [t]) for w, s, t in zip(wordings, group, tables, strict=True)
        ]
        return [listed(parts)]

    def named(self, group: Sequence[Slot]) -> Phrase:
        """The values as names or nouns."""
        literal = group[0].name == self.name
        return listed([(Piece(self.spelled(slot), slot, literal),) for slot in group])

    def _filled(
        self, wording: str, group: Sequence[Slot], tables: Sequence[Mapping[str, Any] | None]
    ) -> Phrase:
        parts: list[Piece] = []
        for part in _FIELDS.split(_A.sub(A + " ", wording)):
            if part == "{v}":
                if (
                    parts
                    and parts[-1].text.endswith("the ")
                    and starts_with_article(group[0].value)
                ):
                    parts[-1] = Piece(parts[-1].text.removesuffix("the "))
                parts += listed([(Piece(self.spelled(slot), slot),) for slot in group])
            elif part == "{o}":
                parts += self._objects(group, tables)
            elif part.startswith("["):
                parts.append(Piece(part[1:-1], group[0]))
            elif part:
                parts.append(Piece(part))
        if not any(part.slot for part in parts):
            return tuple(part._replace(slot=group[0]) for part in parts)
        return tuple(parts)

    def _objects(self, group: Sequence[Slot], tables: Sequence[Mapping[str, Any] | None]) -> Phrase:
        """The things: "Thai food", "burgers and Thai food", "Thai and street food"."""
        patterns = [(table or {}).get("object", "{v}") for table in tables]
        phrases = []
        for at, (slot, pattern) in enumerate(zip(group, patterns, strict=True)):
            tail = pattern.partition("{v}")[2]
            after = group[at + 1] if at + 1 < len(group) else None
            if after is not None and tail:
                following = patterns[at + 1].replace("{v}", after.value)
                if (
                    following.endswith(tail) and following != after.value
                ) or after.value.lower().endswith(tail):
                    tail = ""
            phrase = [Piece(self.spelled(slot), slot)]
            if tail and not slot.value.lower().endswith(tail):
                phrase.append(Piece(tail))
            phrases.append(tuple(phrase))
        return listed(phrases)


def listed(phrases: Sequence[Phrase]) -> Phrase:
    """``A``, ``A and B``, ``A, B and C``."""
    parts: list[Piece] = []
    for at, phrase in enumerate(phrases):
        if at:
            parts.append(Piece(" and " if at == len(phrases) - 1 else ", "))
        parts += phrase
    return tuple(parts)


def load_frames(domain: Domain) -> Frames | None:
    """The frames beside a domain's file; None where it has none.

    Raises:
        DomainError: the file does not fit the domain.
    """
    if domain.folder is None or not (domain.folder / FRAMES).is_file():
        return None
    return _read(domain.folder / FRAMES, domain)


@lru_cache(maxsize=32)
def _read(path: Path, domain: Domain) -> Frames:
    try:
        raw, _ = read_toml(path)
    except FileFault as error:
        raise DomainError(f"{path}: {error}") from error
    return frames_from_dict(raw, domain, where=str(path))


_KEYS = ("name", "head", "nouns", "slots", "kinds")


def frames_from_dict(raw: Mapping[str, Any], domain: Domain, *, where: str = FRAMES) -> Frames:
    """Frames from the content of a ``frames.toml``.

    Raises:
        DomainError: a key is unknown or of the wrong type, or names no slot of the domain.
    """
    _known(raw, _KEYS, where)
    slots = raw.get("slots", {})
    if not isinstance(slots, dict):
        raise DomainError(f"{where}: expected tables [slots.NAME.KIND]")
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    ranks: dict[str, int] = {}
    told: dict[str, dict[str, str]] = {}
    for name, content in slots.items():
        slot = domain.slot(name).name
        place = f"{where}: [slots.{name}]"
        if not isinstance(content, dict) or not isinstance(content.get("rank", 5), int):
            raise DomainError(f"{place}: expected a table with a whole number 'rank'")
        ranks[slot] = content.get("rank", 5)
        tables[slot] = {}
        for kind, roles in content.items():
            if kind == "rank":
                continue
            if kind == "values":
                told[slot] = _told_kinds(roles, content, f"{place}: values")
                continue
            if not isinstance(roles, dict):
                raise DomainError(f"{place}: {kind!r}: expected a table of roles")
            _known(roles, (*ROLES, "object"), f"{place}: {kind}")
            for role, wordings in roles.items():
                if role == "object":
                    continue
                if not isinstance(wordings, list) or not all(isinstance(w, str) for w in wordings):
                    raise DomainError(f"{place}: {kind}: {role}: expected a list of strings")
            tables[slot][kind] = roles
    own = read_kinds(raw.get("kinds", {}))
    subject = {key: domain.slot(raw[key]).name for key in ("name", "head") if raw.get(key)}
    return Frames(
        name=subject.get("name", ""),
        head=subject.get("head", ""),
        nouns=tuple(raw.get("nouns", ("one",))),
        ranks=ranks,
        tables=tables,
        kinds={**english_kinds(), **own},
        told=told,
    )


def _told_kinds(table: Any, content: Mapping[str, Any], where: str) -> dict[str, str]:
    if not isinstance(table, dict):
        raise DomainError(f"{where}: expected a table of kinds by value")
    for value, kind in table.items():
        if kind not in content or kind in ("rank", "values"):
            near = did_you_mean(
                str(kind), [key for key in content if key not in ("rank", "values")]
            )
            raise DomainError(f"{where}: {value!r}: there is no table of the kind {kind!r}{near}")
    return table


def _known(table: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    if unknown := sorted(set(table) - set(allowed)):
        raise DomainError(f"{where}: unknown key {unknown[0]!r}{did_you_mean(unknown[0], allowed)}")
