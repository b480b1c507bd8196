"""Write corpus files: CSV with ``mr`` and ``ref`` columns, or JSONL records."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Literal, TextIO

from d2t.corpus.records import example_to_record
from d2t.io.records import write_record
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain

MRForm = Literal["auto", "e2e", "viggo", "json"]


def write_corpus(
    stream: TextIO,
    examples: Iterable[Example],
    domain: Domain,
    *,
    form: Literal["csv", "jsonl"],
    mr_form: MRForm = "auto",
) -> None:
    """Write a corpus file.

    CSV has a header and one row a reference, and no place for ids and plans; JSONL keeps them, one
    object an example.

    Args:
        stream: where to.
        examples: what.
        domain: of the examples.
        form: of the file.
        mr_form: of the MRs; ``auto`` is the domain's usual text in CSV and an object in JSONL.

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
