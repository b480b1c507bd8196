"""Read and write corpora: CSV with ``mr`` and ``ref`` columns, JSONL, Parquet, saved datasets."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Literal, TextIO

from d2t.corpus.hf import dataset_records, is_table
from d2t.corpus.records import example_from_record, example_to_record
from d2t.errors import D2TError, DataError
from d2t.io.records import read_records, write_record
from d2t.mr.parse import parse_mr
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.io.records import InputRecord
    from d2t.mr.domain import Domain
    from d2t.mr.render import TextForm
    from d2t.mr.types import MeaningRepresentation


def read_corpus(path: Path, domain: Domain, *, name: str) -> list[Example]:
    """All examples of a corpus file, one per row, ids ``{name}-{index}`` unless the file has ids.

    Args:
        path: CSV or Parquet (columns ``mr`` and ``ref``, found by name, or slots as columns),
            JSONL, or the folder of a saved ``Dataset``.
        domain: resolves slot names and values.
        name: prefix of generated ids, e.g. ``e2e_cleaned-train``.

    Raises:
        DataError: the file is absent or a record cannot be read; the message names the file, the
            line, and what to try.
    """
    examples = []
    for record, example in iter_corpus(path, domain, name=name):
        if isinstance(example, D2TError):
            raise DataError(
                f"{path}: {example.message} (`d2t data validate {path}` lists all bad lines)",
                line=record.line,
                column=example.column,
                code=example.code,
            ) from example
        examples.append(example)
    return examples


def iter_corpus(
    path: Path, domain: Domain, *, name: str
) -> Iterator[tuple[InputRecord, Example | D2TError]]:
    """Yield each record with its example or its error; an error does not end the stream.

    Raises:
        DataError: the file itself cannot be read.
        MissingExtraError: it is a Parquet file or a saved ``Dataset``, and ``datasets`` is not
            installed.
    """
    parsed: dict[str, MeaningRepresentation] = {}  # corpora repeat each MR many times
    records = (
        dataset_records(path)
        if is_table(path)
        else read_records(str(path), known_columns=domain.slot_names)
    )
    for record in records:
        try:
            yield record, _example(record, domain, name, parsed)
        except D2TError as error:
            yield record, error


def _example(
    record: InputRecord, domain: Domain, name: str, parsed: dict[str, MeaningRepresentation]
) -> Example:
    if record.error is not None:
        raise record.error
    fields = record.fields or {}
    source = fields.get("mr")
    known = None
    if isinstance(source, str) and source and "dialogue_act" not in fields:
        known = parsed.get(source)
        if known is None:
            known = parsed[source] = parse_mr(source, domain)
    return example_from_record(
        fields, domain, default_id=f"{name}-{record.index}", mr=known, need_text=True
    )


def write_corpus(
    stream: TextIO,
    examples: Iterable[Example],
    domain: Domain,
    *,
    form: Literal["csv", "jsonl"],
    mr_form: TextForm = "auto",
) -> None:
    """Write a corpus as CSV or JSONL; ``d2t.corpus.hf`` writes datasets.

    CSV has a header and one row a reference, and no place for ids and plans; JSONL keeps them, one
    object an example.

    Args:
        stream: receives the text.
        examples: what to write.
        domain: the domain of the examples.
        form: the format of the file.
        mr_form: how MRs are written; ``auto`` is the domain's usual text in CSV and an
            object in JSONL.

    Raises:
        DomainError: ``mr_form`` is ``e2e`` and an MR has another act than the domain's default.
    """
    if form == "csv":
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["mr", "ref"])
        for example in examples:
            source = render_mr(example.mr, format=mr_form, domain=domain)
            writer.writerows((source, text) for text in example.references)
        return
    for example in examples:
        record = example_to_record(example, domain)
        if mr_form in ("e2e", "viggo"):
            record["mr"] = render_mr(example.mr, format=mr_form, domain=domain)
        write_record(stream, record)
