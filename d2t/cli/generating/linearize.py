"""``d2t linearize``: the source strings that a generator reads, under each of the strategies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import exit_after, plan_option, say, write_answers
from d2t.cli.reading import reads_records

if TYPE_CHECKING:
    from d2t.mr.reader import ReadOptions


@reads_records
def linearize(
    source: opt.Source = "-",
    strategy: Annotated[
        str | None,
        typer.Option(
            help="The strategy: alignment (at), random (rnd), increasing_frequency (if), "
            "fixed_position (fp), or the name of a strategy of your own [default: at]."
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            help="Fit the tables of the strategy on the training split of this corpus, or on this "
            "file [default: mini]."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", "-m", help="Use the strategy and the fitted tables of this bundle instead."
        ),
    ] = None,
    plan: opt.Plan = None,
    plan_policy: opt.PlanPolicy = "strict",
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Take the order of slots from the record's own `ref` or `text`, as the strategy "
            "alignment does in training.",
        ),
    ] = False,
    seed: opt.Seed = 0,
    domain: opt.CorpusDomain = None,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Show what a generator reads: the slots in order, with placeholders for names.

    The command reads JSON, CSV, Excel or Parquet files, or one MR on each line. For each record it
    writes {id, mr, plan, source, bindings}, in input order; `source` is the input of the model, and
    `bindings` says what the placeholders stand for. Without a plan, the strategies `rnd`, `if` and
    `fp` use their own order, and `at` uses a bigram planner. The strategy `fp` keeps its fixed
    order even if a plan is given. A bad record gives {id, error} in its place, and the exit code is
    then 3.

    Example: echo "name[Aromi], eatType[pub], area[riverside]" | d2t linearize --strategy fp
    """
    from d2t.errors import UsageError
    from d2t.generate.sources import SourceWriter
    from d2t.io.text_source import require_readable
    from d2t.mr.reader import RecordReader

    require_readable(source)  # a missing file is cheaper to find than tables are to fit
    if model is None:
        writer = SourceWriter.of_corpus(strategy or "at", corpus, domain, notify=say)
    elif strategy or corpus:
        raise UsageError(
            "--model brings its own strategy and tables; leave out --strategy/--corpus"
        )
    else:
        writer = SourceWriter.of_bundle(model)
    plan = plan_option(plan, None, writer.domain, plan_policy)
    n_bad = write_answers(
        RecordReader(source, writer.domain, reading),
        lambda record: writer.write(record, plan=plan, align=align, seed=seed),
        list,
        strict=strict,
    )
    exit_after(n_bad)
