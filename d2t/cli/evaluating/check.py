"""``d2t check``: which words realise which slots, the slot errors, and claims beyond the MR."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import say, verdict, write_answers
from d2t.cli.reading import reads_records
from d2t.io.records import record_line
from d2t.printable import one_line
from d2t.slots import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, Record
    from d2t.slots.explain import Source
    from d2t.slots.page import Page
    from d2t.slots.types import SlotReport, Tally


@reads_records
def check(
    source: opt.Source = "-",
    domain: opt.Domain = "restaurant",
    lexicon: opt.Lexicon = None,
    max_ser: opt.MaxSer = None,
    repeats: opt.Repeats = "error",
    max_unsupported: opt.MaxUnsupported = None,
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
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also name what each span was read by: the entry of a lexicon with its file and "
            "line, or the value of the MR. In JSON this is the key `sources` of a span; "
            "`not_counted` holds vague words that count for nothing.",
        ),
    ] = False,
    form: Annotated[
        Literal["jsonl", "csv"],
        typer.Option(
            "--format",
            help="jsonl writes a JSON report for each record. csv writes a table for a "
            "spreadsheet: one row for each record, with a column for each kind of error.",
        ),
    ] = "jsonl",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write one HTML page with all texts: coloured spans, errors, filters and "
            "search. It needs no network and no other file.",
        ),
    ] = None,
    as_json: opt.JsonSummary = False,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Say which words of a text realise which slot, and which slots are missing, added or wrong.

    The command reads records with an MR (in a field `mr`, or with slots as columns) and a `text`
    (or `ref`, `hypothesis`, `output`) from JSON, CSV, Excel or Parquet files. For each record it
    writes a JSON report on standard output, in input order; the summary is printed on standard
    error. Words that claim something beyond the MR ("free wifi", "great") are `unsupported`; they
    do not count in SER. A bad record gives an error object in its place, and the exit code is then
    3. The exit code is 4 if a gate is missed. If a reading is wrong, `d2t lexicon` mends it.

    Example:  `echo '{"mr": "name[Aromi]", "text": "Aromi is a pub."}' | d2t check --show`
    """
    from d2t.errors import UsageError
    from d2t.mr.domain import load_domain
    from d2t.mr.lexicon_layers import with_lexicons
    from d2t.mr.parse import unseen_values
    from d2t.mr.reader import RecordReader
    from d2t.slots.checker import SlotChecker
    from d2t.slots.explain import explain as explained_spans
    from d2t.slots.explain import spans_with_sources
    from d2t.slots.types import Tally, slots_as_list

    if show and as_json:
        raise UsageError("--show prints for people, --json for programs; give one of them")
    if form == "csv" and (show or as_json):
        raise UsageError("--format csv writes a table; leave out --show and --json")
    if explain and form == "csv" and html is None:
        raise UsageError("a table has no place for --explain; use --show, --html or JSON with it")
    if html is not None and html.exists() and Path(source).exists() and html.samefile(source):
        raise UsageError(f"--html would write over the texts in {source}; name another file")
    loaded = with_lexicons(load_domain(domain), lexicon or ())
    checker = SlotChecker.for_domain(loaded)
    tally = Tally(repeats=repeats)

    def read(record: Record) -> dict[str, Any] | None:
        """Check one record; what is written of it."""
        mr = record.require_mr()
        note = "the references were judged, because there is no column of texts"
        if record.text is None and note not in records.report.notes:
            records.report.notes.append(note)
        report = checker.check(
            record.require_text(), mr, merge_synonyms=merge_synonyms, strict_numbers=True,
            repeats=repeats,
        )  # fmt: skip
        tally.add(report)
        sources = explained_spans(checker, report.alignment, mr) if explain else []
        if page is not None:
            page.add(record.id, report, mr, sources)
        if show:
            _show(record, report, loaded, sources)
        if show or as_json:
            return None
        if form == "csv":
            return {_ROW: table.row(record.id, report)}
        found = report.as_dict()
        if explain:
            found["spans"] = spans_with_sources(found["spans"], sources)
            found["not_counted"] = [span.as_dict() for span in report.alignment.faint]
        unseen = slots_as_list(unseen_values(mr, loaded))
        return {"id": record.id, **found, "unseen": unseen}

    def line_of(answer: dict[str, Any]) -> str:
        """A report or an error as it is written."""
        message = answer["error"]["message"] if "error" in answer else ""
        if message and page is not None:
            page.add_error(answer["id"], message)
        if as_json:
            return ""
        if form == "jsonl":
            return record_line(answer)
        return answer[_ROW] if _ROW in answer else table.error_row(answer["id"], message)

    records = RecordReader(source, loaded, reading)
    with _page(html, source, loaded) as page:
        if form == "csv":
            print(table.header(), end="")
        tally.bad_lines = write_answers(
            records,
            read,
            list,
            strict=strict,
            show_errors=not as_json or html is not None,
            line_of=line_of,
        )
        signature = checker.signature(
            merge_synonyms=merge_synonyms, strict_numbers=True, repeats=repeats
        )
        if page is not None:
            page.close(tally.line(signature))
    if html is not None:
        say(f"page: {html}")
    if as_json:
        summary = {**tally.as_dict(signature), "input": records.report.as_dict()}
        print(json.dumps(summary, ensure_ascii=False))
    else:
        say(tally.line(signature))
    raise typer.Exit(verdict(_missed(tally, max_ser, max_unsupported), bad_lines=tally.bad_lines))


_ROW = "row"


@contextmanager
def _page(html: Path | None, source: str, domain: Domain) -> Iterator[Page | None]:
    """The page that ``--html`` asks for; it appears when it is complete."""
    if html is None:
        yield None
        return
    from d2t.io.atomic import atomic_write
    from d2t.io.text_source import STDIN
    from d2t.slots.page import Page

    name = "standard input" if source == STDIN else Path(source).name
    with atomic_write(html) as stream:
        yield Page(stream, f"d2t check: {name}", domain.slot_names)


def _show(
    record: Record,
    report: SlotReport,
    domain: Domain,
    sources: Sequence[tuple[Source, ...]],
) -> None:
    from rich.console import Console

    from d2t.slots.render import render_report

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    with console.capture() as shown:  # rich has an exit code of its own for closed pipes
        console.print(one_line(f"{record.id}  "), end="", style="bold", markup=False)
        console.print(render_report(report, domain.slot_names))
        for span, behind in zip(report.spans, sources, strict=False):
            words = report.alignment.text[span.start : span.end]
            for source in behind:
                line = one_line(f"    {words!r} is {span.slot}: {source}")
                console.print(line, style="dim", markup=False)
        for span in report.alignment.faint if sources else ():
            words = report.alignment.text[span.start : span.end]
            line = one_line(f"    {words!r} could be {span.slot}, but is vague: not counted")
            console.print(line, style="dim", markup=False)
    sys.stdout.write(shown.get())


def _missed(tally: Tally, max_ser: float | None, max_unsupported: int | None) -> str | None:
    """How a gate is missed; by no text at all too, which proves nothing."""
    gates = {"--max-ser": max_ser, "--max-unsupported": max_unsupported}
    asked = [name for name, limit in gates.items() if limit is not None]
    if asked and not tally.utterances:
        return f"there is no text to which {' and '.join(asked)} applies"
    missed: list[str] = []
    ser = tally.gated_ser
    if max_ser is not None and ser > max_ser:
        without = "" if tally.repeats == "error" else " without repeated slots"
        missed.append(f"SER{without} {ser:.2f}% is above --max-ser {max_ser:g}")
    if max_unsupported is not None and tally.unsupported > max_unsupported:
        claims = f"{tally.unsupported} unsupported claim{'s' * (tally.unsupported != 1)}"
        missed.append(f"{claims}: more than --max-unsupported {max_unsupported}")
    return "; ".join(missed) or None
