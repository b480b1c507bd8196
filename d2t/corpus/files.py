"""Read and write corpora: any file of records that the reader knows, or a saved dataset."""

from __future__ import annotations

import csv
import json
import logging
from typing import TYPE_CHECKING, Literal, TextIO

from d2t.corpus.hf import open_dataset
from d2t.corpus.records import example_of, example_to_record
from d2t.errors import D2TError, DataError
from d2t.io.records import write_record
from d2t.mr.cells import list_of
from d2t.mr.reader import ReadOptions, RecordReader
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport, Record
    from d2t.mr.render import TextForm

logger = logging.getLogger(__name__)


def read_corpus(
    path: Path,
    domain: Domain,
    *,
    name: str,
    reading: ReadOptions | None = None,
    say: Callable[[str], None] = logger.warning,
    on_report: Callable[[ReadReport], None] | None = None,
) -> list[Example]:
    """All examples of a corpus, one per row, ids ``{name}-{index}`` unless the file has ids.

    Args:
        path: a file with the columns ``mr`` and ``ref`` by any of their usual names, or with slots
            as columns; or the folder of a saved ``Dataset``.
        domain: resolves slot names and values.
        name: prefix of generated ids, e.g. ``e2e_cleaned-train``.
        reading: how it is read; with ``skip_bad`` bad records are left out.
        say: is told which records were left out, and, without ``on_report``, what was ignored,
            guessed or taken for absent.
        on_report: gets that instead.

    Raises:
        DataError: the file is absent or a record cannot be read; the message names the file, the
            line, and what to try.
    """
    corpus = CorpusReader(path, domain, name=name, reading=reading)
    skip_bad = reading is not None and reading.skip_bad
    examples, n_bad = [], 0
    for record, example in corpus:
        if not isinstance(example, D2TError):
            examples.append(example)
            continue
        if not skip_bad:
            raise DataError(
                f"{path}: {example.message} (`d2t data validate {path}` lists all bad lines; "
                "--skip-bad leaves them out)",
                line=record.line,
                column=example.column,
                code=example.code,
            ) from example
        n_bad += 1
        say(f"{path}: line {record.line} is left out: {example.message}")
    if on_report is not None:
        on_report(corpus.report)
    else:
        for line in corpus.report.lines():
            say(f"{path}: {line}")
    if n_bad:
        say(f"{path}: {n_bad} of {n_bad + len(examples)} records are left out")
    return examples


class CorpusReader:
    """Each record of a corpus with its example, or with what is wrong with it.

    Attributes:
        report: what reading it ignored, guessed or took for absent; grows with the records.
    """

    def __init__(
        self, path: Path, domain: Domain, *, name: str, reading: ReadOptions | None = None
    ) -> None:
        """Open it.

        Raises:
            DataError: the file itself cannot be read.
            MissingExtraError: it is a Parquet file or a saved ``Dataset``, and ``d2t[train]`` is
                not installed.
        """
        source = open_dataset(path) if path.is_dir() else str(path)
        self._reader = RecordReader(source, domain, reading)
        self._domain = domain
        self._name = name

    @property
    def report(self) -> ReadReport:
        """What the reader has to say."""
        return self._reader.report

    def __iter__(self) -> Iterator[tuple[Record, Example | D2TError]]:
        for record in self._reader:
            try:
                default_id = f"{self._name}-{record.index}"
                yield (
                    record,
                    example_of(record, self._domain, default_id=default_id, need_text=True),
                )
            except D2TError as error:
                yield record, error


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
            writer.writerows((source, _cell(text)) for text in example.references)
        return
    for example in examples:
        record = example_to_record(example, domain)
        if mr_form in ("e2e", "viggo"):
            record["mr"] = render_mr(example.mr, format=mr_form, domain=domain)
        write_record(stream, record)


def _cell(text: str) -> str:
    """A reference as it is read back: one that looks like a list stands in one."""
    return text if list_of(text) is None else json.dumps([text], ensure_ascii=False)
