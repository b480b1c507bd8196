"""Records as people have them: which of their columns are slots, and what is only carried along."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, UsageError, did_you_mean
from d2t.io.csv_rows import CsvRow
from d2t.mr.parse import DIALOGUE_ACT
from d2t.mr.records import RESERVED_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.mr.domain import Domain

_TARGETS = ("id", "mr", "plan", DIALOGUE_ACT)
"""What a column can be named after, beside slots."""
_SLIP = 75.0
"""Likeness (0-100) above which a column may be a misspelt slot: "foods", not "year" (near)."""
_BLANK = frozenset({"n/a", "#n/a", "null"})
"""Cells that spreadsheets and databases write where there is nothing."""


@dataclass(frozen=True)
class ColumnMap:
    """Column names of a source, translated: ``--map "Restaurant name=name,Cuisine=food"``.

    Columns that are named, and those that are slots of the domain, are read. The others of a CSV
    file are extra: they are no part of the MR, and are echoed. A JSON object is an MR, where an
    unknown key is an error; with a map, its other keys are extra too.

    Attributes:
        targets: column to slot, ``id``, ``mr``, ``plan`` or ``dialogue_act``; to ``""`` where the
            column is extra although it looks like a slot.
    """

    domain: Domain
    targets: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, domain: Domain) -> ColumnMap:
        """Read ``COLUMN=SLOT,...``; double quotes around an entry let its column hold commas.

        Raises:
            UsageError: it is not of that form, or names what is no slot.
        """
        targets: dict[str, str] = {}
        for entry in next(csv.reader([text or ""], skipinitialspace=True), []):
            column, equals, target = (part.strip() for part in entry.rpartition("="))
            if not equals or not column:
                raise UsageError(
                    f"--map: expected COLUMN=SLOT,..., such as 'Cuisine=food', found {entry!r}"
                )
            if column in targets:
                raise UsageError(f"--map: column {column!r} is named twice; name it once")
            targets[column] = cls._target(target, domain)
        return cls(domain, targets)

    @staticmethod
    def _target(target: str, domain: Domain) -> str:
        if not target or target in _TARGETS:
            return target
        try:
            return domain.slot(target).name
        except DomainError as error:
            raise UsageError(f"--map: {error.message}") from None

    def slots(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a record is read: under the domain's names, blank cells left out.

        Columns that go to one slot are its several values.

        Raises:
            DomainError: a CSV file lacks a column of the map (code ``no_column``), or has one that
                is nearly a slot (code ``unknown_slot``).
        """
        if not self.targets and not isinstance(fields, CsvRow):
            return fields
        if isinstance(fields, CsvRow):
            self._require_columns(fields)
        read: dict[str, Any] = {}
        for column, value in fields.items():
            target = self._reads(column, fields)
            if target is None or _is_blank(value, fields):
                continue
            read[target] = _both(read[target], value, fields) if target in read else value
        return CsvRow(read) if isinstance(fields, CsvRow) else read

    def extra(self, fields: Mapping[str, Any] | None) -> dict[str, Any]:
        """What of a record is carried along to the output."""
        if fields is None or (not self.targets and not isinstance(fields, CsvRow)):
            return {}
        return {column: value for column, value in fields.items() if self._is_extra(column)}

    def id(self, fields: Mapping[str, Any] | None) -> str | None:
        """The id of a record whose column for it has another name."""
        named = (column for column, target in self.targets.items() if target == "id")
        found = (fields or {}).get(next(named, ""))
        return None if found is None else str(found)

    def _is_extra(self, column: str) -> bool:
        if column in self.targets:
            return not self.targets[column]
        known = column in RESERVED_KEYS or column == DIALOGUE_ACT
        return not known and not self.domain.has_slot(column)

    def _reads(self, column: str, fields: Mapping[str, Any]) -> str | None:
        """The name under which a column is read; None: it is not."""
        if not self._is_extra(column):
            return self.targets.get(column, column)
        if column not in self.targets and not fields.get("mr"):
            self._refuse_slips(column)
        return None

    def _refuse_slips(self, column: str) -> None:
        """Leaving out a misspelt slot would give a text that says less than was meant."""
        near = [name for name in self.domain.slot_names if _alike(column, name)]
        if near:
            raise DomainError(
                f"column {column!r} is not a slot, but resembles {' or '.join(map(repr, near))}; "
                f"write --map '{column}={near[0]}' if it is that slot, or --map '{column}=' to "
                "copy it to `extra`",
                code="unknown_slot",
            )

    def _require_columns(self, fields: CsvRow) -> None:
        for column in self.targets:
            if column not in fields:
                hint = did_you_mean(column, list(fields)) or f"; there are {', '.join(fields)}"
                raise DomainError(f"there is no column {column!r}{hint}", code="no_column")


def _alike(column: str, slot: str) -> bool:
    """Whether one may be meant by the other: a slip of the pen, or a word of it."""
    from rapidfuzz import fuzz  # only for columns that are no slots: keeps start-up fast

    words = re.findall(r"[^\W_]+", column.casefold())
    folded = slot.casefold()
    return folded in words or fuzz.ratio(" ".join(words), folded) > _SLIP


def _is_blank(value: Any, fields: Mapping[str, Any]) -> bool:
    if isinstance(fields, CsvRow):
        return not value.strip() or value.strip().casefold() in _BLANK
    return value is None


def _both(first: Any, second: Any, fields: Mapping[str, Any]) -> Any:
    """Two values of a slot, each once: a JSON list, or a cell that holds one."""
    if isinstance(fields, CsvRow):
        known = json.loads(first) if first.startswith("[") else [first]
        return json.dumps(list(dict.fromkeys([*known, second])), ensure_ascii=False)
    values = [*(first if isinstance(first, list) else [first])]
    values += second if isinstance(second, list) else [second]
    return list(dict.fromkeys(values))
