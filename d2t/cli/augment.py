"""``d2t augment``: more training pairs from the ones that there are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import JsonOption, SeedOption, progress, say

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from d2t.augment.phrases import PhraseCounts
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.train.config import DataConfig
    from d2t.train.prepare import PreparedData

app = typer.Typer(no_args_is_help=True, help="Make more training pairs from those of a corpus.")

Dedupe = Annotated[
    Literal["template", "text", "none"],
    typer.Option(help="Pairs that count as equal: same text but for names, same text, none."),
]


@app.callback()
def root() -> None:
    """Augmentation has several sources; each is a command."""


@app.command()
def phrases(
    corpus: Annotated[
        str, typer.Option(help="A registered corpus, or a file of training pairs.")
    ] = "mini",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="JSONL file to write; '-' is standard output.")
    ] = Path("-"),
    domain: Annotated[
        str | None, typer.Option(help="A domain or its folder (default: the corpus's).")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Leave out MRs of this test set (default: the corpus's).")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Read this part of the training MRs only.")
    ] = 1.0,
    share_seed: Annotated[int, typer.Option(min=0, help="Which MRs these are.")] = 0,
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
    from d2t.augment.phrases import PhraseCounts
    from d2t.augment.phrases_report import phrase_report, report_lines
    from d2t.augment.phrases_select import select_phrases
    from d2t.errors import UsageError
    from d2t.train.prepare import prepare_data

    if as_json and str(out) == "-":
        raise UsageError("--json prints the report on stdout: give a file for the pairs (--out)")
    if not share:
        raise UsageError(
            "--share 0 leaves no MRs to cut phrases from; give a part above 0, up to 1"
        )
    config = _data_config(corpus, domain, test, share, share_seed)
    data = prepare_data(config, say=say)
    counts = PhraseCounts()
    found = _cut(data, dedupe, _test_mrs(config, data.domain), counts)
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
    from d2t.augment.phrases import phrase_examples

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
    from d2t.augment.phrases_fluency import fluent_phrases, phrase_fluency

    references = [pair.alignment for pair in data.train]
    with progress("reading phrases", total=len(found)) as advance:
        scores = phrase_fluency(found, references, data.checker, data.domain, advance=advance)
    kept = fluent_phrases(found, scores, quantile)
    say(f"{len(kept)} of {len(found)} phrases read well")
    return kept


def _data_config(
    corpus: str, domain: str | None, test: str | None, share: float, share_seed: int
) -> DataConfig:
    """The training data as `d2t train` would read it; a file is its own development set."""
    from d2t.corpus.registry import registry
    from d2t.corpus.select import default_domain, has_lexicon
    from d2t.mr.domain import load_domain
    from d2t.train.config import DataConfig

    domain = domain or default_domain(corpus)
    own = corpus not in registry()
    options = {
        **({"train": corpus, "dev": corpus} if own else {"corpus": corpus}),
        "test": test,
        "domain": domain,
        "correct": has_lexicon(load_domain(domain)),
        "share": share,
        "share_seed": share_seed,
    }
    return DataConfig.model_validate(options)


def _test_mrs(config: DataConfig, domain: Domain) -> frozenset[Hashable]:
    """What no phrase may mean; a file of one's own has no test set unless one is named."""
    from d2t.corpus.load import load_split

    if config.train is not None and config.test is None:
        return frozenset()
    return frozenset(
        example.mr.key() for example in load_split(config.test or config.corpus, "test", domain)
    )


def _write(examples: Sequence[Example], domain: Domain, out: Path) -> None:
    from d2t.corpus.writers import write_corpus
    from d2t.io.atomic import atomic_write

    if str(out) == "-":
        write_corpus(sys.stdout, examples, domain, form="jsonl")
        return
    with atomic_write(out) as stream:
        write_corpus(stream, examples, domain, form="jsonl")
