"""`d2t plan`: records in, orders out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli import options as opt
from d2t.cli.common import exit_after, plan_option, say, write_answers
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, Record
    from d2t.plan.base import Planner


@reads_records
def plan(
    source: opt.Source = "-",
    planner: opt.Planner = None,
    plan: opt.Plan = None,
    first: opt.First = None,
    plan_policy: opt.PlanPolicy = "strict",
    sentences: opt.Sentences = False,
    corpus: Annotated[
        str | None,
        typer.Option(help="Fit a bigram planner on the training split of this corpus or file."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="Use the planners and the domain of this bundle. Default: the model that ships "
            "with d2t, unless --corpus is given.",
        ),
    ] = None,
    seed: opt.Seed = 0,
    domain: opt.CorpusDomain = None,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Choose the order in which the slots of each record are said, and where sentences end.

    The command reads JSON, CSV, Excel or Parquet files, or one MR on each line. For each record it
    writes {id, mr, plan, breaks}, in input order, which `d2t generate` reads. In `plan` a sentence
    begins after "|". `breaks` gives, for each sentence but the first, the number of slots before
    it; it is null if sentences are not planned. Without `--planner`, the command uses the best
    planner of the bundle, or a bigram planner of the corpus. A record's own `plan` takes precedence
    over `--plan`. A bad record gives {id, error} in its place, and the exit code is then 3.

    Example: echo "name[Aromi], eatType[pub], area[riverside]" | d2t plan --first area
    """
    from d2t.errors import UsageError
    from d2t.io.text_source import require_readable
    from d2t.mr.reader import RecordReader
    from d2t.plan.training.homes import planner_home

    require_readable(source)  # a missing file is cheaper to find than tables are to fit
    if model is not None and corpus is not None:
        raise UsageError("--model brings its own planners; leave out --corpus")
    home = planner_home(model, corpus, domain, planner=planner, notify=say)
    chosen = home.planner(planner, seed=seed, sentences=sentences)
    wanted = plan_option(plan, first, home.domain, plan_policy)
    records = RecordReader(source, home.domain, reading)
    n_bad = write_answers(
        records,
        lambda record: _answer(record, home.domain, chosen, wanted, seed),
        list,
        strict=strict,
    )
    exit_after(n_bad)


def _answer(
    record: Record, domain: Domain, planner: Planner, wanted: str | None, seed: int
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
