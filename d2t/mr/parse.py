"""From any written form to a ``MeaningRepresentation`` in the domain's spelling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from d2t.errors import D2TError, DomainError, MRParseError
from d2t.mr.json_form import decode_json, slots_from_json
from d2t.mr.syntax import RawMR, read_syntax
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.mr.values import check_characters, check_length, position, shorten, split_list, unescape

if TYPE_CHECKING:
    from d2t.mr.domain import Domain

MRFormat = Literal["auto", "e2e", "viggo", "json"]
DIALOGUE_ACT = "dialogue_act"
"""The key of the dialogue act."""


def parse_mr(
    source: str | Mapping[str, Any], domain: Domain, *, format: MRFormat = "auto"
) -> MeaningRepresentation:
    """Read one meaning representation.

    Slot names may be in any spelling the domain resolves, values in any letter case; both come out
    canonical. A list slot gives one ``Slot`` a value. Values that the domain does not list are
    accepted (``unseen_values`` names them).

    Args:
        source: ``name[Aromi], eatType[pub]``; ``inform(name[X], genres[action, shooter])``; a JSON
            object, as text or as a mapping.
        domain: what the names mean.
        format: the form of a text; ``auto`` looks at it.

    Raises:
        MRParseError: malformed (line and column); empty (code ``empty_mr``); a slot and value twice
            (``duplicate_slot``); an empty value in an act that asks for nothing (``empty_value``);
            a value that is too long or holds control characters.
        DomainError: an unknown slot or dialogue act, with "did you mean".
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, domain)
    if not isinstance(source, str):
        raise MRParseError(f"expected a text or an object as MR, found {type(source).__name__}")
    if format == "json" or (format == "auto" and source.lstrip().startswith("{")):
        return _from_mapping(decode_json(source), domain)
    check_characters(source)
    if not source.strip():
        raise _empty()
    raw = read_syntax(source)
    if format == "e2e" and raw.act is not None:
        raise MRParseError(
            f"dialogue act {shorten(raw.act)} in an E2E meaning representation; "
            "the E2E form is slots only: use format 'viggo' or 'auto'",
            line=1,
            column=1,
        )
    if format == "viggo" and raw.act is None:
        raise MRParseError(
            "no dialogue act; the ViGGO form is act(slot[value], ...): use format 'e2e' or 'auto'",
            line=1,
            column=1,
        )
    return _from_raw(source, raw, domain)


def unseen_values(mr: MeaningRepresentation, domain: Domain) -> tuple[Slot, ...]:
    """The slots of ``mr`` whose value is not listed for a closed slot of the domain."""
    return tuple(slot for slot in mr.slots if domain.slot(slot.name).is_unseen(slot.value))


def _from_raw(source: str, raw: RawMR, domain: Domain) -> MeaningRepresentation:
    slots: list[Slot] = []
    offsets: list[int] = []
    try:
        act = domain.default_dialogue_act if raw.act is None else domain.dialogue_act(raw.act)
    except DomainError as error:
        raise _located(error, source, 0) from None
    for name, written, offset in raw.items:
        try:
            spec = domain.slot(name)
            if spec.kind == "list" and "," in written:
                values = _list_values(written, spec.name)
            else:
                values = [unescape(written)]
            for value in values:
                check_length(value, spec.name)
                slots.append(Slot(spec.name, spec.canonical_value(value)))
                offsets.append(offset)
        except (MRParseError, DomainError) as error:
            raise _located(error, source, offset) from None
    return _finish(act, slots, domain, source, offsets)


def _list_values(written: str, name: str) -> list[str]:
    values = [unescape(item) for item in split_list(written)]
    if not all(values):
        raise MRParseError(
            f"an empty item in the list of slot {name!r}; remove the extra comma",
            code="empty_value",
        )
    return values


def _from_mapping(source: Mapping[str, Any], domain: Domain) -> MeaningRepresentation:
    """As in CSV, an empty string is an absent slot, except in an act that asks for the slot."""
    act = domain.default_dialogue_act
    slots: list[Slot] = []
    blank: list[Slot] = []
    for key, value in source.items():
        if key == DIALOGUE_ACT:
            if value is not None and not isinstance(value, str):
                raise MRParseError(
                    f"'dialogue_act' must be a string, found {json.dumps(value, default=str)}"
                )
            act = domain.dialogue_act(value) if value else act
            continue
        found = slots_from_json(value, domain.slot(str(key)))
        slots += found
        if isinstance(value, str):
            blank += (slot for slot in found if not slot.value)
    if act not in domain.request_acts:
        slots = [slot for slot in slots if slot not in blank]
    return _finish(act, slots, domain)


def _finish(
    act: str,
    found: Iterable[Slot],
    domain: Domain,
    source: str = "",
    offsets: list[int] | None = None,
) -> MeaningRepresentation:
    slots = tuple(found)
    if not slots:
        raise _empty()
    last = {slot: index for index, slot in enumerate(slots)}
    if len(last) < len(slots):
        index = next(last[slot] for i, slot in enumerate(slots) if last[slot] != i)
        line, column = position(source, offsets[index]) if offsets else (None, None)
        raise MRParseError(
            f"{shorten(str(slots[index]))} is given twice; give each slot and value once",
            line=line,
            column=column,
            code="duplicate_slot",
        )
    if act not in domain.request_acts and not all(slot.value for slot in slots):
        index = next(i for i, slot in enumerate(slots) if not slot.value)
        line, column = position(source, offsets[index]) if offsets else (None, None)
        asking = ", ".join(domain.request_acts)
        raise MRParseError(
            f"slot {slots[index].name!r} has no value; give one or leave the slot out"
            + (f" (only {asking} may ask for a slot without a value)" if asking else ""),
            line=line,
            column=column,
            code="empty_value",
        )
    return MeaningRepresentation(slots, act)


def _empty() -> MRParseError:
    return MRParseError(
        "the meaning representation is empty; give at least one slot, as in name[Aromi]",
        line=1,
        column=1,
        code="empty_mr",
        expected=("a slot name",),
    )


def _located(error: D2TError, source: str, offset: int) -> D2TError:
    error.line, error.column = position(source, offset)
    return error
