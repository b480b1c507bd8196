"""Tables: CSV and its relatives, Excel workbooks and Parquet files, row by row under a header."""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from d2t.errors import D2TError, DataError, did_you_mean
from d2t.io.text_source import LATIN_CURE, bad_byte_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from d2t.io.text_source import OpenSource

Row = dict[str, Any] | D2TError
"""The cells of a row by column, or what is wrong with it."""

DELIMITERS = (",", "\t", ";", "|")
SEP_LINE = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_RULE = re.compile(r"[-+:=|\s]*--[-+:=|\s]*")
"""The line under the header of a table that is drawn with characters."""
_ROWS_BEFORE_HEADER = 20
_LOOKED_AT = 1_000
"""Columns of a header by which its delimiter is guessed."""
_LARGEST_UNPACKED = 4 << 30
_RATIO_OF_BOMBS = 500


@dataclass
class Table:
    """A table that is read row by row.

    Attributes:
        header: names of the columns, in order; a column without a name is called ``""``.
        line: where the header stands (1-based; 0: not in a line of its own).
        rows: line and row; rows without any content are left out.
        notes: what was recognised or guessed, for the report of the run.
    """

    header: list[str]
    line: int
    rows: Iterator[tuple[int, Row]]
    notes: list[str] = field(default_factory=list)


def read_csv(
    lines: Iterable[str],
    name: str,
    *,
    delimiter: str | None,
    is_known: Callable[[str], bool],
) -> Table | None:
    """Rows of delimited text; None if there is no line with content.

    A first line ``sep=;`` and ``delimiter`` name the delimiter; else it is the one of
    ``DELIMITERS`` that makes the most known columns of the header. Cells may be quoted with ``"``,
    or, where the whole header is, with ``'``. If the first line has no known column, a line soon
    below that has two is the header.

    Args:
        lines: with their ends.
        name: of the file, for messages.
        delimiter: one character; None: it is guessed.
        is_known: whether a name is one of a column that the caller reads.

    Raises:
        DataError: the header cannot be read, or names a column twice.
    """
    csv.field_size_limit(sys.maxsize)  # a long cell is judged by who reads it
    feed = iter(lines)
    notes: list[str] = []
    at = 1
    for first in feed:
        if named := SEP_LINE.fullmatch(first):
            delimiter = delimiter or named[1]
        elif first.strip():
            break
        at += 1
    else:
        return None
    chosen = delimiter or guess_delimiter(first, is_known)
    if not any(is_known(cell) for cell in header_cells(first, chosen)):
        ahead = list(islice(feed, _ROWS_BEFORE_HEADER))
        for number, line in enumerate(ahead):
            sign = delimiter or guess_delimiter(line, is_known)
            if sum(is_known(cell) for cell in header_cells(line, sign)) > 1:
                first, chosen, at = line, sign, at + number + 1
                notes.append(f"header in line {at}")
                ahead = ahead[number + 1 :]
                break
        feed = chain(ahead, feed)
    if delimiter is None and chosen not in ",\t":
        notes.append(f"CSV with {chosen!r} between the cells")
    quote = "'" if _single_quoted(first, chosen) else '"'
    reader = csv.reader(chain([first], feed), delimiter=chosen, quotechar=quote, strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
    except csv.Error as error:
        raise DataError(f"{name}: the CSV header cannot be read: {error}", line=at) from None
    if any(bad_byte_column(cell) for cell in header):
        raise DataError(
            f"{name}: the header is not UTF-8 text; {LATIN_CURE}", line=at, code="invalid_utf8"
        )
    _refuse_twins(header, name, at)
    return Table(header, at, _csv_rows(reader, header, at, notes), notes)


def guess_delimiter(header: str, is_known: Callable[[str], bool]) -> str:
    """The delimiter that makes the most known columns of a header, then the most columns."""
    present = [delimiter for delimiter in DELIMITERS if delimiter in header]

    def worth(delimiter: str) -> tuple[int, int]:
        cells = header_cells(header, delimiter)
        known = sum(is_known(cell) for cell in cells[:_LOOKED_AT])
        return known, len(cells) if not known else 0

    return max(present, key=worth, default=",")


def header_cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line, stripped; none if it is broken."""
    quote = "'" if _single_quoted(line, delimiter) else '"'
    try:
        cells = next(csv.reader([line], delimiter=delimiter, quotechar=quote), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in cells]


def _single_quoted(line: str, delimiter: str) -> bool:
    cells = [cell.strip() for cell in line.split(delimiter)]
    return all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in cells)


def _refuse_twins(header: list[str], name: str, line: int) -> None:
    named = [cell for cell in header if cell]
    if len(set(named)) < len(named):
        twin = next(cell for i, cell in enumerate(named) if cell in named[:i])
        raise DataError(
            f"{name}: two columns are called {twin!r}; give one of them another name",
            line=line,
            code="no_header",
        )


def _csv_rows(
    reader: Any, header: list[str], at: int, notes: list[str]
) -> Iterator[tuple[int, Row]]:
    names, is_first = header, True
    while True:
        line = at + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _broken(error, line)
            continue
        if not any(cell.strip() for cell in cells) or _RULE.fullmatch("|".join(cells)):
            continue
        if is_first and len(cells) == len(header) + 1 and cells[0] in ("0", "1"):
            names = ["", *header]
            notes.append("a first column without a name (row names of R)")
        is_first = False
        yield line, _csv_row(names, cells, line)


def _csv_row(header: list[str], cells: list[str], line: int) -> Row:
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]  # delimiters at the end of the line
    if len(cells) != len(header):
        return DataError(
            f"the row has {len(cells)} cells, the header has {len(header)}; "
            "put quotes around cells that hold delimiters",
            line=line,
            code="bad_record",
        )
    if any(bad_byte_column(cell) for cell in cells):
        return DataError(f"not UTF-8 text; {LATIN_CURE}", line=line, code="invalid_utf8")
    return dict(zip(header, cells, strict=True))


def _broken(error: csv.Error, line: int) -> DataError:
    why = "a quote is opened and never closed" if "end of data" in str(error) else str(error)
    return DataError(
        f"broken CSV in the row that starts at line {line}: {why}; "
        "write a quote inside a cell twice",
        line=line,
        code="broken_csv",
    )


def read_excel(source: OpenSource, *, sheet: str | None, is_known: Callable[[str], bool]) -> Table:
    """Rows of a sheet of an ``.xlsx`` workbook: of the one called ``sheet``, else the first.

    The header is the first of the rows at the top that has a known column, else the first row with
    content. Cells hold what was last computed, numbers and dates as such.

    Raises:
        DataError: it is no workbook, has no such sheet, or no row.
    """
    import openpyxl

    content = _seekable(source)
    _require_workbook(content, source.name)
    try:
        book = openpyxl.load_workbook(content, read_only=True, data_only=True)
        names = list(book.sheetnames)
        if sheet is not None and sheet not in names:
            hint = did_you_mean(sheet, names) or f"; there are {', '.join(map(repr, names))}"
            raise DataError(f"{source.name} has no sheet {sheet!r}{hint}", code="no_sheet")
        grid = book[sheet] if sheet is not None else book.worksheets[0]
        rows = ((n, list(row)) for n, row in enumerate(grid.iter_rows(values_only=True), start=1))
        full = ((n, row) for n, row in rows if any(cell not in (None, "") for cell in row))
        head = [row for _, row in zip(range(_ROWS_BEFORE_HEADER), full, strict=False)]
    except DataError:
        raise
    except Exception as error:  # whatever a damaged workbook makes openpyxl raise
        raise DataError(
            f"{source.name} cannot be read as an Excel workbook: {error}; save it anew, or as CSV",
            code="not_text",
        ) from error
    if not head:
        raise DataError(f"{source.name}: the sheet {grid.title!r} is empty", code="empty_file")
    notes = [f"sheet {grid.title!r}"] if sheet is None and len(names) > 1 else []
    at = next((i for i, (_, row) in enumerate(head) if any(is_known(_cell(c)) for c in row)), 0)
    line, cells = head[at]
    header = [_cell(cell).strip() for cell in cells]
    while header and not header[-1]:
        header.pop()
    if at:
        notes.append(f"header in row {line}")
    _refuse_twins(header, source.name, line)
    return Table(header, line, _excel_rows(chain(head[at + 1 :], full), header, source.name), notes)


def _excel_rows(
    rows: Iterable[tuple[int, list[Any]]], header: list[str], name: str
) -> Iterator[tuple[int, Row]]:
    try:
        for line, row in rows:
            cells = [_plain(cell) for cell in row[: len(header)]]
            if any(cell not in (None, "") for cell in row[len(header) :]):
                problem = f"the row has cells beyond the {len(header)} columns of the header"
                yield line, DataError(problem, line=line, code="bad_record")
                continue
            cells += [None] * (len(header) - len(cells))
            yield line, dict(zip(header, cells, strict=True))
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, zipfile.BadZipFile) as error:
        raise DataError(f"{name} is damaged: {error}; save it anew", code="read_failed") from error


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    """A cell as JSON has it: dates as text, as the ISO standard writes them."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return value


def _require_workbook(content: IO[bytes], name: str) -> None:
    """See that a ZIP archive is a workbook, and no bomb."""
    try:
        with zipfile.ZipFile(content) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(
            f"{name} is a damaged ZIP archive or workbook: {error}; save it anew", code="not_text"
        ) from error
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        held = ", ".join(repr(entry.filename) for entry in entries[:3]) or "nothing"
        raise DataError(
            f"{name} is a ZIP archive (of {held}), not a workbook; unpack it and name a file of it",
            code="not_text",
        )
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if unpacked > _LARGEST_UNPACKED or (
        unpacked > _LARGEST_UNPACKED >> 4 and unpacked > packed * _RATIO_OF_BOMBS
    ):
        raise DataError(
            f"{name} would unpack to {unpacked:,} bytes; save the table as CSV", code="not_text"
        )
    content.seek(0)


def read_parquet(source: OpenSource) -> Table:
    """Rows of a Parquet file.

    Raises:
        DataError: it is damaged.
        MissingExtraError: pyarrow is not installed.
    """
    from d2t.extras import explained_imports

    with explained_imports():
        import pyarrow as pa
        from pyarrow import parquet

    try:
        file = parquet.ParquetFile(_seekable(source))
        header = [str(name) for name in file.schema_arrow.names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{source.name} cannot be read as a Parquet file: {error}; write it anew",
            code="not_text",
        ) from error
    _refuse_twins(header, source.name, 0)

    def rows() -> Iterator[tuple[int, Row]]:
        at = 0
        try:
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    at += 1
                    yield at, {name: _plain(value) for name, value in row.items()}
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(
                f"{source.name} is damaged after row {at}: {error}; write it anew",
                code="read_failed",
            ) from error

    return Table(header, 0, rows())


def _seekable(source: OpenSource) -> IO[bytes]:
    """Such files are read from their end; what comes through a pipe is held in memory."""
    if source.is_file and "gzip" not in source.notes:
        source.handle.close()
        return open(source.source, "rb")
    with source.handle:
        return io.BytesIO(source.handle.read())
