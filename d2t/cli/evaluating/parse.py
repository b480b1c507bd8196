"""``d2t parse``: what do texts say?  Slots and values by a learned parser or by rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import limit_threads, verdict, write_answers


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
    min_confidence: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="With --model: `sure` is false if the confidence is below this."
        ),
    ] = 0.5,
    batch_size: opt.BatchSize = 64,
    threads: opt.TorchThreads = None,
    limit: opt.Limit = None,
    strict: opt.Strict = False,
) -> None:
    """Read which slots and values texts say, by a learned parser or by rules.

    The command reads JSONL or CSV records with a field `text`. An `mr` beside it helps to find
    names that are not in the lexicon. For each record the command writes {id, text, mr, confidence,
    sure, slots}. Here `slots` holds each value with its probability, if that is 10% or more, and
    `confidence` is the lowest probability of any decision. With --rules the command writes spans,
    and no probabilities.

    Example:  `echo '{"text": "Aromi is a pub."}' | d2t parse --rules`
    """
    from d2t.errors import UsageError
    from d2t.io.records import read_records
    from d2t.judges.parser.reading import TEXT_KEYS, ReadableText, text_reader

    if rules == (model is not None):
        raise UsageError("give either --model FOLDER (see `d2t train-parser`) or --rules")
    if model is not None and domain is not None:
        raise UsageError("--domain goes with --rules: a learned parser brings its own domain")
    if model is not None:
        limit_threads(threads)
    reader = text_reader(model, domain, min_confidence=min_confidence)
    known = (*reader.domain.slot_names, *TEXT_KEYS)
    bad = write_answers(
        read_records(source, limit=limit, known_columns=known),
        lambda record: ReadableText.from_record(record, reader.domain),
        reader.read,
        batch_size=batch_size,
        strict=strict,
    )
    raise typer.Exit(verdict(None, bad_lines=bad))
