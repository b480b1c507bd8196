"""``d2t augment``: more training pairs from the ones that there are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import JsonOption, SeedOption, progress, say
from d2t.cli.training.augment_counterfactual import counterfactual
from d2t.cli.training.augment_data import (
    CorpusOption,
    DomainOption,
    OutOption,
    ShareOption,
    ShareSeedOption,
    TestOption,
    data_config,
    refuse_shared_stdout,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from d2t.augment.phrases.phrases import PhraseCounts
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.train.data.prepare import PreparedData

app = typer.Typer(no_args_is_help=True, help="Make more training pairs from those of a corpus.")

Dedupe = Annotated[
    Literal["template", "text", "none"],
    typer.Option(help="Pairs that count as equal: same text but for names, same text, none."),
]


app.command()(counterfactual)


@app.callback()
def root() -> None:
    """Augmentation has several sources; each is a command."""


@app.command()
def phrases(
    corpus: CorpusOption = "mini",
    out: OutOption = Path("-"),
    domain: DomainOption = None,
    test: TestOption = None,
    share: ShareOption = 1.0,
    share_seed: ShareSeedOption = 0,
    dedupe: Dedupe = "template",
    max_per_plan: Annotated[
        int | None, typer.Option(min=1, help="At most so many of one kind and order of slots.")
    ] = None,
    max_per_reference: Annotated[
        int | None, typer.Option(min=1, help="At most so many cut out of one reference.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Then a uniform subsample of this size.")
    ] = None,
    fluency_quantile: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Before that, leave out this share of each kind: what reads least like a part of "
            "the references, by an n-gram model.",
        ),
    ] = 0.0,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Cut references into phrases: parts that stand alone, each with its own small MR and plan.

    Reads the training split as `d2t train` does (corrected, test MRs removed), and writes JSONL
    {id, mr, references, plan, breaks, kind} for `data.augment`. Kinds: sentence, clause, phrase,
    predicate, modifier. Counts go to stderr, or with --json to stdout.

    Example:  d2t augment phrases --corpus mini --out phrases.jsonl
    """
    from d2t.augment.phrases.phrases import PhraseCounts, phrase_report, report_lines
    from d2t.augment.phrases.selection import select_phrases
    from d2t.io.text_source import refuse_own_input
    from d2t.recipes.counterfactual import held_out_mrs
    from d2t.train.data.prepare import prepare_data

    refuse_shared_stdout(out, as_json=as_json)
    refuse_own_input(corpus, out)
    config = data_config(corpus, domain, test, share, share_seed)
    data = prepare_data(config, say=say)
    counts = PhraseCounts()
    found = _cut(data, dedupe, held_out_mrs(config, data.domain), counts)
    if fluency_quantile:
        found = _fluent(data, found, fluency_quantile)
    chosen = select_phrases(
        found,
        max_per_plan=max_per_plan,
        max_per_reference=max_per_reference,
        limit=limit,
        seed=seed,
    )
    _write(chosen, data.domain, out)
    report = {"corpus": corpus, **phrase_report(chosen, counts)}
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for line in report_lines(report):
            say(line)


def _cut(
    data: PreparedData, dedupe: Dedupe, held_out: frozenset[Hashable], counts: PhraseCounts
) -> list[Example]:
    """All phrases of the training references, behind a progress bar."""
    from d2t.augment.phrases.phrases import phrase_examples

    say(f"cutting {len(data.train)} references")
    with progress("cutting", total=len(data.train)) as advance:
        return list(
            phrase_examples(
                [pair.example for pair in data.train],
                data.checker,
                data.domain,
                alignments=[pair.alignment for pair in data.train],
                dedupe=dedupe,
                held_out=held_out,
                counts=counts,
                advance=advance,
            )
        )


def _fluent(data: PreparedData, found: list[Example], quantile: float) -> list[Example]:
    """The phrases that read like parts of the references, behind a progress bar."""
    from d2t.augment.phrases.selection import fluent_phrases, phrase_fluency

    references = [pair.alignment for pair in data.train]
    with progress("reading phrases", total=len(found)) as advance:
        scores = phrase_fluency(found, references, data.checker, data.domain, advance=advance)
    kept = fluent_phrases(found, scores, quantile)
    say(f"{len(kept)} of {len(found)} phrases read well")
    return kept


def _write(examples: Sequence[Example], domain: Domain, out: Path) -> None:
    from d2t.corpus.files import write_corpus
    from d2t.io.atomic import atomic_write

    if str(out) == "-":
        write_corpus(sys.stdout, examples, domain, form="jsonl")
        return
    with atomic_write(out) as stream:
        write_corpus(stream, examples, domain, form="jsonl")
