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
        typer.Option("--unit", help="What is drawn: MRs, or single records."),
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
    from d2t.corpus.load import load_split
    from d2t.mr.domain import load_domain
    from d2t.score.bootstrap import Resampling
    from d2t.score.records import join_references, read_evaluation_records
    from d2t.score.report.compare import compare_records, pair_records

    loaded = load_domain(domain)
    examples = load_split(corpus, split, loaded) if corpus is not None else []
    sides, n_bad = [], 0
    for source in (first, second):
        records, bad = read_evaluation_records(source, loaded, limit=limit)
        for line in bad[:10]:
            say(f"d2t: {source}: line {line.line} (id {line.id}): {line.error.message}")
        n_bad += len(bad)
        sides.append(join_references(records, examples))
    pairs, lonely = pair_records(*sides)
    if lonely:
        shown = ", ".join(lonely[:5])
        say(f"d2t: {len(lonely)} records are in one file only and are left out: {shown}")
    comparison = compare_records(
        pairs,
        loaded,
        names=(first, second),
        metrics=metric or (),
        test=test,
        resampling=Resampling(n_resamples=n_resamples, seed=seed, unit=unit),
        n_pairs=n_pairs,
    )
    if as_json:
        report = {**comparison.as_dict(), "n_bad": n_bad, "n_unmatched": len(lonely)}
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(comparison.as_markdown())
    raise typer.Exit(ExitCode.BAD_INPUT if n_bad or lonely else ExitCode.GOOD)
