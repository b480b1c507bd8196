"""A domain's ``questions.toml``, the questions for each slot, loaded and validated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.io.hashing import sha256_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain

FILE_NAME = "questions.toml"
SUBJECT, VALUE = "{subject}", "{value}"
MIN_WORDINGS = 3
"""Wordings of a slot, the held-out one among them."""
YES = "yes"
"""The answer to a question that names a value which is said."""
_FIELD = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class SlotQuestions:
    """The questions of one slot.

    Attributes:
        slot: canonical name.
        ask: wordings to train on and to score with; the first needs no subject.
        held_out: wordings that no model is trained on.
        by_value: each value is asked about by itself (list slots): wordings hold ``{value}``.
    """

    slot: str
    ask: tuple[str, ...]
    held_out: tuple[str, ...]
    by_value: bool = False

    def usable(self, *, subject: bool, held_out: bool = False) -> tuple[str, ...]:
        """The wordings that can be asked with or without a subject."""
        wordings = self.held_out if held_out else self.ask
        return tuple(wording for wording in wordings if subject or SUBJECT not in wording)


@dataclass(frozen=True)
class QuestionSet:
    """All questions of a domain.

    Attributes:
        slots: by slot name, in the domain's display order.
        subject: the slot whose value ``{subject}`` stands for; None: no wording uses it.
        none: the answer where a context does not say the slot.
        source: the content of the file.
    """

    slots: dict[str, SlotQuestions]
    subject: str | None
    none: str
    source: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, for signatures and manifests."""
        return sha256_json(self.source)


def fill(wording: str, *, subject: str | None = None, value: str | None = None) -> str:
    """A wording with its fields filled in."""
    if subject is not None:
        wording = wording.replace(SUBJECT, subject)
    return wording if value is None else wording.replace(VALUE, value)


def load_questions(domain: Domain, folder: Path | None = None) -> QuestionSet:
    """The questions of a domain, from its folder or another one.

    Raises:
        DomainError: there is no such file, or it is not valid.
    """
    path, raw = domain_table(domain, folder, FILE_NAME)
    if raw is None:
        raise DomainError(
            f"domain {domain.name!r} has no {FILE_NAME}, so there is nothing to ask; write one "
            "beside its domain.toml (data/restaurant/questions.toml is an example)",
            code="no_questions",
        )
    return questions_from_dict(raw, domain, where=path)


def domain_table(
    domain: Domain, folder: Path | None, name: str
) -> tuple[str, dict[str, Any] | None]:
    """The path and the content of a TOML file beside a domain; None where there is no such file.

    Raises:
        DomainError: it is not valid TOML.
    """
    folder = folder or domain.folder
    path = None if folder is None else folder / name
    if path is None or not path.is_file():
        return name, None
    try:
        return str(path), read_toml(path)[0]
    except FileFault as error:
        raise DomainError(f"{path}: {error}") from error


def questions_from_dict(
    raw: dict[str, Any], domain: Domain, *, where: str = FILE_NAME
) -> QuestionSet:
    """Build and validate questions: every slot of the domain, enough wordings, one held out.

    Raises:
        DomainError: a slot is missing or unknown, wordings are too few, repeated or malformed.
    """
    require_keys(raw, {"subject", "none", "slots"}, where)
    tables, subject, none = raw.get("slots"), raw.get("subject"), raw.get("none")
    if not isinstance(tables, dict) or not isinstance(none, str) or not none.strip():
        raise DomainError(f"{where}: expected a string 'none' and a table [slots.NAME] each slot")
    require_slots([] if subject is None else [subject], domain, f"{where}: subject")
    require_slots(list(tables), domain, f"{where}: [slots]")
    if lacking := [name for name in domain.slot_names if name not in tables]:
        raise DomainError(
            f"{where}: no questions for slot {lacking[0]!r}; add [slots.{lacking[0]}]"
        )
    slots = {
        name: _slot(name, tables[name], domain, subject, f"{where}: [slots.{name}]")
        for name in domain.slot_names
    }
    _all_different((wording for s in slots.values() for wording in (*s.ask, *s.held_out)), where)
    return QuestionSet(slots, subject, none, raw)


def _slot(name: str, table: Any, domain: Domain, subject: str | None, where: str) -> SlotQuestions:
    if not isinstance(table, dict):
        raise DomainError(f"{where} must be a table with 'ask' and 'held_out'")
    require_keys(table, {"ask", "held_out"}, where)
    ask, held_out = strings(table, "ask", where), strings(table, "held_out", where)
    if len(ask) + len(held_out) < MIN_WORDINGS or not held_out or len(ask) < 2:
        raise DomainError(
            f"{where} has {len(ask)} wordings to ask and {len(held_out)} held out; expected at "
            f"least {MIN_WORDINGS} in all, one of them held out"
        )
    by_value = domain.slot(name).kind == "list"
    for wording in (*ask, *held_out):
        fields = set(_FIELD.findall(wording))
        wrong = fields - {SUBJECT, VALUE} or (fields & {SUBJECT} if subject is None else set())
        if wrong or (VALUE in fields) != by_value:
            raise DomainError(
                f"{where}: {wording!r}: fields are {SUBJECT} (where the file names a subject) and, "
                f"in every wording of a list slot and in no other, {VALUE}"
            )
    if not any(SUBJECT not in wording for wording in ask):
        raise DomainError(f"{where}: one wording of 'ask' must do without {SUBJECT}")
    return SlotQuestions(name, ask, held_out, by_value)


def strings(
    table: dict[str, Any], key: str, where: str, usual: Sequence[str] = ()
) -> tuple[str, ...]:
    """The list of strings under ``key``; without one, what is ``usual``.

    Raises:
        DomainError: something else stands there.
    """
    values = table.get(key, list(usual))
    if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
        raise DomainError(f"{where}: {key} must be a list of strings")
    return tuple(values)


def require_keys(table: dict[str, Any], allowed: set[str], where: str) -> None:
    """Raise ``DomainError`` where a table has an unknown key."""
    if unknown := sorted(set(table) - allowed):
        raise DomainError(f"{where}: unknown key {unknown[0]!r}{did_you_mean(unknown[0], allowed)}")


def require_slots(names: Sequence[Any], domain: Domain, where: str) -> None:
    """Raise ``DomainError`` where one of the names is not a slot of the domain."""
    if unknown := [name for name in names if name not in domain.slot_names]:
        near = did_you_mean(str(unknown[0]), domain.slot_names)
        raise DomainError(f"{where} {unknown[0]!r} is no slot of domain {domain.name!r}{near}")


def _all_different(wordings: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for wording in wordings:
        if wording.casefold() in seen:
            raise DomainError(f"{where}: {wording!r} is there twice; a question asks for one slot")
        seen.add(wording.casefold())
