"""``d2t compare A B``: two output files side by side."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

from d2t.cli.common import DomainOption, ExitCode, JsonOption, LimitOption, SeedOption, say


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="Outputs of the first system.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Outputs of the second system.")],
    domain: DomainOption = "restaurant",
    corpus: Annotated[
        str | None, typer.Option("--corpus", help="Corpus whose references judge both.")
    ] = None,
    split: Annotated[
        Literal["train", "dev", "test"], typer.Option("--split", help="Split of the corpus.")
    ] = "test",
    test: Annotated[
        Literal["bootstrap", "randomization"],
        typer.Option("--test", help="Paired significance test."),
    ] = "bootstrap",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="Compare by this registered metric too, such as one of another package. Repeat "
            "the option for several.",
        ),
    ] = None,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", min=1, help="Resamples or random swaps.")
    ] = 1000,
    unit: Annotated[
        Literal["mr", "record"],
        typer.Option("--unit", help="Bootstrap unit: whole MRs or single records."),
    ] = "mr",
    seed: SeedOption = 12345,
    limit: LimitOption = None,
    n_pairs: Annotated[
        int,
        typer.Option("--n-pairs", min=0, help="Show this many of the most different sentences."),
    ] = 5,
    as_json: JsonOption = False,
) -> None:
    """Compare two systems on the same inputs: every metric, its difference B - A, interval and p.

    Files are JSONL or CSV with id, mr, text, plan, references, as ``d2t generate`` writes them.
    Records are matched by id, else by position; their MRs must agree.

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
        test=test,
        n_resamples=n_resamples,
        unit=unit,
        seed=seed,
        limit=limit,
        n_pairs=n_pairs,
        notify=say,
    )
    if as_json:
        print(json.dumps(comparison.as_dict(), ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(comparison.as_markdown())
    partial = comparison.n_bad or comparison.n_unmatched
    raise typer.Exit(ExitCode.BAD_INPUT if partial else ExitCode.GOOD)
