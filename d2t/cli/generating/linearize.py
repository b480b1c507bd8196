"""``d2t linearize``: the source strings that a generator reads, under each of the strategies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from d2t.cli.answers import write_answers
from d2t.cli.common import (
    CorpusDomainOption,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    check_plan_option,
    exit_after,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from d2t.io.records import InputRecord
    from d2t.linearize.source import Linearizer
    from d2t.mr.domain import Domain
    from d2t.plan.bigram import BigramPlanner

_TEXT_FIELDS = ("ref", "reference", "text")

Strategy = Annotated[
    str | None,
    typer.Option(help="at, rnd, if or fp, or the name of a strategy of yours (default: at)."),
]
Corpus = Annotated[
    str | None,
    typer.Option(help="Fit tables on the train split of this corpus or file (default: mini)."),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", "-m", help="Use the fitted tables of this bundle instead."),
]
Order = Annotated[
    str | None, typer.Option("--plan", help="Order of records that have no `plan` of their own.")
]
Align = Annotated[
    bool,
    typer.Option("--align", help="Order of the record's own `ref` or `text`: what AT trains on."),
]


class _Fitted(NamedTuple):
    linearizer: Linearizer
    planner: BigramPlanner | None
    domain: Domain


def linearize(
    source: Source = "-",
    strategy: Strategy = None,
    corpus: Corpus = None,
    model: Model = None,
    plan: Order = None,
    align: Align = False,
    seed: SeedOption = 0,
    domain: CorpusDomainOption = None,
    limit: LimitOption = None,
    strict: StrictOption = False,
) -> None:
    """Show what a generator reads: slots in a strategy's or plan's order, names as placeholders.

    Reads JSONL, CSV or one MR a line; writes {id, mr, plan, source, bindings}, one line a record,
    in input order. Without a plan, `rnd`, `if` and `fp` use their own order and `at` a bigram
    planner; `fp` reads its fixed order whatever is asked. A bad line gives {id, error} in its
    place and exit code 3.

    Example: echo "name[Aromi], eatType[pub], area[riverside]" | d2t linearize --strategy fp
    """
    from d2t.io.records import read_records
    from d2t.io.text_source import open_source

    if source != "-":  # a missing file is cheaper to find than tables are to fit
        open_source(source).close()
    fitted = _from_bundle(model, strategy, corpus) if model else _fit(strategy, corpus, domain)
    check_plan_option(plan, fitted.domain)
    records = read_records(source, limit=limit, known_columns=fitted.domain.slot_names)
    n_bad = write_answers(
        records, lambda record: _answer(record, fitted, plan, align, seed), list, strict=strict
    )
    exit_after(n_bad)


def _fit(strategy: str | None, corpus: str | None, domain: str | None) -> _Fitted:
    """Tables of the corrected and aligned train split, as training fits them."""
    from d2t.corpus.correct import align_examples, correct_examples, split_references
    from d2t.corpus.load import load_split
    from d2t.corpus.select import default_domain, has_lexicon
    from d2t.linearize.base import make_strategy
    from d2t.linearize.inventory import Inventory
    from d2t.linearize.source import Linearizer
    from d2t.mr.domain import load_domain
    from d2t.plan.bigram import BigramPlanner
    from d2t.slots.checker import SlotChecker

    unfitted, name = make_strategy(strategy or "at"), corpus or "mini"
    loaded = load_domain(domain or default_domain(name))
    raw = load_split(name, "train", loaded)
    if corpus:  # the embedded corpus takes no time worth a line
        say(f"fitting {unfitted.name} on {len(raw)} training pairs of {corpus}")
    checker = SlotChecker.for_domain(loaded)
    if has_lexicon(loaded):
        examples = correct_examples(raw, checker, loaded)
    else:  # as in training: MRs are not replaced by what a checker without wordings finds
        examples = align_examples(split_references(raw), checker)
    fitted = unfitted.fit(examples, loaded)
    planner = BigramPlanner().fit(examples, loaded) if fitted.needs_planner else None
    return _Fitted(Linearizer(loaded, fitted, Inventory.fit(examples, loaded)), planner, loaded)


def _from_bundle(path: Path, strategy: str | None, corpus: str | None) -> _Fitted:
    """The bundle's tables, read without its weights and without torch."""
    from d2t.errors import UsageError
    from d2t.linearize.source import Linearizer
    from d2t.model.bundle.manifest import Manifest
    from d2t.mr.domain_files import load_domain_copy
    from d2t.plan.bigram import BigramPlanner

    if strategy or corpus:
        raise UsageError(
            "--model brings its own strategy and tables; leave out --strategy/--corpus"
        )
    manifest, domain = Manifest.read(path), load_domain_copy(path / "domain")
    planner = BigramPlanner.from_state(manifest.planner) if manifest.planner else None
    return _Fitted(Linearizer.from_state(manifest.linearizer, domain), planner, domain)


def _answer(
    record: InputRecord, fitted: _Fitted, plan: str | None, align: bool, seed: int
) -> dict[str, Any]:
    from dataclasses import replace

    from d2t.corpus.correct import restrict_plan
    from d2t.generate.orders import choose_orders
    from d2t.generate.requests import request_from_record
    from d2t.mr.plans import plan_as_list
    from d2t.mr.render import mr_to_json
    from d2t.slots.checker import SlotChecker

    linearizer, planner, domain = fitted
    request = request_from_record(record, domain, plan=plan, planner=planner, seed=seed)
    if align:
        checker = SlotChecker.for_domain(domain)
        said = checker.align(_text(record.fields or {}, record.line), request.mr).plan()
        request = replace(request, plan=restrict_plan(said, request.mr))
    orders = choose_orders(request, linearizer.strategy, planner, seed=seed)
    written = linearizer.linearize(request.mr, orders.read)
    return {
        "id": request.id,
        "mr": mr_to_json(request.mr, domain),
        "plan": plan_as_list(orders.read),
        "source": str(written),
        "bindings": dict(written.bindings),
    }


def _text(fields: Mapping[str, Any], line: int) -> str:
    from d2t.errors import DataError

    for name in _TEXT_FIELDS:
        if isinstance(fields.get(name), str):
            return str(fields[name])
    raise DataError(
        f"--align needs a text: expected a string in one of the fields {', '.join(_TEXT_FIELDS)}",
        line=line,
        code="missing_text",
    )
