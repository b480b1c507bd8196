"""``d2t compare A B``: two output files side by side."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import ExitCode, say, say_reading
from d2t.cli.reading import reading_of, reads_records
from d2t.printable import pictured

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="The outputs of the first system.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The outputs of the second system.")],
    domain: opt.Domain = "restaurant",
    lexicon: opt.Lexicon = None,
    corpus: opt.References = None,
    split: opt.Split = "test",
    test: Annotated[
        Literal["bootstrap", "randomization"],
        typer.Option("--test", help="The paired significance test."),
    ] = "bootstrap",
    metric: opt.Metric = None,
    n_resamples: Annotated[
        int,
        typer.Option(
            "--n-resamples", min=1, help="The number of bootstrap resamples, or of random swaps."
        ),
    ] = 1000,
    unit: opt.Unit = "mr",
    seed: opt.Seed = 12345,
    n_pairs: Annotated[
        int,
        typer.Option("--n-pairs", min=0, help="Show this many pairs of texts that differ most."),
    ] = 5,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Compare two systems on the same inputs: each metric, its difference B - A, interval and p.

    The files hold records with the fields id, mr, text, plan and references, as `d2t generate`
    writes them, or in other names and formats. Records are matched by id, or by position if they
    have no ids. Two matched records must have the same MR.

    Example:  `d2t compare greedy.jsonl beam.jsonl --corpus mini --split test`
    """
    from d2t.api import compare as compare_outputs

    comparison = compare_outputs(
        first,
        second,
        domain,
        corpus=corpus,
        split=split,
        metrics=metric or (),
        lexicon=lexicon or (),
        test=test,
        n_resamples=n_resamples,
        unit=unit,
        seed=seed,
        n_pairs=n_pairs,
        notify=say,
        **reading_of(reading),
    )
    say_reading(*comparison.inputs)
    if as_json:
        print(json.dumps(comparison.as_dict(), ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(pictured(comparison.as_markdown()))
    n_bad = 0 if reading.skip_bad else comparison.n_bad
    partial = n_bad or comparison.n_unmatched
    raise typer.Exit(ExitCode.BAD_INPUT if partial else ExitCode.GOOD)
