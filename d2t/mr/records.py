"""The MR inside a record of an input stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from d2t.errors import MRParseError
from d2t.io.csv_rows import CsvRow
from d2t.mr.parse import mr_from_row, parse_mr

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

RESERVED_KEYS = frozenset(
    {
        "id", "mr", "text", "ref", "refs", "reference", "references", "target", "hypothesis", "plan",
        "status", "score", "report", "spans", "order_kept", "error", "orig_mr", "fixed",
    }
)  # fmt: skip
"""Keys and columns of a record that are never slots, unless the domain has a slot of that name."""


def mr_from_fields(fields: Mapping[str, Any], domain: Domain) -> MeaningRepresentation:
    """The meaning representation of a record: its ``mr``, else the record itself.

    ``mr`` is a text in any written form or a JSON object. A record without it is its own MR: keys (or
    CSV columns) are slots, ``RESERVED_KEYS`` and ``None`` or empty cells aside.

    Raises:
        MRParseError: the MR is malformed, or there is none (code ``empty_mr``).
        DomainError: an unknown slot or dialogue act.
    """
    mr = fields.get("mr")
    if mr is None or mr == "":
        return _from_columns(fields, domain)
    if isinstance(mr, str | Mapping):
        return parse_mr(mr, domain)
    raise MRParseError(
        f"'mr' must be a text or an object, found {type(mr).__name__}; "
        'write "mr": "name[Aromi]" or "mr": {"name": "Aromi"}',
        code="bad_record",
    )


def _from_columns(fields: Mapping[str, Any], domain: Domain) -> MeaningRepresentation:
    slots = {
        key: value
        for key, value in fields.items()
        if key not in RESERVED_KEYS or (key != "mr" and domain.has_slot(key))
    }
    if isinstance(fields, CsvRow):
        return mr_from_row(slots, domain)
    return parse_mr(slots, domain)
