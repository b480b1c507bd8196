"""A ``MeaningRepresentation`` back in each written form; ``parse_mr`` takes it back unchanged."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, overload

from d2t.errors import DomainError
from d2t.mr.values import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

TextForm = Literal["auto", "e2e", "viggo", "json"]


@overload
def render_mr(mr: MeaningRepresentation, *, format: TextForm = ..., domain: Domain) -> str: ...
@overload
def render_mr(
    mr: MeaningRepresentation, *, format: Literal["csv"], domain: Domain
) -> dict[str, str]: ...
@overload
def render_mr(
    mr: MeaningRepresentation, *, format: TextForm | Literal["csv"], domain: Domain
) -> str | dict[str, str]: ...
def render_mr(
    mr: MeaningRepresentation, *, format: TextForm | Literal["csv"] = "auto", domain: Domain
) -> str | dict[str, str]:
    """Write an MR down.

    Args:
        mr: what to write; the order of its slots is kept (JSON and CSV gather a slot's values).
        format: ``e2e`` and ``viggo`` (one line of text), ``json`` (one line), ``csv`` (a row:
            column to cell), or ``auto``: ``e2e`` in a domain with a single act, else ``viggo``.
        domain: what the names mean.

    Raises:
        DomainError: the E2E form is asked for an act other than the domain's default, which it
            cannot express; or a slot is not the domain's.
    """
    if format == "json":
        return json.dumps(mr_to_json(mr, domain), ensure_ascii=False)
    if format == "csv":
        return _csv_row(mr, domain)
    if format == "e2e" and mr.dialogue_act != domain.default_dialogue_act:
        raise DomainError(
            f"the E2E form cannot express the dialogue act {mr.dialogue_act!r}; "
            "use 'viggo' or 'json'"
        )
    text = _items(mr, domain)
    if format == "viggo" or (format == "auto" and len(domain.dialogue_acts) > 1):
        return f"{mr.dialogue_act}({text})"
    return text


_READ_AS_SEVERAL = re.compile(r"^\s*[\[{]|[|;]")


def mr_to_json(mr: MeaningRepresentation, domain: Domain) -> dict[str, Any]:
    """The JSON object of an MR: list slots and repeated values as lists, the act if not default."""
    table: dict[str, Any] = {}
    if mr.dialogue_act != domain.default_dialogue_act:
        table["dialogue_act"] = mr.dialogue_act
    for name in mr.names:
        values = list(mr.values(name))
        single = len(values) == 1 and domain.slot(name).kind != "list"
        table[name] = values[0] if single else values
    return table


def _items(mr: MeaningRepresentation, domain: Domain) -> str:
    """``name[value]`` items; neighbours of a list slot share one pair of brackets."""
    written: list[str] = []
    for name, group in groupby(mr.slots, key=lambda slot: slot.name):
        values = [slot.value for slot in group]
        if domain.slot(name).kind != "list":
            written += (f"{name}[{escape(value)}]" for value in values)
        elif all(values):
            written.append(f"{name}[{', '.join(escape(value, in_list=True) for value in values)}]")
        else:  # an empty value cannot stand in a list: `request(platforms[])`
            written += (f"{name}[{escape(value, in_list=True)}]" for value in values)
    return ", ".join(written)


def _csv_row(mr: MeaningRepresentation, domain: Domain) -> dict[str, str]:
    row: dict[str, str] = {}
    if mr.dialogue_act != domain.default_dialogue_act:
        row["dialogue_act"] = mr.dialogue_act
    for name in mr.names:
        row[name] = _cell(mr.values(name), is_list=domain.slot(name).kind == "list")
    return row


def _cell(values: Sequence[str], *, is_list: bool) -> str:
    """Plain text where the reader cannot mistake it, else a JSON list of strings."""
    plain = all(value and not _READ_AS_SEVERAL.search(value) for value in values)
    if plain and is_list and not any("," in value for value in values):
        return ", ".join(values)
    if plain and not is_list and len(values) == 1:
        return values[0]
    return json.dumps(list(values), ensure_ascii=False)
