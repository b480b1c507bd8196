"""``d2t augment``: more training pairs from those that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import output, progress, say
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.augment.counterfactual import Source
    from d2t.mr.reader import ReadOptions

app = typer.Typer(no_args_is_help=True, help="Make more training pairs from those of a corpus.")

Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="The JSONL file to write; '-' is standard output."),
]
Test = Annotated[
    str | None,
    typer.Option(
        help="A test set whose MRs must not occur in the pairs. Default: the test set of the "
        "corpus."
    ),
]
Share = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="The share of the training MRs that is read.")
]
ShareSeed = Annotated[int, typer.Option(min=0, help="The seed that chooses the MRs of this share.")]
Sample = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Keep only a random sample of this many pairs."),
]


@app.callback()
def root() -> None:
    """Augmentation has several sources; each is a command."""


@app.command()
@reads_records
def counterfactual(
    corpus: opt.TrainingCorpus = "mini",
    out: Out = Path("-"),
    domain: opt.CorpusDomain = None,
    test: Test = None,
    share: Share = 1.0,
    share_seed: ShareSeed = 0,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="How pairs are made. siblings: a reference is put under a real MR that differs in "
            "one value or slot. substitution: one value of a reference is replaced, and the MR "
            "stays. noisy: references that do not say their MR. The option may be repeated. "
            "Default: siblings and substitution.",
        ),
    ] = None,
    limit: Sample = None,
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Make pairs whose utterance says a plan that contradicts their MR.

    `d2t train --objective counterfactual` reads them with --set objective.pairs and learns to obey
    plans. The command reads the training split as `d2t train` does: MRs are corrected by their
    texts, and MRs of the test set are left out. It writes JSONL records {id, mr, references, plan,
    breaks, kind, made_by, parent, only_in_mr, only_in_plan}. The model reads `mr`, and the
    utterance says `plan`; the slot checker has verified this. Counts are printed on standard error,
    or with --json on standard output.

    Example:  d2t augment counterfactual --corpus mini --out counterfactual.jsonl
    """
    from d2t.io.records import write_record
    from d2t.recipes.augmentation import make_counterfactual, training_data

    _check_paths(corpus, out, as_json=as_json)
    config = training_data(
        corpus, domain, test=test, share=share, share_seed=share_seed, reading=reading
    )
    chosen = _sources(sources)
    records, report = make_counterfactual(
        config, chosen, limit=limit, seed=seed, bar=progress, notify=say
    )
    with output(out) as stream:
        for record in records:
            write_record(stream, record)
    if as_json:
        print(json.dumps({"corpus": corpus, **report}, ensure_ascii=False))
        return
    say(f"{report['references']} references; dropped: {_listed(report['dropped'])}")
    say(f"written: {report['written']} ({_listed(report['made_by'])})")


@app.command()
@reads_records
def phrases(
    corpus: opt.TrainingCorpus = "mini",
    out: Out = Path("-"),
    domain: opt.CorpusDomain = None,
    test: Test = None,
    share: Share = 1.0,
    share_seed: ShareSeed = 0,
    dedupe: Annotated[
        Literal["template", "text", "none"],
        typer.Option(
            help="Which equal pairs are written once. template: pairs with the same text apart "
            "from names. text: pairs with the same text. none: all pairs are kept."
        ),
    ] = "template",
    max_per_plan: Annotated[
        int | None,
        typer.Option(
            min=1, help="Keep at most this many phrases of one kind with one order of slots."
        ),
    ] = None,
    max_per_reference: Annotated[
        int | None, typer.Option(min=1, help="Keep at most this many phrases of one reference.")
    ] = None,
    limit: Sample = None,
    fluency_quantile: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Before any other selection, leave out this share of each kind of phrase: those "
            "that an n-gram model of the references finds least likely.",
        ),
    ] = 0.0,
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Cut references into phrases: parts that stand alone, each with its own small MR and plan.

    The command reads the training split as `d2t train` does: MRs are corrected by their texts, and
    MRs of the test set are left out. It writes JSONL records {id, mr, references, plan, breaks,
    kind} for the key `data.augment` of `d2t train`. Kinds are sentence, clause, phrase, predicate
    and modifier. Counts are printed on standard error, or with --json on standard output.

    Example:  d2t augment phrases --corpus mini --out phrases.jsonl
    """
    from d2t.augment.phrases.phrases import report_lines
    from d2t.corpus.files import write_corpus
    from d2t.recipes.augmentation import PhraseSelection, make_phrases, training_data

    _check_paths(corpus, out, as_json=as_json)
    config = training_data(
        corpus, domain, test=test, share=share, share_seed=share_seed, reading=reading
    )
    selection = PhraseSelection(
        dedupe, fluency_quantile, max_per_plan, max_per_reference, limit, seed
    )
    chosen, loaded, report = make_phrases(config, selection, bar=progress, notify=say)
    with output(out) as stream:
        write_corpus(stream, chosen, loaded, form="jsonl")
    if as_json:
        print(json.dumps({"corpus": corpus, **report}, ensure_ascii=False))
        return
    for line in report_lines(report):
        say(line)


@app.command()
def compose(
    domain: Annotated[
        str, typer.Option(help="A domain with a frames.toml: its name or folder.")
    ] = "restaurant",
    out: Out = Path("-"),
    world: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file of values to draw from. Default: world.toml of the domain, if it has "
            "one; else only the values that the domain lists."
        ),
    ] = None,
    pairs: Annotated[
        int, typer.Option("--pairs", "-n", min=1, help="How many pairs are composed.")
    ] = 1000,
    listed: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Chance of a value to be one that the domain lists, not a new one.",
        ),
    ] = 0.3,
    natural: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Chance of the order of a plain description, not a random one."
        ),
    ] = 0.3,
    test: Annotated[
        str | None, typer.Option(help="A test set whose MRs must not occur in the pairs.")
    ] = None,
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
) -> None:
    """Compose pairs from the frames of a domain: any values, in any order, in whole English.

    Values come from lists of the world, which the corpus never had. The slot checker reads every
    text; a pair whose text it does not read as composed is left out and counted. The command writes
    JSONL records {id, mr, references, plan, breaks, spans, made_by} for the key `data.augment` of
    `d2t train`. The same options and seed give the same pairs. Counts are printed on standard
    error, or with --json on standard output.

    Example:  d2t augment compose --pairs 100 --out composed.jsonl
    """
    from d2t.augment.compose import ComposeOptions
    from d2t.io.records import write_record
    from d2t.recipes.augmentation import make_composed

    _check_paths(domain, out, as_json=as_json)
    options = ComposeOptions(pairs=pairs, listed=listed, natural=natural, seed=seed)
    records, counts = make_composed(domain, options, world=world, test=test)
    with output(out) as stream:
        for record in records:
            write_record(stream, record)
    report = {"domain": domain, "tried": pairs, **counts}
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    say(_listed(report))


def _check_paths(corpus: str, out: Path, *, as_json: bool) -> None:
    """Refuse a file that is read, and a report and pairs that would share standard output."""
    from d2t.errors import UsageError
    from d2t.io.text_source import refuse_own_input

    if as_json and str(out) == "-":
        raise UsageError(
            "--json prints the report on standard output: give a file for the pairs (--out)"
        )
    refuse_own_input(corpus, out)


def _sources(names: Sequence[str] | None) -> tuple[Source, ...]:
    """The sources of these names.

    Raises:
        UsageError: there is none of that name.
    """
    from d2t.augment.counterfactual import DEFAULT_SOURCES, SOURCES
    from d2t.errors import UsageError, did_you_mean

    if unknown := [name for name in names or () if name not in SOURCES]:
        raise UsageError(
            f"--source {unknown[0]}: expected one of {', '.join(SOURCES)}"
            f"{did_you_mean(unknown[0], SOURCES)}"
        )
    return tuple(source for source in SOURCES if source in names) if names else DEFAULT_SOURCES


def _listed(table: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in table.items())
