"""Records in and out: JSONL, CSV or one MR a line, streamed; a bad line never stops the stream."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, TextIO

from d2t.errors import D2TError, DataError
from d2t.io import strict_json
from d2t.io.csv_rows import KNOWN_COLUMNS, CsvRow, looks_like_header, read_rows
from d2t.io.text_source import bad_byte_column, decoded_lines, display_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "KNOWN_COLUMNS", "CsvRow", "InputRecord", "RecordFormat", "error_record", "read_records",
    "write_record",
]  # fmt: skip

RecordFormat = Literal["auto", "jsonl", "csv", "lines"]
_SUFFIXES: dict[str, RecordFormat] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT = '{"mr": "name[Aromi]"}'


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One record of an input stream, good or bad.

    Attributes:
        index: 0-based number among the records, bad ones counted.
        line: 1-based line of the source where it starts.
        id: its own ``id`` field, else ``str(index)``.
        fields: what it holds; None when it could not be read. A ``CsvRow`` when it came from CSV.
        error: why it could not be read; its ``line`` and ``column`` refer to the source.
    """

    index: int
    line: int
    id: str
    fields: dict[str, Any] | None
    error: D2TError | None


def read_records(
    source: str,
    *,
    format: RecordFormat = "auto",
    limit: int | None = None,
    known_columns: Iterable[str] | None = None,
) -> Iterator[InputRecord]:
    """Open ``source`` at once and stream its records; blank lines are skipped.

    Args:
        source: a file, or ``-`` for standard input.
        format: ``jsonl`` (an object a line; a string is taken as an MR), ``csv`` (header required),
            ``lines`` (an MR a line, giving ``{"mr": line}``), or ``auto``: by the file's suffix,
            else by the first line that is not blank.
        limit: stop after this many records.
        known_columns: column names by which a CSV header is recognised, beside ``KNOWN_COLUMNS``
            (give the domain's slot names). With None, only a first row that looks like data is
            refused.

    Raises:
        DataError: the file is missing, is a folder, cannot be read, is UTF-16, or is CSV without a
            header; the message says what to do. A bad line is a record with ``error``.
    """
    known = None if known_columns is None else tuple(known_columns)
    lines = decoded_lines(source)
    if format == "auto":
        format = _SUFFIXES.get(PurePath(source).suffix.casefold(), "auto")
    if format == "auto":
        head = _until_content(lines)
        format = _sniff(head[-1], known) if head else "lines"
        lines = chain(head, lines)
    if format == "csv":
        records = _csv_records(lines, source, known)
    else:
        records = _line_records(lines, source, json_lines=format == "jsonl")
    return islice(records, limit)


def write_record(stream: TextIO, obj: Mapping[str, Any]) -> None:
    """Write one JSON line, human-readable Unicode; the caller flushes.

    Lone surrogates are written as JSON escapes, numbers that JSON does not have (NaN) as null.
    """
    try:
        text = json.dumps(obj, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(obj), ensure_ascii=False)
    if _SURROGATE.search(text):
        text = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    stream.write(text + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _until_content(lines: Iterator[str]) -> list[str]:
    """The lines up to and including the first that is not blank; empty when there is none."""
    head: list[str] = []
    for line in lines:
        head.append(line)
        if line.strip():
            return head
    return []


def _sniff(line: str, known: tuple[str, ...] | None) -> RecordFormat:
    if line.lstrip().startswith(("{", '"')) and not looks_like_header(line, known):
        return "jsonl"
    return "csv" if looks_like_header(line, known) else "lines"


def _csv_records(
    lines: Iterable[str], source: str, known: tuple[str, ...] | None
) -> Iterator[InputRecord]:
    rows = read_rows(lines, display_name(source), known)
    for index, (line, row) in enumerate(rows):
        if isinstance(row, D2TError):
            yield InputRecord(index, line, str(index), None, row)
        else:
            yield _record(index, line, row)


def _line_records(lines: Iterable[str], source: str, *, json_lines: bool) -> Iterator[InputRecord]:
    index = 0
    for number, raw in enumerate(lines, start=1):
        text = raw.strip()
        if not text:
            continue
        if json_lines and index == 0 and text.startswith("["):
            raise DataError(
                f"{display_name(source)} is a JSON array; expected one JSON object a line: "
                "convert it, for example with jq -c '.[]'",
                line=number,
                code="json_array",
            )
        try:
            if (column := bad_byte_column(raw)) is not None:
                raise DataError(
                    f"not UTF-8 text at column {column}; save the file as UTF-8",
                    column=column,
                    code="invalid_utf8",
                )
            fields = _object(raw.rstrip("\r\n")) if json_lines else {"mr": text}
            yield _record(index, number, fields)
        except D2TError as error:
            error.line = number
            yield InputRecord(index, number, str(index), None, error)
        index += 1


def _record(index: int, line: int, fields: dict[str, Any]) -> InputRecord:
    own = fields.get("id")
    if own is None or own == "":
        own = index
    if isinstance(own, str | int | float) and not isinstance(own, bool):
        return InputRecord(index, line, str(own), fields, None)
    error = DataError(
        f"'id' must be a string or a number, found {json.dumps(own)[:40]}",
        line=line,
        code="bad_record",
    )
    return InputRecord(index, line, str(index), None, error)


def _object(text: str) -> dict[str, Any]:
    """One JSON line: an object, or a string that is an MR."""
    try:
        value = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"broken JSON: {error.msg} at column {error.colno}; "
            f"expected one object a line, such as {_OBJECT}",
            column=error.colno,
            code="broken_json",
        ) from None
    except ValueError as error:
        raise DataError(f"unusable JSON: {error}", code="broken_json") from None
    if isinstance(value, str):
        return {"mr": value}
    if not isinstance(value, dict):
        raise DataError(
            f"expected a JSON object such as {_OBJECT}, found {text[:40]!r}",
            column=1,
            code="bad_record",
        )
    return value


def error_record(record: InputRecord, error: D2TError) -> dict[str, Any]:
    """``{id, error: {code, message, line, column}}``: what stands in the place of a bad record."""
    described = error.as_dict()
    if described["line"] is None:
        described["line"] = record.line
    return {"id": record.id, "error": described}
