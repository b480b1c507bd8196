"""``d2t check``: which words realise which slots, and what is missing, added, wrong or repeated."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli import options as opt
from d2t.cli.common import say, verdict, write_answers
from d2t.cli.reading import reads_records
from d2t.printable import one_line

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, Record
    from d2t.slots.types import SlotReport, Tally


@reads_records
def check(
    source: opt.Source = "-",
    domain: opt.Domain = "restaurant",
    lexicon: opt.Lexicon = None,
    max_ser: opt.MaxSer = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Print each text with its slots in colour, instead of JSON reports."
        ),
    ] = False,
    merge_synonyms: Annotated[
        bool,
        typer.Option(
            "--merge-synonyms",
            help="Treat values as equal that the domain.toml lists as synonyms, for example "
            "'cheap' and 'less than £20'.",
        ),
    ] = False,
    as_json: opt.JsonSummary = False,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Say which words of a text realise which slot, and which slots are missing, added or wrong.

    The command reads records with an MR (in a field `mr`, or with slots as columns) and a `text`
    (or `ref`, `hypothesis`, `output`) from JSON, CSV, Excel or Parquet files. For each record it
    writes a JSON report on standard output, in input order; the summary is printed on standard
    error. A bad record gives an error object in its place, and the exit code is then 3. The exit
    code is 4 if a gate is missed.

    Example:  `echo '{"mr": "name[Aromi]", "text": "Aromi is a pub."}' | d2t check --show`
    """
    from d2t.errors import UsageError
    from d2t.mr.domain import load_domain
    from d2t.mr.lexicon_layers import with_lexicons
    from d2t.mr.parse import unseen_values
    from d2t.mr.reader import RecordReader
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Tally, slots_as_list

    if show and as_json:
        raise UsageError("--show prints for people, --json for programs; give one of them")
    loaded = with_lexicons(load_domain(domain), lexicon or ())
    checker = SlotChecker.for_domain(loaded)
    tally = Tally()

    def read(record: Record) -> dict[str, Any] | None:
        """Check one record; what is written of it."""
        mr = record.require_mr()
        note = "the references were judged, because there is no column of texts"
        if record.text is None and note not in records.report.notes:
            records.report.notes.append(note)
        report = checker.check(record.require_text(), mr, merge_synonyms=merge_synonyms)
        tally.add(report)
        if show:
            _show(record, report, loaded)
        if show or as_json:
            return None
        unseen = slots_as_list(unseen_values(mr, loaded))
        return {"id": record.id, **report.as_dict(), "unseen": unseen}

    records = RecordReader(source, loaded, reading)
    tally.bad_lines = write_answers(records, read, list, strict=strict, show_errors=not as_json)
    signature = checker.signature(merge_synonyms=merge_synonyms)
    if as_json:
        summary = {**tally.as_dict(signature), "input": records.report.as_dict()}
        print(json.dumps(summary, ensure_ascii=False))
    else:
        say(tally.line(signature))
    raise typer.Exit(verdict(_missed(tally, max_ser), bad_lines=tally.bad_lines))


def _show(record: Record, report: SlotReport, domain: Domain) -> None:
    from rich.console import Console

    from d2t.slots.render import render_report

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    with console.capture() as shown:  # rich has an exit code of its own for closed pipes
        console.print(one_line(f"{record.id}  "), end="", style="bold", markup=False)
        console.print(render_report(report, domain.slot_names))
    sys.stdout.write(shown.get())


def _missed(tally: Tally, max_ser: float | None) -> str | None:
    """How ``--max-ser`` is missed; by no text at all too, which proves nothing."""
    if max_ser is None:
        return None
    if not tally.utterances:
        return "there is no text to which --max-ser applies"
    return f"SER {tally.ser:.2f}% is above --max-ser {max_ser:g}" if tally.ser > max_ser else None
