"""CSV rows under a required header, each row good or bad on its own."""

from __future__ import annotations

import csv
import re
import sys
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError
from d2t.io.text_source import bad_byte_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KNOWN_COLUMNS = (
    "id", "mr", "text", "ref", "refs", "reference", "references", "plan", "dialogue_act",
    "hypothesis", "target", "orig_mr",
)  # fmt: skip
"""Column names by which a CSV header is recognised, beside those the caller knows."""

_LONGEST_NAME = 64
_DELIMITERS = (",", "\t", ";")


class CsvRow(dict[str, Any]):
    """The fields of a record that came from CSV: every value is the text of a cell."""


def looks_like_header(line: str, known: tuple[str, ...] | None) -> bool:
    """Whether one of the line's cells is a known column name (blanks and case aside)."""
    return _n_known(_cells(line, _delimiter(line, known or ())), known or ()) > 0


def read_rows(
    lines: Iterable[str], name: str, known: tuple[str, ...] | None
) -> Iterator[tuple[int, CsvRow | DataError]]:
    """Yield ``(first line of the row, row or what is wrong with it)``; blank rows are skipped.

    Raises:
        DataError: there is no header (code ``no_header``).
    """
    csv.field_size_limit(
        sys.maxsize
    )  # a long cell is judged by who reads it, not by the csv module
    feed = iter(lines)
    header_line, first = _first_content(feed)
    if first is None:
        return
    delimiter = _delimiter(first, known or ())
    reader = csv.reader(_chain(first, feed), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = header_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if header is None:
                raise DataError(
                    f"{name}: the CSV header cannot be read: {error}", line=line
                ) from None
            yield line, _broken(error, line)
            continue
        if header is None:
            header = _header(cells, name, line, known)
        elif any(cell.strip() for cell in cells):
            yield line, _row(header, cells, line)


def _row(header: list[str], cells: list[str], line: int) -> CsvRow | DataError:
    if len(cells) != len(header):
        return DataError(
            f"the row has {len(cells)} cells, the header has {len(header)}; "
            "put quotes around cells that hold commas",
            line=line,
            code="bad_record",
        )
    if any(bad_byte_column(cell) for cell in cells):
        return DataError("not UTF-8 text; save the file as UTF-8", line=line, code="invalid_utf8")
    return CsvRow(zip(header, cells, strict=True))


def _broken(error: csv.Error, line: int) -> DataError:
    why = "a quote is opened and never closed" if "end of data" in str(error) else str(error)
    return DataError(
        f"broken CSV in the row that starts at line {line}: {why}; "
        "write a quote inside a cell twice",
        line=line,
        code="broken_csv",
    )


def _header(cells: list[str], name: str, line: int, known: tuple[str, ...] | None) -> list[str]:
    header = [cell.strip() for cell in cells]
    if not _n_known(header, known or ()):
        unlike = known is not None or any(
            not cell or "[" in cell or len(cell) > _LONGEST_NAME or cell.isdigit()
            for cell in header
        )
        if unlike:
            raise DataError(
                f"{name} is CSV without a header: none of its first row's cells is a known column "
                f"({', '.join((*KNOWN_COLUMNS[:4], *(known or ())[:8]))}, ...); "
                "add a first line that names the columns (d2t generate: name yours with --map "
                "'Your column=slot'), or read the file with another format",
                line=line,
                code="no_header",
            )
    if len(set(header)) < len(header):
        twin = next(cell for i, cell in enumerate(header) if cell in header[:i])
        raise DataError(
            f"{name}: two columns are called {twin!r}; rename one", line=line, code="no_header"
        )
    return header


def _n_known(cells: list[str], known: tuple[str, ...]) -> int:
    names = {_fold(name) for name in (*KNOWN_COLUMNS, *known)}
    return sum(_fold(cell) in names for cell in cells)


def _fold(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _delimiter(header: str, known: tuple[str, ...]) -> str:
    """The one that makes the most known columns: a name of a column may hold one of the others."""
    present = [delimiter for delimiter in _DELIMITERS if delimiter in header]
    return max(
        present, key=lambda delimiter: _n_known(_cells(header, delimiter), known), default=","
    )


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _first_content(lines: Iterator[str]) -> tuple[int, str | None]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return number, line
    return 0, None


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
