"""One door for records: every command reads files of the world through this reader."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of_class
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from d2t.errors import D2TError, DataError, MRParseError, UsageError
from d2t.io.records import RawRecord, RecordFormat, RecordSource, open_records
from d2t.mr.cells import CellReader, dict_of, list_of, texts_of
from d2t.mr.columns import ROLES, Columns, Layout, Role
from d2t.mr.parse import DIALOGUE_ACT, parse_mr
from d2t.mr.types import MeaningRepresentation
from d2t.mr.values import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from d2t.mr.domain import Domain

_REMEMBERED = 4_096
"""MRs that are kept, because corpora repeat each many times, one after the other."""
logger = logging.getLogger(__name__)
_IDS = 500_000
"""Ids that are compared with those before; what a larger file repeats later is not told."""
_LAYOUTS = 1_000
"""Different sets of keys whose layout is kept; a file has few."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a source is read; the options of every command that reads records.

    Attributes:
        map: ``COLUMN=SLOT,...`` or a mapping, see ``Columns.of``.
        id: the column of the ids.
        ignore: columns that are left out, separated by commas; ``*``: all that are not understood.
        blank: words for no value, beside the usual ones.
        delimiter: of CSV; None: it is guessed.
        sheet: of an Excel workbook; None: the first.
        format: of the file; ``auto`` looks at it.
        limit: records to read; None: all.
        skip_bad: leave bad records out, each told and counted, where one would otherwise be
            answered with an error or end the run.
    """

    map: str | Mapping[str, str] | None = None
    id: str | None = None
    ignore: str | tuple[str, ...] | None = None
    blank: tuple[str, ...] = ()
    delimiter: str | None = None
    sheet: str | None = None
    format: RecordFormat = "auto"
    limit: int | None = None
    skip_bad: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What decides how records are read, JSON-able; what is as usual is left out."""
        usual = ReadOptions()
        told = {f.name: getattr(self, f.name) for f in fields_of_class(self) if f.name != "limit"}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in told.items()
            if value != getattr(usual, name)
        }


class Reading(TypedDict, total=False):
    """The fields of ``ReadOptions`` as keyword arguments of the functions that read files."""

    map: str | Mapping[str, str] | None
    id: str | None
    ignore: str | tuple[str, ...] | None
    blank: tuple[str, ...]
    delimiter: str | None
    sheet: str | None
    limit: int | None
    skip_bad: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a source, good or bad, in the domain's terms.

    Attributes:
        index: 0-based number among the records, bad ones counted.
        line: 1-based line or row of the source where it starts.
        id: its own id, else ``str(index)``.
        mr: what is to be said; None if it is bad, or has none and needs none.
        plan: the order asked for, as ``parse_plan`` reads it; None: no order is asked for.
        text: an utterance; None: it has none.
        references: what people wrote for the MR.
        extra: columns that are only carried along to the output.
        fields: everything as it stands in the source.
        error: what is wrong with it; its ``line`` and ``column`` refer to the source.
        has_id: whether the source gives it its id.
    """

    index: int
    line: int
    id: str
    mr: MeaningRepresentation | None = None
    plan: str | list[str] | None = None
    text: str | None = None
    references: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    error: D2TError | None = None
    has_id: bool = False

    def require_mr(self) -> MeaningRepresentation:
        """The MR of a good record.

        Raises:
            D2TError: the record's own error; or it has no MR.
        """
        if self.error is not None:
            raise self.error
        if self.mr is None:
            raise _no_mr(self.line)
        return self.mr

    def require_text(self) -> str:
        """The text to judge: its own, else its only reference.

        Raises:
            D2TError: the record's own error; or there is no text, or several references.
        """
        if self.error is not None:
            raise self.error
        if self.text is not None:
            return self.text
        written = [text for text in self.references if text.strip()]
        if len(written) == 1:
            return written[0]
        if written:
            raise DataError(
                f"no text, but {len(written)} references; give the text to judge in a "
                "field 'text', or each reference in a record of its own",
                line=self.line,
                code="missing_text",
            )
        raise DataError(
            f"no text: expected a string in one of the fields {', '.join(ROLES['text'])} or ref",
            line=self.line,
            code="missing_text",
        )


@dataclass
class ReadReport:
    """What reading a source ignored, guessed, took for absent or could not read.

    Attributes:
        source: what messages call it.
        records: how many were read, bad ones included.
        bad: bad ones by error code.
        repeated_ids: how many records have the id of an earlier one, and the first such id.
        notes: what was recognised about the file, such as its encoding, delimiter or sheet.
        columns: columns that ``--map`` and ``--id`` name, and as what they were read.
        unused: columns that no option names and nothing reads.
        absent: words that were read as no value, and how often.
        lists: ``SLOT at SEPARATOR``, and how many cells were cut there.
    """

    source: str
    records: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    repeated_ids: tuple[int, str] | None = None
    notes: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    unused: dict[str, None] = field(default_factory=dict)
    absent: Counter[str] = field(default_factory=Counter)
    lists: Counter[tuple[str, str]] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able object."""
        return {
            "source": self.source,
            "records": self.records,
            "bad": dict(self.bad),
            "repeated_ids": self.repeated_ids[0] if self.repeated_ids else 0,
            "notes": list(self.notes),
            "columns": dict(self.columns),
            "unused": list(self.unused),
            "absent": dict(self.absent.most_common()),
            "lists": {f"{slot} at {mark!r}": n for (slot, mark), n in self.lists.items()},
        }

    def lines(self) -> list[str]:
        """What a person should know, a sentence a line; nothing if all was as expected."""
        said = []
        if self.notes:
            said.append(f"{self.source} was read as: {', '.join(self.notes)}")
        if self.repeated_ids:
            n, first = self.repeated_ids
            said.append(
                f"{n} record{'s have' if n > 1 else ' has'} the id of an earlier one: {first!r}"
                f"{' is the first' if n > 1 else ''}"
            )
        if self.columns:
            named = ", ".join(f"{column!r} = {name}" for column, name in self.columns.items())
            said.append(f"columns read as told: {named}")
        if self.unused:
            shown = [repr(name) for name in list(self.unused)[:12]]
            more = len(self.unused) - len(shown)
            said.append(f"not used: {', '.join(shown)}{f' and {more} more' if more else ''}")
        if self.absent:
            n = sum(self.absent.values())
            words = ", ".join(f"{word} {n}" for word, n in self.absent.most_common(8))
            said.append(f"{n} cell{'s' if n > 1 else ''} read as absent: {words}")
        for (slot, mark), n in self.lists.items():
            said.append(f"{n} cell{'s' if n > 1 else ''} of {slot} cut into values at {mark!r}")
        return said


class RecordReader:
    """Records of one source, iterated once; ``report`` grows with them."""

    def __init__(
        self,
        source: str | RecordSource,
        domain: Domain,
        options: ReadOptions | None = None,
        *,
        need_mr: bool = True,
        a_line_is: Literal["mr", "text"] = "mr",
    ) -> None:
        """Open the source at once.

        Args:
            source: a file, ``-`` for standard input, or what is open already.
            domain: resolves slot names and values.
            options: how it is read.
            need_mr: a record without an MR is a bad one.
            a_line_is: what a line of plain text, or a JSON string, holds.

        Raises:
            DataError: the source cannot be read; the message says what to do.
            ColumnError: its columns are not understood.
            UsageError: an option is not of its form.
        """
        self.options = options = options or ReadOptions()
        self.domain = domain
        self.columns = Columns.of(domain, map=options.map, id=options.id, ignore=options.ignore)
        self._interpreter = _Interpreter(
            self.columns, CellReader(_blanks(options.blank)), need_mr, a_line_is
        )
        if isinstance(source, str):
            source = open_records(
                source,
                format=options.format,
                delimiter=options.delimiter,
                sheet=options.sheet,
                is_known=self.columns.is_known,
            )
        self._source = source
        cells = self._interpreter.cells
        self.report = ReadReport(
            self._source.name, notes=self._source.notes, absent=cells.absent, lists=cells.lists
        )
        self._header: Layout | None = None
        if self._source.header is not None:
            self._header = self._layout_of_table(self._source.header, need_mr)
            self._tell(self._header)

    def __iter__(self) -> Iterator[Record]:
        limit = self.options.limit
        seen: set[int] = set()
        if limit is not None and limit < 1:
            return
        for raw in self._source:
            if self._repeats_header(raw):
                self.report.notes.append(f"the header again in line {raw.line}, left out")
                continue
            record = self._record(self.report.records, raw)
            self.report.records += 1
            if record.has_id and len(seen) < _IDS:
                key = hash(record.id)
                if key in seen:
                    n, first = self.report.repeated_ids or (0, record.id)
                    self.report.repeated_ids = n + 1, first
                seen.add(key)
            if record.error is not None:
                if record.error.line is None:
                    record.error.line = record.line
                self.report.bad[record.error.code] += 1
            yield record
            if self.report.records == limit:  # before more is read, which a pipe may not have
                return

    def _repeats_header(self, raw: RawRecord) -> bool:
        """Whether a row holds the names of the columns, as where files were put together."""
        if self._header is None or not isinstance(raw.content, dict):
            return False
        held = {name: value for name, value in raw.content.items() if value not in (None, "")}
        return bool(held) and all(
            isinstance(value, str) and value.strip() == name for name, value in held.items()
        )

    def _record(self, index: int, raw: RawRecord) -> Record:
        if isinstance(raw.content, D2TError):
            return Record(index, raw.line, str(index), error=raw.content)
        if self._header is not None and self._is_other_header(raw.content):
            error = DataError(
                "the row holds names of columns, as the header of another table does; put each "
                "table into a file of its own",
                line=raw.line,
                code="bad_record",
            )
            return Record(index, raw.line, str(index), error=error)
        fields = self._interpreter.fields_of(raw.content)
        try:
            layout = self._header or self._interpreter.layout(fields, self._tell)
        except D2TError as error:
            error = type(error)(error.message, code=error.code)  # the layout keeps the first one
            own = _own_id(fields.get("id"))
            return Record(index, raw.line, own or str(index), fields=fields, error=error)
        return self._interpreter.record(index, raw.line, fields, layout)

    def _is_other_header(self, content: dict[str, Any] | str) -> bool:
        if not isinstance(content, dict):
            return False
        held = [value for value in content.values() if value not in (None, "")]
        return len(held) > 1 and all(
            isinstance(value, str) and self.columns.is_known(value) for value in held
        )

    def _layout_of_table(self, header: list[str], need_mr: bool) -> Layout:
        if header and not any(self.columns.is_known(name) for name in header):
            data = any("[" in name or name.isdigit() for name in header)
            if data and need_mr:
                raise DataError(
                    f"{self._source.name} is a table without a header: its first row is "
                    f"{', '.join(map(repr, header[:6]))}; add a first row that names the columns",
                    line=self._source.header_line or None,
                    code="no_header",
                )
        return self.columns.layout(header, table=True, need_mr=need_mr)

    def _tell(self, layout: Layout) -> None:
        read = dict(layout.slots)
        for role, columns in layout.roles.items():
            read |= dict.fromkeys(columns, role)
        self.report.columns |= {name: read[name] for name in read if name in self.columns.targets}
        self.report.unused |= dict.fromkeys(layout.unused)


def read_fields(
    fields: Mapping[str, Any] | str, domain: Domain, *, index: int = 0, need_mr: bool = True
) -> Record:
    """One record from an object in memory, as ``RecordReader`` reads one of a file.

    The record is good or bad: see ``Record.error``. What was read as absent is told in the log.

    Raises:
        UsageError: neither a text nor a dict.
    """
    if not isinstance(fields, (str, Mapping)):
        raise UsageError(
            "an MR is a text such as 'name[Aromi], food[Thai]', a dict such as {'name': 'Aromi'} "
            f"or a MeaningRepresentation, not {shorten(repr(fields))} ({type(fields).__name__})"
        )
    cells = CellReader()
    reader = _Interpreter(Columns(domain), cells, need_mr, "mr")
    held = reader.fields_of(fields)
    try:
        layout = reader.layout(held, lambda layout: None)
    except D2TError as error:
        return Record(index, index + 1, _own_id(held.get("id")) or str(index), error=error)
    record = reader.record(index, index + 1, held, layout)
    if cells.absent:
        logger.warning("record %s: read as absent: %s", record.id, ", ".join(cells.absent))
    return record


def error_record(record: Record, error: D2TError) -> dict[str, Any]:
    """``{id, error: {code, message, line, column}}``: what stands in the place of a bad record."""
    described = error.as_dict()
    if described["line"] is None:
        described["line"] = record.line
    return {"id": record.id, "error": described}


def _blanks(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in words)


class _Interpreter:
    """Fields under a layout to a record."""

    def __init__(
        self, columns: Columns, cells: CellReader, need_mr: bool, a_line_is: Literal["mr", "text"]
    ) -> None:
        self.columns = columns
        self.cells = cells
        self.need_mr = need_mr
        self._line_role = a_line_is
        self._domain = columns.domain
        self._layouts: dict[tuple[str, ...], Layout | D2TError] = {}
        self._parsed: dict[str, MeaningRepresentation] = {}

    def fields_of(self, content: Mapping[str, Any] | str) -> Mapping[str, Any]:
        return {self._line_role: content} if isinstance(content, str) else content

    def layout(self, fields: Mapping[str, Any], tell: Callable[[Layout], None]) -> Layout:
        """The layout of an object's keys; those of earlier objects are kept."""
        keys = tuple(fields)
        known = self._layouts.get(keys)
        if known is None:
            try:
                known = self.columns.layout(keys, table=False, need_mr=self.need_mr)
                tell(known)
            except D2TError as error:
                known = error
            if len(self._layouts) < _LAYOUTS:
                self._layouts[keys] = known
        if isinstance(known, D2TError):
            raise known
        return known

    def record(self, index: int, line: int, fields: Mapping[str, Any], layout: Layout) -> Record:
        """The record; what is wrong with it is its ``error``."""
        id, extra = str(index), {name: fields[name] for name in layout.extra}
        try:
            own = _one(fields, layout, "id")
            named = _own_id(own)
            id = named or id
            if own is not None and named is None:
                raise DataError(
                    f"'id' must be a string or a number, found {str(own)[:40]}",
                    code="bad_record",
                )
            return Record(
                index,
                line,
                id,
                self._mr(fields, layout),
                _plan(_one(fields, layout, "plan")),
                _text(fields, layout),
                _references(fields, layout),
                extra,
                fields,
                has_id=named is not None,
            )
        except D2TError as error:
            error.line = line
            return Record(index, line, id, extra=extra, fields=fields, error=error)

    def _mr(self, fields: Mapping[str, Any], layout: Layout) -> MeaningRepresentation | None:
        source = _one(fields, layout, "mr")
        act = _one(fields, layout, "dialogue_act")
        if source is not None:
            mr = self._parse(source)
            return mr if act is None else self._with_act(mr, act)
        values: dict[str, Any] = {}
        asks = self._asks(act)
        for column, slot in layout.slots.items():
            value = fields[column]
            if value == "" and layout.table:
                continue
            held = self.cells.values(value, self._domain.slot(slot), empty=asks)
            if held and slot in values:
                values[slot] = [*values[slot], *held]
            elif held:
                values[slot] = _as_written(value, held)
        if not values and not self.need_mr:
            return None
        told = {slot: _unique(held) for slot, held in values.items()}
        return parse_mr(told if act is None else {**told, DIALOGUE_ACT: act}, self._domain)

    def _parse(self, source: Any) -> MeaningRepresentation:
        if isinstance(source, MeaningRepresentation):
            return source
        if isinstance(source, Mapping):
            return parse_mr(self._object(source), self._domain)
        if not isinstance(source, str):
            raise MRParseError(
                f"'mr' must be a text or an object, found {type(source).__name__}; "
                'write "mr": "name[Aromi]" or "mr": {"name": "Aromi"}',
                code="bad_record",
            )
        known = self._parsed.get(source)
        if known is None:
            table = dict_of(source) if source.startswith("{'") else None
            parsed = parse_mr(self._object(table) if table else source, self._domain)
            known = self._without_blanks(parsed)
            if known is parsed:
                if len(self._parsed) >= _REMEMBERED:
                    self._parsed.clear()
                self._parsed[source] = known
        return known

    def _object(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object of slots, its fields read as cells are."""
        read: dict[str, Any] = {}
        asks = self._asks(source.get(DIALOGUE_ACT))
        for key, value in source.items():
            if key == DIALOGUE_ACT:
                read[key] = value
                continue
            spec = self._domain.slot(str(key))
            held = self.cells.values(value, spec, cell=False, empty=asks)
            if held:
                read[key] = _unique(_as_written(value, held))
        return read

    def _asks(self, act: Any) -> bool:
        """Whether an act asks for slots, which then need no value; a wrong act is told later."""
        if not isinstance(act, str):
            return False
        try:
            return self._domain.dialogue_act(act) in self._domain.request_acts
        except D2TError:
            return False

    def _without_blanks(self, mr: MeaningRepresentation) -> MeaningRepresentation:
        """An MR written as text, without the slots whose value says that there is none."""
        suspects = [slot for slot in mr.slots if slot.value and self.cells.looks_blank(slot.value)]
        absent = {slot for slot in suspects if self.cells.is_blank(slot.value, self._spec(slot))}
        if not absent:
            return mr
        kept = tuple(slot for slot in mr.slots if slot not in absent)
        if not kept:
            raise _no_mr(None)
        return replace(mr, slots=kept)

    def _spec(self, slot: Any) -> Any:
        return self._domain.slot(slot.name)

    def _with_act(self, mr: MeaningRepresentation, beside: Any) -> MeaningRepresentation:
        """An act beside an MR holds where the MR names none; the two may not differ."""
        if not isinstance(beside, str):
            raise MRParseError(
                f"'dialogue_act' must be a string, found {beside!r}", code="bad_record"
            )
        act = self._domain.dialogue_act(beside)
        if mr.dialogue_act not in (act, self._domain.default_dialogue_act):
            raise MRParseError(
                f"the record says dialogue act {act!r}, its MR {mr.dialogue_act!r}; give one of "
                "them",
                code="bad_record",
            )
        return replace(mr, dialogue_act=act)


class _Text(list[Any]):
    """A value that stands alone, so that a list slot is cut at its commas."""


def _as_written(value: Any, held: list[Any]) -> list[Any]:
    return _Text(held) if isinstance(value, str) and list_of(value) is None else held


def _unique(values: list[Any]) -> Any:
    """Each value once; a text that stood alone still does."""
    seen: list[Any] = []
    known: set[tuple[type, Any]] = set()
    for value in values:
        if not isinstance(value, Hashable):  # a list inside a list: refused later, with its reason
            seen.append(value)
        elif (type(value), value) not in known:
            known.add((type(value), value))
            seen.append(value)
    return seen[0] if len(seen) == 1 and isinstance(values, _Text) else seen


def _one(fields: Mapping[str, Any], layout: Layout, role: Role) -> Any:
    """The content of the column of a role; None if there is no column or nothing in it."""
    for column in layout.roles.get(role, ()):
        value = fields[column]
        if value in (None, "", []) or (isinstance(value, float) and math.isnan(value)):
            continue
        if not isinstance(value, str) or value.strip():
            return value
    return None


def _own_id(value: Any) -> str | None:
    if isinstance(value, Mapping) and len(value) == 1 and "$oid" in value:
        value = value["$oid"]  # as MongoDB exports it
    if value is None or value == "" or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def _plan(value: Any) -> str | list[str] | None:
    if isinstance(value, str):
        return list_of(value) or value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return cast("list[str]", value)
    if value is None:
        return None
    raise MRParseError(
        f"field 'plan' must be a string such as \"area > food > name\" or a list of slot names, "
        f"was {type(value).__name__}",
        code="bad_plan",
    )


def _text(fields: Mapping[str, Any], layout: Layout) -> str | None:
    for column in layout.roles.get("text", ()):
        value = fields[column]
        if isinstance(value, str):
            return value
        if isinstance(value, float) and math.isnan(value):
            return ""
        if value is not None:
            raise DataError(
                f"field {column!r} must be a string, was {type(value).__name__}; "
                'write "" for an empty output',
                code="bad_text",
            )
    return None


def _references(fields: Mapping[str, Any], layout: Layout) -> tuple[str, ...]:
    texts: list[str] = []
    for column in layout.roles.get("references", ()):
        held = texts_of(fields[column])
        if held is None:
            raise DataError(
                f"field {column!r} must be a string or a list of strings: the references of this "
                "record",
                code="bad_references",
            )
        texts += [text for text in held if len(layout.roles["references"]) == 1 or text.strip()]
    return tuple(texts if len(layout.roles.get("references", ())) == 1 else dict.fromkeys(texts))


def _no_mr(line: int | None) -> MRParseError:
    return MRParseError(
        "the meaning representation is empty; give at least one slot, as in name[Aromi]",
        line=line,
        code="empty_mr",
    )
