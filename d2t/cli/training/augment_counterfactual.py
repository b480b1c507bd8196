"""``d2t augment counterfactual``: utterances of plans that contradict their MRs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli.common import JsonOption, SeedOption, progress, say
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
    from collections.abc import Sequence

    from d2t.augment.counterfactual.options import Source
    from d2t.augment.counterfactual.pairs import Counterfactual, CounterfactualCounts
    from d2t.mr.domain import Domain

SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="siblings: a reference under a real MR that differs in one value or slot; "
        "substitution: with another value, under its own MR; noisy: references that do not say "
        "their MR. Repeatable; siblings and substitution without it.",
    ),
]


def counterfactual(
    corpus: CorpusOption = "mini",
    out: OutOption = Path("-"),
    domain: DomainOption = None,
    test: TestOption = None,
    share: ShareOption = 1.0,
    share_seed: ShareSeedOption = 0,
    sources: SourceOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="A uniform subsample.")] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Make pairs whose utterance says a plan that contradicts their MR, for training to obey plans.

    Reads the training split as `d2t train` does (corrected, test MRs removed) and writes JSONL
    {id, mr, references, plan, breaks, kind, made_by, parent, only_in_mr, only_in_plan} for
    `objective.pairs` of `d2t train --objective counterfactual`: `mr` is what the model reads,
    `plan` what the utterance says, verified by the slot checker. Counts go to stderr, or with
    --json to stdout.

    Example:  d2t augment counterfactual --corpus mini --out counterfactual.jsonl
    """
    from d2t.augment.counterfactual.pairs import CounterfactualCounts
    from d2t.io.text_source import refuse_own_input
    from d2t.recipes.counterfactual import held_out_mrs, made_pairs
    from d2t.seeding import derived_rng
    from d2t.train.data.prepare import prepare_data

    refuse_shared_stdout(out, as_json=as_json)
    refuse_own_input(corpus, out)
    config = data_config(corpus, domain, test, share, share_seed)
    data = prepare_data(config, say=say)
    counts = CounterfactualCounts()
    held_out = held_out_mrs(config, data.domain)
    with progress("making pairs", total=len(data.train)) as advance:
        found = made_pairs(
            config,
            data,
            _sources(sources),
            held_out,
            seed=seed,
            counts=counts,
            advance=advance,
        )
    if limit is not None and limit < len(found):
        drawn = derived_rng(seed, "limit").sample(range(len(found)), limit)
        found = [found[at] for at in sorted(drawn)]
    _write(found, data.domain, out)
    report = {"corpus": corpus, **_report(found, counts)}
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    say(f"{report['references']} references; dropped: {_listed(report['dropped'])}")
    say(f"written: {report['written']} ({_listed(report['made_by'])})")


def _sources(names: Sequence[str] | None) -> tuple[Source, ...]:
    """The sources of these names.

    Raises:
        UsageError: there is none of that name.
    """
    from d2t.augment.counterfactual.options import DEFAULT_SOURCES, SOURCES
    from d2t.errors import UsageError, did_you_mean

    if unknown := [name for name in names or () if name not in SOURCES]:
        raise UsageError(
            f"--source {unknown[0]}: expected one of {', '.join(SOURCES)}"
            f"{did_you_mean(unknown[0], SOURCES)}"
        )
    return tuple(source for source in SOURCES if source in names) if names else DEFAULT_SOURCES


def _write(pairs: Sequence[Counterfactual], domain: Domain, out: Path) -> None:
    import sys

    from d2t.augment.counterfactual.pairs import to_record
    from d2t.io.atomic import atomic_write
    from d2t.io.records import write_record

    records = [to_record(pair, domain) for pair in pairs]
    if str(out) == "-":
        for record in records:
            write_record(sys.stdout, record)
        return
    with atomic_write(out) as stream:
        for record in records:
            write_record(stream, record)


def _report(pairs: Sequence[Counterfactual], counts: CounterfactualCounts) -> dict[str, Any]:
    """JSON-able counts of the pairs that are written, and of where the others went."""
    return {
        "references": counts.references,
        "dropped": {
            **dict(counts.dropped.most_common()),
            "not_selected": sum(counts.kept.values()) - len(pairs),
        },
        "written": len(pairs),
        "made_by": dict(Counter(pair.source for pair in pairs)),
    }


def _listed(table: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in table.items())
