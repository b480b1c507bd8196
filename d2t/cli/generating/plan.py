"""`d2t plan`: records in, orders out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli.answers import write_answers
from d2t.cli.common import (
    CorpusDomainOption,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    exit_after,
    say,
)
from d2t.cli.generating.planners import (
    FirstOption,
    PlannerOption,
    SentencesOption,
    plan_option,
)

if TYPE_CHECKING:
    from d2t.io.records import InputRecord
    from d2t.mr.domain import Domain
    from d2t.plan.base import Planner

PlanOption = Annotated[
    str | None,
    typer.Option(
        help="Order of records that have no `plan` of their own; 'area,food,...' fixes the "
        "beginning, the planner goes on."
    ),
]
CorpusOption = Annotated[
    str | None,
    typer.Option(help="Fit the bigram planner on the train split of this corpus."),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help="Use the planners and the domain of this bundle. Default: the model that ships "
        "with d2t, or `--corpus`.",
    ),
]


def plan(
    source: Source = "-",
    planner: PlannerOption = None,
    plan: PlanOption = None,
    first: FirstOption = None,
    sentences: SentencesOption = False,
    corpus: CorpusOption = None,
    model: ModelOption = None,
    seed: SeedOption = 0,
    domain: CorpusDomainOption = None,
    limit: LimitOption = None,
    strict: StrictOption = False,
) -> None:
    """Choose the order in which each record's slots are said, and where sentences end.

    Reads JSONL, CSV or one MR a line; writes {id, mr, plan, breaks}, one line a record, in input
    order, which `d2t generate` reads. In `plan` a sentence begins after "|"; `breaks` counts the
    slots before each sentence but the first, and is null where sentences are not planned. Without
    `--planner`, the bundle's best one, or a bigram planner of the corpus. A record's own `plan`
    goes before `--plan`. A bad line gives {id, error} and exit code 3.

    Example: echo "name[Aromi], eatType[pub], area[riverside]" | d2t plan --first area
    """
    from d2t.errors import UsageError
    from d2t.io.records import read_records
    from d2t.io.text_source import open_source
    from d2t.plan.training.homes import planner_home

    if source != "-":  # a missing file is cheaper to find than tables are to fit
        open_source(source).close()
    if model is not None and corpus is not None:
        raise UsageError("--model brings its own planners; leave out --corpus")
    home = planner_home(model, corpus, domain, planner=planner, notify=say)
    chosen = home.planner(planner, seed=seed, sentences=sentences)
    wanted = plan_option(plan, first, home.domain)
    records = read_records(source, limit=limit, known_columns=home.domain.slot_names)
    n_bad = write_answers(
        records,
        lambda record: _answer(record, home.domain, chosen, wanted, seed),
        list,
        strict=strict,
    )
    exit_after(n_bad)


def _answer(
    record: InputRecord, domain: Domain, planner: Planner, wanted: str | None, seed: int
) -> dict[str, Any]:
    from d2t.generate.requests import request_from_record
    from d2t.mr.plans import plan_as_list
    from d2t.mr.render import mr_to_json
    from d2t.seeding import derived_rng

    request = request_from_record(record, domain, plan=wanted, planner=planner, seed=seed)
    planned = request.plan
    if planned is None:
        planned = planner.plan(request.mr, rng=derived_rng(seed, "plan", request.id))
    return {
        "id": request.id,
        "mr": mr_to_json(request.mr, domain),
        "plan": plan_as_list(planned),
        "breaks": None if planned.breaks is None else list(planned.breaks),
    }
