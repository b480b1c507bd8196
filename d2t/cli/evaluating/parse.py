"""``d2t parse``: what do texts say?  Slots and values by a learned parser or by rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import exit_after, limit_threads, write_answers
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def parse(
    source: opt.Source = "-",
    model: Annotated[
        Path | None,
        typer.Option(help="Read texts with the parser in this folder, from `d2t train-parser`."),
    ] = None,
    rules: Annotated[
        bool, typer.Option("--rules", help="Read texts with the rules of the slot checker.")
    ] = False,
    domain: Annotated[
        str | None,
        typer.Option(
            help="With --rules: the name of a shipped domain, or a folder that holds a "
            "domain.toml [default: restaurant]."
        ),
    ] = None,
    lexicon: opt.Lexicon = None,
    min_confidence: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="With --model: `sure` is false if the confidence is below this."
        ),
    ] = 0.5,
    batch_size: opt.BatchSize = 64,
    threads: opt.TorchThreads = None,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Read which slots and values texts say, by a learned parser or by rules.

    The command reads records with a field `text`, or one text on each line. An `mr` beside it
    helps to find names that are not in the lexicon. For each record the command writes {id, text,
    mr, confidence, sure, slots}. Here `slots` holds each value with its probability, if that is 10%
    or more, and `confidence` is the lowest probability of any decision. With --rules the command
    writes spans, and no probabilities.

    Example:  `echo '{"text": "Aromi is a pub."}' | d2t parse --rules`
    """
    from d2t.errors import UsageError
    from d2t.judges.parser.reading import ReadableText, text_reader
    from d2t.mr.reader import RecordReader

    if rules == (model is not None):
        raise UsageError("give either --model FOLDER (see `d2t train-parser`) or --rules")
    if model is not None and domain is not None:
        raise UsageError("--domain goes with --rules: a learned parser brings its own domain")
    if model is not None and lexicon:
        raise UsageError("--lexicon goes with --rules: a learned parser reads without a lexicon")
    if model is not None:
        limit_threads(threads)
    reader = text_reader(model, domain, lexicon or (), min_confidence=min_confidence)
    bad = write_answers(
        RecordReader(source, reader.domain, reading, need_mr=False, a_line_is="text"),
        ReadableText.from_record,
        reader.read,
        batch_size=batch_size,
        strict=strict,
    )
    exit_after(bad)
