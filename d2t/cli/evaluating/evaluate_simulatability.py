"""`d2t evaluate simulatability`: what does a text tell an observer that its input does not?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import (
    JsonOption,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    ThreadsOption,
    limit_threads,
    say,
    verdict,
)
from d2t.cli.training.small_training import fraction_shown

if TYPE_CHECKING:
    from d2t.judges.observer.items import SimulationItem, Target
    from d2t.judges.observer.simulatability import Score, Simulatability
    from d2t.mr.domain import Domain
    from d2t.score.records import BadRecord

_SHOWN = 20


def simulatability(
    source: Source = "-",
    target: Annotated[
        Literal["value", "verbalised"],
        typer.Option(
            help="value: an observer guesses a hidden slot value from the rest of the MR, the "
            "text, or both. verbalised: whether a slot is said, from the MR, the plan, or both."
        ),
    ] = "value",
    train: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Outputs of the same system that observers learn from [default: cross-fitting].",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Of cross-fitting, by MR.")] = 5,
    domain: Annotated[
        str, typer.Option("--domain", help="A shipped domain, or a folder with a domain.toml.")
    ] = "restaurant",
    n_resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples; 0: none.")] = 1000,
    seed: SeedOption = 1,
    threads: ThreadsOption = None,
    limit: LimitOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """LAS (leakage-adjusted simulatability) of generated texts: JSONL with mr, text, plan.

    Small observers are trained from scratch on what they are asked about, with input or rationale
    left out at random. LAS is the mean, over items whose answer the rationale gives away by itself
    and items where it does not, of what it adds to the input. With --target value the accuracy from
    the input alone is the strength of shortcuts between slots, and the one from the text alone is
    close to a test of faithfulness; most items leak. It is no judgement of quality.

    Example:  `d2t evaluate simulatability outputs.jsonl --target value --folds 5`
    """
    from d2t.judges.observer.simulatability import by_question
    from d2t.judges.observer.simulatability import simulatability as score
    from d2t.judges.observer.simulator import SimulatorConfig, signature_of, simulate
    from d2t.mr.domain import load_domain
    from d2t.score.bootstrap import Resampling

    limit_threads(threads)
    loaded = load_domain(domain)
    items, bad = _items(source, target, loaded, limit=limit, strict=strict)
    training = None
    if train is not None:
        training, bad_training = _items(train, target, loaded, limit=None, strict=strict)
        bad += bad_training
    config = SimulatorConfig(folds=folds, seed=seed)
    with fraction_shown("training observers") as show:
        judged = simulate(items, config, training, progress=show)
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    signature = signature_of(loaded, target, config, resampling, cross_fitted=train is None)
    whole = score(judged, resampling, signature=signature)
    by_slot = {name: score(part, resampling) for name, part in by_question(judged).items()}
    for item in bad[:_SHOWN]:
        say(f"d2t: line {item.line} (id {item.id}): {item.error.message}")
    if as_json:
        parts = {name: part.as_dict() for name, part in by_slot.items()}
        report = {"target": target, **whole.as_dict(), "by_slot": parts}
        report["bad"] = [item.as_dict() for item in bad]
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo(_table(whole, by_slot))
    raise typer.Exit(verdict(None, bad_lines=len(bad)))


def _items(
    source: str, target: Target, domain: Domain, *, limit: int | None, strict: bool
) -> tuple[list[SimulationItem], list[BadRecord]]:
    from d2t.errors import DataError
    from d2t.judges.observer.items import value_items, verbalised_items
    from d2t.score.checking import checker_for
    from d2t.score.records import read_evaluation_records

    records, bad = read_evaluation_records(
        source, domain, limit=limit, strict=strict, need_plan=target == "verbalised"
    )
    if bad and not records:
        why = f"all {len(bad)} lines are bad; the first: {bad[0].error.message}"
        raise DataError(f"nothing to simulate: {why}", code="empty_file")
    if target == "value":
        return value_items(records, domain), bad
    return verbalised_items(records, checker_for(domain)), bad


def _table(whole: Simulatability, by_slot: dict[str, Simulatability]) -> str:
    from d2t.score.report.tables import markdown_table

    header = [
        "slot", "items", "leaking", "LAS", "d leaking", "d not leaking", "both", "input",
        "rationale", "majority",
    ]  # fmt: skip
    rows = [_cells("all", whole), *(_cells(name, part) for name, part in by_slot.items())]
    balanced = ", ".join(f"{seen} {score:.1f}" for seen, score in whole.balanced.items())
    return (
        f"{markdown_table(header, rows)}\n\n"
        f"both - input, not adjusted: {_cell(whole.unadjusted)}\n"
        f"balanced accuracy: {balanced}\n\n{whole.signature}"
    )


def _cells(name: str, part: Simulatability) -> list[str]:
    scores = [part.las, part.leaking, part.nonleaking, *part.accuracy.values()]
    counts = [name, str(part.n_items), str(part.n_leaking)]
    return [*counts, *map(_cell, scores), f"{part.majority:.1f}"]


def _cell(score: Score) -> str:
    if score.score != score.score:
        return "-"
    return f"{score.score:.1f} [{score.low:.1f}, {score.high:.1f}]"
