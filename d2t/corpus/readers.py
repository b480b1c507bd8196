"""Read corpus files: CSV with ``mr`` and ``ref`` columns, or JSONL records."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from d2t.corpus.records import example_from_record
from d2t.corpus.types import Example
from d2t.errors import D2TError, DataError
from d2t.io.records import read_records
from d2t.mr.parse import parse_mr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

REQUIRED_COLUMNS = ("mr", "ref")

# csv's default of 128 KiB a field is a limit of the module, not of corpora.
csv.field_size_limit(2**24)


def read_corpus(path: Path, domain: Domain, *, name: str) -> list[Example]:
    """All examples of a corpus file, one per row, ids ``{name}-{index}`` unless the file has ids.

    Args:
        path: a ``.csv`` (columns ``mr`` and ``ref`` by name, others ignored) or ``.jsonl`` file.
        domain: resolves slot names and values.
        name: prefix of generated ids, e.g. ``e2e_cleaned-train``.

    Raises:
        DataError: the file is absent, not UTF-8, lacks a column, or a row cannot be read; the
            message names the file, the line, and what to try.
    """
    return list(iter_corpus(path, domain, name=name))


def iter_corpus(path: Path, domain: Domain, *, name: str) -> Iterator[Example]:
    """Like :func:`read_corpus`, one example at a time."""
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise DataError(f"{path} {what}; expected a CSV (columns mr, ref) or JSONL corpus file")
    if path.suffix == ".jsonl":
        yield from _iter_jsonl(path, domain, name)
    else:
        yield from _iter_csv(path, domain, name)


def iter_csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """``(line, row)`` for each row of a CSV that has the required columns; ``line`` is 1-based.

    Raises:
        DataError: no header, a missing column, bytes that are not UTF-8, or a broken quote.
    """
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle, restkey="__rest__", restval="")
        try:
            header = reader.fieldnames or []
            if missing := [column for column in REQUIRED_COLUMNS if column not in header]:
                raise DataError(
                    f"{path}: no column {missing[0]!r}; the first line must be a header with "
                    f"columns mr and ref, and it reads {','.join(header)[:80]!r}",
                    line=1,
                    code="csv_header",
                )
            line = reader.line_num + 1
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8", code="encoding"
            ) from error
        except csv.Error as error:
            raise DataError(f"{path}: {error}", line=reader.line_num, code="csv") from error


def _iter_csv(path: Path, domain: Domain, name: str) -> Iterator[Example]:
    parsed: dict[str, MeaningRepresentation] = {}  # corpora repeat each MR many times
    for index, (line, row) in enumerate(iter_csv_rows(path)):
        source = row["mr"]
        if source not in parsed:
            try:
                parsed[source] = parse_mr(source, domain)
            except D2TError as error:
                raise _located(error, path, line) from error
        yield Example(f"{name}-{index}", parsed[source], (row["ref"],))


def _iter_jsonl(path: Path, domain: Domain, name: str) -> Iterator[Example]:
    for record in read_records(str(path), format="jsonl"):
        if record.error is not None:
            raise _located(record.error, path, record.line)
        fields: dict[str, Any] = record.fields or {}
        own_id = str(fields["id"]) if "id" in fields else f"{name}-{record.index}"
        try:
            yield example_from_record(fields, domain, default_id=own_id)
        except D2TError as error:
            raise _located(error, path, record.line) from error


def _located(error: D2TError, path: Path, line: int) -> DataError:
    return DataError(
        f"{path}: {error.message} (`d2t data validate {path}` lists all bad lines)",
        line=line,
        column=error.column,
        code=error.code,
    )
