"""Columns and keys of a source: which are slots, which have a role, and which are left out."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from d2t.errors import DomainError, UsageError, did_you_mean
from d2t.mr.domain import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain

Role = Literal["id", "mr", "plan", "text", "references", "dialogue_act"]

ROLES: dict[Role, tuple[str, ...]] = {
    "id": ("id", "gem_id", "record_id", "example_id"),
    "mr": ("mr", "meaning_representation"),
    "plan": ("plan",),
    "text": (
        "text", "hypothesis", "output", "utterance", "prediction", "system_output",
        "generated", "generated_text", "hyp", "sentence", "response", "candidate", "pred",
    ),
    "references": (
        "references", "reference", "refs", "ref", "human_reference", "human_references",
        "target", "targets",
    ),
    "dialogue_act": ("dialogue_act",),
}  # fmt: skip
"""The usual names of what is no slot, in any case, with blanks, ``_`` and ``-`` aside."""

OWN_FIELDS = frozenset(
    {
        "status", "stage", "score", "report", "spans", "order_kept", "breaks_kept", "error",
        "orig_mr", "fixed", "kind", "breaks", "extra", "unseen",
    }
)  # fmt: skip
"""What d2t itself writes beside those; never a slot unless the domain has one of that name."""

_BY_NAME: dict[str, Role] = {fold_name(name): role for role in ROLES for name in ROLES[role]}
_NUMBERED_REFERENCE = re.compile(r"(?:human)?ref(?:erence)?s?\d+")
_INDEX = re.compile(r"|unnamed: ?\d+|__index_level_\d+__")
"""What pandas calls the column of its index."""
_SLIP = 75.0
"""Likeness (0-100) above which a column may be a misspelt slot: "foods", not "year" (near)."""
_COMPARED = 100
"""Columns that are compared with the slots for the hint of an error; a table may have 100,000."""
_EVERYTHING = "*"


class ColumnError(DomainError):
    """A source has columns that cannot be told apart or understood; the message says what to do."""

    code = "columns"
    exit_code = 2


@dataclass(frozen=True)
class Layout:
    """What the columns of a table, or the keys of an object, are.

    Attributes:
        roles: the columns of each role; only ``references`` may have several.
        slots: column to slot; several columns of one slot give its several values.
        extra: columns that are carried along and not read.
        unused: those of them that nobody named, for the report of the run.
        table: they are columns of a table, where an empty cell is nothing at all.
    """

    roles: dict[Role, tuple[str, ...]]
    slots: dict[str, str]
    extra: tuple[str, ...]
    unused: tuple[str, ...]
    table: bool


@dataclass(frozen=True)
class Columns:
    """How columns are understood: ``--map``, ``--id`` and ``--ignore``, and the usual names.

    Attributes:
        targets: column to slot or role; to ``""`` where the column is to be left out.
        ignore: further columns to leave out; ``*``: all that have no other meaning.
    """

    domain: Domain
    targets: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        domain: Domain,
        *,
        map: str | Mapping[str, str] | None = None,
        id: str | None = None,
        ignore: str | Iterable[str] | None = None,
    ) -> Columns:
        """Read the options.

        Args:
            domain: the slots.
            map: ``COLUMN=SLOT,...`` or a mapping; a target may also be a role such as ``mr`` or
                ``text``, or nothing. Double quotes around an entry let its column hold commas.
            id: the column of the ids.
            ignore: names of columns, separated by commas, or ``*``.

        Raises:
            UsageError: an option is not of that form, or names what is neither slot nor role.
        """
        targets: dict[str, str] = {}
        for column, target in _map_entries(map):
            if column in targets:
                raise UsageError(f"--map: column {column!r} is named twice; name it once")
            targets[column] = _target(target, domain)
        if id is not None:
            if targets.get(id, "id") != "id":
                raise UsageError(f"--id and --map say different things of column {id!r}")
            targets[id] = "id"
        if isinstance(ignore, str):
            ignore = [name.strip() for name in next(csv.reader([ignore]), [])]
        ignored = frozenset(name for name in ignore or () if name)
        if both := ignored & {name for name, target in targets.items() if target}:
            raise UsageError(f"--ignore and --map both name column {min(both)!r}; keep one of them")
        return cls(domain, targets, ignored)

    def is_known(self, name: str) -> bool:
        """Whether a name is one of a column that can be read."""
        return (
            name in self.targets
            or fold_name(name) in _BY_NAME
            or _NUMBERED_REFERENCE.fullmatch(fold_name(name)) is not None
            or (bool(name) and self.domain.has_slot(name))
        )

    def layout(self, names: Sequence[str], *, table: bool, need_mr: bool = True) -> Layout:
        """What each of ``names`` is.

        Args:
            names: the columns of a table, or the keys of an object.
            table: they are columns, which the options must find.
            need_mr: an MR is read. A column that is neither slot nor role is then refused, because
                a text that leaves out what the column means would be wrong in silence; unless it
                is to be ignored, or the MR has a column of its own.

        Raises:
            ColumnError: columns are missing, ambiguous or not understood.
        """
        roles: dict[Role, list[str]] = {}
        slots: dict[str, str] = {}
        left: list[str] = []
        if table:
            self._require(names)
        for name in names:
            role, slot = self._meaning(name)
            if role is not None:
                roles.setdefault(role, []).append(name)
            elif slot:
                slots[name] = slot
            elif slot is None:
                left.append(name)
        for role, columns in roles.items():
            chosen = [name for name in columns if name in self.targets]
            if chosen:
                roles[role] = chosen
            elif len(columns) > 1 and role != "references":
                raise _ambiguous(role, columns)
        self._refuse_twins(slots)
        unknown = [name for name in left if not self._is_ignored(name)]
        if need_mr and "mr" not in roles and unknown:
            raise self._not_understood(unknown, table, len(names))
        unread = {name for name in left if name}  # there may be a hundred thousand columns
        extra = [name for name in names if self.targets.get(name) == "" or name in unread]
        unused = [name for name in extra if name not in self.targets and name not in self.ignore]
        return Layout(
            {role: tuple(columns) for role, columns in roles.items()},
            slots,
            tuple(extra),
            tuple(unused),
            table,
        )

    def _meaning(self, name: str) -> tuple[Role | None, str | None]:
        """The role or the slot; ``""`` for what is left out in any case, Nones for the unknown."""
        if name in self.ignore:
            return None, None
        known = self.targets.get(name)
        if known == "":
            return None, ""
        folded = fold_name(name if known is None else known)
        is_slot = bool(folded) and folded != "mr" and self.domain.has_slot(folded)
        if is_slot:
            return None, self.domain.slot(folded).name
        if folded in _BY_NAME:
            return _BY_NAME[folded], None
        if _NUMBERED_REFERENCE.fullmatch(folded):
            return "references", None
        return None, "" if name in OWN_FIELDS else None

    def _refuse_twins(self, slots: Mapping[str, str]) -> None:
        """Two columns of a slot give it two values only if somebody says so."""
        first: dict[str, str] = {}
        for column, slot in slots.items():
            other = first.setdefault(slot, column)
            if other != column and not {other, column} & set(self.targets):
                raise ColumnError(
                    f"{other!r} and {column!r} are both the slot {slot!r}; if each holds a value, "
                    f"write --map '{other}={slot},{column}={slot}', else --ignore '{column}'",
                    code="ambiguous_columns",
                )

    def _is_ignored(self, name: str) -> bool:
        return (
            name in self.ignore
            or (_EVERYTHING in self.ignore and not self._alike(name))
            or _INDEX.fullmatch(name.casefold()) is not None
        )

    def _require(self, names: Sequence[str]) -> None:
        for column in (*self.targets, *(self.ignore - {_EVERYTHING})):
            if column not in names:
                hint = did_you_mean(column, names) or f"; there are {', '.join(map(repr, names))}"
                raise ColumnError(f"there is no column {column!r}{hint}", code="no_column")

    def _not_understood(self, unknown: list[str], table: bool, n_columns: int) -> ColumnError:
        what = "column" if table else "key"
        alike = {name: slot for name in unknown[:_COMPARED] if (slot := self._alike(name))}
        shown = ", ".join(repr(name[:60]) for name in unknown[:8])
        if len(unknown) > 8:
            shown += f" and {len(unknown) - 8} more"
        plural = len(unknown) > 1
        if alike:
            column, slot = next(iter(alike.items()))
            example = f"--map '{column}={slot}'"
        else:
            example = f"--map '{unknown[0][:60]}=SLOT'"
        alone = table and n_columns == 1
        ignored = ",".join(unknown[:8]) if len(unknown) <= 8 else _EVERYTHING
        return ColumnError(
            f"{what}{'s' if plural else ''} {shown} {'are' if plural else 'is'} no slot of domain "
            f"{self.domain.name!r} (it has {', '.join(self.domain.slot_names)}); say which slot "
            f"{'each' if plural else 'it'} is with {example} (or =mr, =text, ...), or leave "
            f"{'them' if plural else 'it'} out of the texts with --ignore '{ignored}'"
            + (
                "; if other characters divide the cells, name them with --delimiter"
                if alone
                else ""
            ),
            code="unknown_slot",
        )

    def _alike(self, column: str) -> str | None:
        """The slot of which a column may be a misspelling, or that is a word of its name."""
        from rapidfuzz import fuzz  # only for columns that are no slots: keeps start-up fast

        words = re.findall(r"[^\W_]+", column.casefold())
        for name in self.domain.slot_names:
            folded = name.casefold()
            if folded in words or fuzz.ratio(" ".join(words), folded) > _SLIP:
                return name
        return None


def _map_entries(map: str | Mapping[str, str] | None) -> Iterable[tuple[str, str]]:
    if isinstance(map, Mapping):
        yield from map.items()
        return
    for entry in next(csv.reader([map or ""], skipinitialspace=True), []):
        column, equals, target = (part.strip() for part in entry.rpartition("="))
        if not equals or not column:
            raise UsageError(
                f"--map: expected COLUMN=SLOT,..., such as 'Cuisine=food', found {entry!r}"
            )
        yield column, target


def _target(target: str, domain: Domain) -> str:
    if not target:
        return target
    if domain.has_slot(target) and fold_name(target) != "mr":
        return domain.slot(target).name
    if (role := _BY_NAME.get(fold_name(target))) is not None:
        return role
    try:
        return domain.slot(target).name
    except DomainError as error:
        raise UsageError(
            f"--map: {error.message}; other targets are {', '.join(ROLES)}, or nothing"
        ) from None


def _ambiguous(role: Role, columns: list[str]) -> ColumnError:
    names = " and ".join(map(repr, columns))
    return ColumnError(
        f"{names} may each be the {role} of a record; say which one is: "
        f"--map '{columns[-1]}={role}'",
        code="ambiguous_columns",
    )
