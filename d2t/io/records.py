"""Records of any file that people have: JSON, CSV, Excel, Parquet or plain lines, streamed."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO

from d2t.errors import D2TError, DataError, UsageError
from d2t.io import strict_json
from d2t.io.tables import (
    DELIMITERS,
    SEP_LINE,
    Table,
    guess_delimiter,
    header_cells,
    read_csv,
    read_excel,
    read_parquet,
)
from d2t.io.text_source import LATIN_CURE, bad_byte_column, open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from d2t.io.text_source import OpenSource

RecordFormat = Literal["auto", "jsonl", "json", "csv", "excel", "parquet", "lines"]
_SUFFIXES: dict[str, RecordFormat] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".tab": "csv",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT = '{"mr": "name[Aromi]"}'
_FOREIGN = {
    r"<(?:\?xml|!doctype|html|table|root)\b": "XML or HTML",
    r"(?:insert\s+into|create\s+table|drop\s+table)\b": "a dump of an SQL database",
    r"---\s*$|- \w+:\s": "YAML",
    r"\+[-=+]{3,}$": "a table that is drawn with characters",
    r"\[\[\w+\]\]$": "TOML",
}
"""How files of other kinds begin that are given for tables."""
_BETWEEN = re.compile(r"[\s,]*")


class RawRecord(NamedTuple):
    """One record of a source as it stands there, good or bad.

    Attributes:
        line: 1-based line, or row of a table, where it starts.
        content: its fields; a string where it is no object, which is an MR or a text; or what is
            wrong with it.
    """

    line: int
    content: dict[str, Any] | str | D2TError


@dataclass
class RecordSource:
    """An open source of records.

    Attributes:
        name: what messages call it.
        format: what it turned out to be; ``empty`` without any content.
        header: the columns of a table, which all its records share; None: it is no table.
        header_line: where they stand.
        notes: what was recognised or guessed about the file, for the report of the run.
    """

    name: str
    format: str
    records: Iterator[RawRecord]
    header: list[str] | None = None
    header_line: int = 0
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[RawRecord]:
        return self.records


def open_records(
    source: str,
    *,
    format: RecordFormat = "auto",
    delimiter: str | None = None,
    sheet: str | None = None,
    is_known: Callable[[str], bool] = lambda name: False,
) -> RecordSource:
    """Open a source at once and stream its records; blank lines are skipped.

    Text may be UTF-8, UTF-16 or UTF-32, and compressed with gzip.

    Args:
        source: a file, or ``-`` for standard input.
        format: ``jsonl`` (an object or a string a line), ``json`` (one document: an array of
            objects, an object that holds one such array, or objects one after the other), ``csv``
            (any delimiter), ``excel``, ``parquet``, ``lines`` (a text a line), or ``auto``: by
            the content, and the file's suffix where that leaves a doubt.
        delimiter: of ``csv``, one character or ``tab``; None: it is guessed.
        sheet: of ``excel``; None: the first.
        is_known: whether a name is one of a column that the caller reads; tells a header from
            a line of text.

    Raises:
        DataError: the file is missing, is a folder, cannot be read or is of an unknown kind; the
            message says what to do. A bad record is one whose content is an error.
        UsageError: ``delimiter`` or ``sheet`` do not fit.
        MissingExtraError: Parquet needs pyarrow.
    """
    delimiter = _one_character(delimiter)
    opened = open_bytes(source)
    if format == "parquet" or (format == "auto" and opened.head.startswith(b"PAR1")):
        return _of_table(opened, "parquet", read_parquet(opened))
    if format == "excel" or (format == "auto" and opened.head.startswith(b"PK\x03\x04")):
        return _of_table(opened, "excel", read_excel(opened, sheet=sheet, is_known=is_known))
    if sheet is not None:
        raise UsageError(f"--sheet is for Excel workbooks, and {opened.name} is none")
    lines = opened.lines()
    if format == "auto" and delimiter is not None:
        format = "csv"
    if format == "auto":
        head = list(_head(lines))
        format = _sniff(head, source, is_known)
        lines = chain(head, lines)
    if format == "csv":
        table = read_csv(lines, opened.name, delimiter=delimiter, is_known=is_known)
        return _of_table(opened, "csv", table)
    if delimiter is not None:
        raise UsageError(f"--delimiter is for CSV, and {opened.name} is read as {format}")
    reader = {"jsonl": _json_lines, "json": _json_document, "lines": _text_lines}[format]
    return RecordSource(opened.name, format, reader(lines, opened.name), notes=opened.notes)


def _one_character(delimiter: str | None) -> str | None:
    if delimiter is None or delimiter.casefold() in ("tab", r"\t"):
        return None if delimiter is None else "\t"
    if len(delimiter) != 1 or delimiter in "\r\n\"'":
        raise UsageError(
            f"--delimiter is {delimiter!r}; expected one character such as ';', or 'tab'"
        )
    return delimiter


def _of_table(opened: OpenSource, format: str, table: Table | None) -> RecordSource:
    if table is None:
        return RecordSource(opened.name, "empty", iter(()), notes=opened.notes)
    records = (RawRecord(line, row) for line, row in table.rows)
    table.notes[:0] = opened.notes  # the table adds to its notes while it is read
    return RecordSource(opened.name, format, records, table.header, table.line, table.notes)


def _head(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the first with content; one more where that one opens a JSON value."""
    wanted = 1
    for line in lines:
        yield line
        if line.strip():
            wanted -= 1
            if line.lstrip("\x1e\ufeff \t")[:1] in ("[", "{") and not _is_json(line):
                wanted += 1
            if wanted <= 0:
                return


def _sniff(head: list[str], source: str, is_known: Callable[[str], bool]) -> RecordFormat:
    """What kind of text it is, by its first lines with content and the suffix of the file."""
    content = [line for line in head if line.strip()]
    by_suffix = _SUFFIXES.get(PurePath(source.removesuffix(".gz")).suffix.casefold(), "auto")
    if not content:
        return "lines"
    first = content[0].strip("\x1e\ufeff \t\r\n")
    for pattern, what in _FOREIGN.items():
        if re.match(pattern, first, re.IGNORECASE):
            raise DataError(
                f"{source if source != '-' else 'standard input'} looks like {what}; export the "
                "table as CSV or JSON Lines",
                code="not_text",
            )
    if not first:
        return "lines"
    if first[0] == "[":
        return "json"
    if first[0] == "{":
        return _sniff_object(content, is_known)
    if by_suffix != "auto":
        return by_suffix
    if SEP_LINE.fullmatch(content[0]):  # unstripped: a tab may stand there
        return "csv"
    cells = header_cells(first, guess_delimiter(first, is_known))
    if any(is_known(cell) for cell in cells) and not _is_string(first, cells, is_known):
        return "csv"
    if first[0] == '"' and _is_json(first):
        return "jsonl"
    is_table = not re.search(r"\w[\[(]", first) and any(
        delimiter in first for delimiter in DELIMITERS
    )
    return "csv" if is_table and not first.endswith((".", "!", "?")) else "lines"


def _is_string(line: str, cells: list[str], is_known: Callable[[str], bool]) -> bool:
    """Whether a line in quotes is one JSON string, rather than the header of one column."""
    return line[0] == '"' and len(cells) == 1 and not is_known(cells[0])


def _sniff_object(content: list[str], is_known: Callable[[str], bool]) -> RecordFormat:
    """One object a line, or a document that goes over several lines."""
    try:
        value = strict_json.loads(content[0], nan=True)
    except json.JSONDecodeError as error:
        unfinished = error.pos >= len(content[0].rstrip())
        next_is_object = len(content) > 1 and content[1].startswith("{")
        return "json" if unfinished and len(content) > 1 and not next_is_object else "jsonl"
    except ValueError:
        return "jsonl"
    whole = _wrapped(value, is_known) is not None or _is_sideways(value)
    return "json" if whole else "jsonl"


def _is_json(text: str) -> bool:
    try:
        strict_json.loads(text, nan=True)
    except ValueError:
        return False
    return True


def _wrapped(value: dict[str, Any], is_known: Callable[[str], bool]) -> list[Any] | None:
    """The records of a document that holds them as one list of objects; None: it is a record."""
    if any(is_known(key) for key in value):
        return None
    if isinstance(names := value.get("columns"), list) and isinstance(
        rows := value.get("data"), list
    ):  # pandas: orient="split"
        return [dict(zip(map(str, names), row, strict=False)) for row in rows]
    lists = [
        items
        for items in value.values()
        if isinstance(items, list) and items and all(isinstance(item, dict) for item in items)
    ]
    return lists[0] if len(lists) == 1 else None


def _is_sideways(value: dict[str, Any]) -> bool:
    """Whether an object is a table by columns or by index, as pandas writes it by default."""
    inner = list(value.values())
    if len(inner) > 1 and all(isinstance(item, list) and len(item) > 1 for item in inner):
        return len({len(item) for item in inner}) == 1
    if not inner or not all(isinstance(item, dict) and item for item in inner):
        return False
    numbered = all(key.isdigit() for item in inner for key in item) or all(map(str.isdigit, value))
    return numbered or len({tuple(item) for item in inner}) == 1 < len(inner)


def _text_lines(lines: Iterable[str], name: str) -> Iterator[RawRecord]:
    for number, raw in enumerate(lines, start=1):
        if text := raw.strip():
            yield RawRecord(number, _not_utf8(raw) or text)


def _not_utf8(raw: str) -> DataError | None:
    column = bad_byte_column(raw)
    if column is None:
        return None
    return DataError(
        f"not UTF-8 text at column {column}; {LATIN_CURE}", column=column, code="invalid_utf8"
    )


def _json_lines(lines: Iterable[str], name: str) -> Iterator[RawRecord]:
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        if (error := _not_utf8(raw)) is not None:
            yield RawRecord(number, error)
            continue
        text = raw.strip("\r\n\x1e\ufeff \t")
        try:
            for value, written in _values(text):
                yield RawRecord(number, _content(value, written))
        except json.JSONDecodeError as broken:
            hint = "; it is a dictionary as Python writes it, use json.dumps" * text.startswith(
                "{'"
            )
            problem = DataError(
                f"broken JSON: {broken.msg} at column {broken.colno}{hint}; "
                f"expected one object a line, such as {_OBJECT}",
                column=broken.colno,
                code="broken_json",
            )
            yield RawRecord(number, problem)
        except ValueError as unusable:
            yield RawRecord(number, DataError(f"unusable JSON: {unusable}", code="broken_json"))


def _values(text: str) -> Iterator[tuple[Any, str]]:
    """The values of a line: usually one; a comma may stand behind each."""
    at = 0
    while at < len(text):
        value, end = strict_json.decode_at(text, at, nan=True)
        yield value, text[at:end]
        at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing, too
        if at == end and at < len(text) and text[at] not in '{["':
            raise json.JSONDecodeError("Extra data", text, at)


def _content(value: Any, written: str) -> dict[str, Any] | str | D2TError:
    if isinstance(value, dict | str):
        return value
    return DataError(
        f"expected a JSON object such as {_OBJECT}, found {written.strip()[:40]!r}",
        column=1,
        code="bad_record",
    )


def _json_document(lines: Iterable[str], name: str) -> Iterator[RawRecord]:
    """The records of a document, decoded one after the other; it is held in memory as text."""
    text = "".join(lines)
    if (column := bad_byte_column(text)) is not None:
        line = text.count("\n", 0, column) + 1
        raise DataError(f"{name} is not UTF-8 text; {LATIN_CURE}", line=line, code="invalid_utf8")
    start = _BETWEEN.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    inside = text.startswith("[", start)
    at = start + 1 if inside else start
    n_values, line, counted = 0, 1, 0
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, at), at
        if inside and text.startswith("]", at):
            rest = text[at + 1 :].strip()
            if rest:
                raise DataError(
                    f"{name}: there is more after the JSON array: {rest[:40]!r}; write one array, "
                    "or one object a line",
                    line=line,
                    code="broken_json",
                )
            return
        if at == len(text):
            if inside:
                raise DataError(
                    f"{name}: the JSON array is not closed by ']'; the file may be cut off",
                    line=line,
                    code="broken_json",
                )
            return
        try:
            value, end = strict_json.decode_at(text, at, nan=True)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{name}: broken JSON: {error.msg}; nothing can be read beyond this place",
                line=error.lineno,
                column=error.colno,
                code="broken_json",
            ) from None
        except ValueError as error:
            raise DataError(
                f"{name}: unusable JSON: {error}", line=line, code="broken_json"
            ) from None
        alone = not inside and n_values == 0 and not text[end:].strip()
        if alone and isinstance(value, dict):
            yield from _lone_object(value, text, name)
            return
        yield RawRecord(line, _content(value, text[at:end]))
        n_values, at = n_values + 1, end


def _lone_object(value: dict[str, Any], text: str, name: str) -> Iterator[RawRecord]:
    """A document that is one object: a wrapped list of records, a table on its side, a record."""
    wrapped = _wrapped(value, lambda key: False)
    if wrapped is not None and "schema" in value:  # pandas: orient="table"
        wrapped = [{k: v for k, v in item.items() if k != "index"} for item in wrapped]
    if wrapped is not None:
        for index, item in enumerate(wrapped):
            yield RawRecord(index + 1, _content(item, str(item)))
        return
    if _is_sideways(value):
        raise DataError(
            f"{name} is one JSON object for a whole table, with the keys "
            f"{', '.join(map(repr, list(value)[:3]))}, as pandas writes a table by columns or by "
            "index; write one object a row: df.to_json(FILE, orient='records', lines=True)",
            code="json_table",
        )
    yield RawRecord(text.count("\n", 0, text.index("{")) + 1, value)


def write_record(stream: TextIO, obj: Mapping[str, Any]) -> None:
    """Write ``record_line``; the caller flushes."""
    stream.write(record_line(obj))


def record_line(obj: Mapping[str, Any]) -> str:
    """One JSON line, human-readable Unicode.

    Lone surrogates are written as JSON escapes, numbers that JSON does not have (NaN) as null.
    """
    try:
        text = json.dumps(obj, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(obj), ensure_ascii=False)
    if _SURROGATE.search(text):
        text = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
