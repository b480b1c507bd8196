"""``d2t evaluate {slots,order,text,all,plans,qa}``: scores of outputs in a file or of a model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import (
    DeviceOption,
    EngineOption,
    ExitCode,
    JsonOption,
    LimitOption,
    SeedOption,
    StrictOption,
    ThreadsOption,
    say,
    verdict,
)
from d2t.cli.evaluating.evaluate_plans import plans as evaluate_plans
from d2t.cli.evaluating.evaluate_qa import qa as evaluate_qa
from d2t.cli.evaluating.evaluate_simulatability import simulatability as evaluate_simulatability
from d2t.cli.evaluating.model_outputs import ModelRun, PlanMode, Split, generate_outputs

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.score.metric import Part
    from d2t.score.records import EvaluationRecord
    from d2t.score.report.report import EvaluationReport

app = typer.Typer(
    name="evaluate",
    no_args_is_help=True,
    help="Score utterances: slot errors, order, text overlap, with intervals and signatures.",
)

_CORPUS, _MODEL, _GATES, _INTERVALS = "Corpus", "Model", "Gates", "Intervals"

FileArgument = Annotated[
    str | None,
    typer.Argument(help="JSONL or CSV with id, mr, text, plan, references; '-' is stdin."),
]
DomainOption = Annotated[
    str | None,
    typer.Option(
        help="A shipped domain, or a folder that holds a domain.toml; its lexicon scores. "
        "Default: restaurant, or with --model the bundle's own."
    ),
]
CorpusOption = Annotated[
    str | None,
    typer.Option(help="Corpus name or file: references by MR.", rich_help_panel=_CORPUS),
]
SplitOption = Annotated[Split, typer.Option(help="Its split.", rich_help_panel=_CORPUS)]
LmOption = Annotated[
    str | None,
    typer.Option(
        "--lm",
        metavar="CORPUS|FILE.npz",
        help="Fluency by an n-gram model: fitted on a corpus's training references, or saved by "
        "`d2t train-lm`.",
        rich_help_panel=_CORPUS,
    ),
]
ModelOption = Annotated[
    Path | None, typer.Option(help="Bundle that generates what is scored.", rich_help_panel=_MODEL)
]
PlansOption = Annotated[
    PlanMode,
    typer.Option(
        help="Orders to ask for: the strategy's own, the domain's display order, random ones, or "
        "those of the references.",
        rich_help_panel=_MODEL,
    ),
]
PermutationsOption = Annotated[
    int, typer.Option(min=1, help="Random plans per MR.", rich_help_panel=_MODEL)
]
BeamOption = Annotated[
    int | None,
    typer.Option(min=1, help="1 is greedy. Default: the bundle's.", rich_help_panel=_MODEL),
]
BatchOption = Annotated[
    int, typer.Option(min=1, help="Records searched together.", rich_help_panel=_MODEL)
]
SaveOption = Annotated[
    Path | None,
    typer.Option(help="Write the outputs and references here (JSONL).", rich_help_panel=_MODEL),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="Score this registered metric too, such as one of another package. Repeat the option "
        "for several.",
    ),
]
ResamplesOption = Annotated[
    int, typer.Option(min=0, help="Bootstrap resamples; 0: none.", rich_help_panel=_INTERVALS)
]
UnitOption = Annotated[
    Literal["mr", "record"],
    typer.Option(help="Bootstrap unit: whole MRs or single records.", rich_help_panel=_INTERVALS),
]
MaxSerOption = Annotated[
    float | None,
    typer.Option(min=0, help="Exit 4 when SER (%) is above this.", rich_help_panel=_GATES),
]
MinOrderOption = Annotated[
    float | None,
    typer.Option(min=0, help="Exit 4 when order accuracy (%) is lower.", rich_help_panel=_GATES),
]


def _register(name: str, parts: tuple[Part, ...], summary: str, example: str) -> None:
    """Add one command; the four differ only in what they compute."""

    @app.command(name, help=summary, epilog=f"Example:  `{example}`")
    def command(
        source: FileArgument = None,
        domain: DomainOption = None,
        corpus: CorpusOption = None,
        split: SplitOption = "test",
        lm: LmOption = None,
        model: ModelOption = None,
        plans: PlansOption = "own",
        n_permutations: PermutationsOption = 3,
        beam_size: BeamOption = None,
        batch_size: BatchOption = 64,
        save: SaveOption = None,
        engine: EngineOption = "auto",
        device: DeviceOption = "auto",
        threads: ThreadsOption = None,
        metric: MetricOption = None,
        n_resamples: ResamplesOption = 1000,
        unit: UnitOption = "mr",
        max_ser: MaxSerOption = None,
        min_order: MinOrderOption = None,
        seed: SeedOption = 12345,
        limit: LimitOption = None,
        strict: StrictOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Read or generate outputs, score them, print the report."""
        from d2t.api import evaluate
        from d2t.errors import UsageError

        outputs: str | list[EvaluationRecord]
        judged_in: str | Domain
        if model is not None:
            if corpus is None or source is not None:
                raise UsageError(
                    "--model generates the texts: give --corpus NAME with it, and no FILE"
                )
            outputs, own = generate_outputs(
                ModelRun(
                    model, corpus, split, plans, n_permutations, beam_size, batch_size, save,
                    engine, device, threads, seed, limit,
                )
            )  # fmt: skip
            judged_in = own if domain is None else domain
        elif source is None:
            raise UsageError(
                "give a FILE of outputs ('-' for standard input), or --model BUNDLE --corpus NAME"
            )
        elif save is not None:
            raise UsageError("--save keeps what --model generates; it cannot be used with a FILE")
        else:
            outputs, judged_in = source, domain or "restaurant"
        report = evaluate(
            outputs,
            judged_in,
            parts=_with_gates(parts, max_ser, min_order),
            metrics=metric or (),
            corpus=None if model is not None else corpus,
            split=split,
            lm=lm,
            n_resamples=n_resamples,
            unit=unit,
            seed=seed,
            limit=limit if model is None else None,
            strict=strict,
            notify=say,
        )
        _print(report, as_json)
        raise typer.Exit(_exit_code(report, max_ser, min_order))


_register(
    "slots",
    ("slots",),
    "Missing, added, wrong and repeated slots: SER, exact utterances, errors per slot name.",
    "d2t evaluate slots outputs.jsonl --max-ser 1.0",
)
_register(
    "order",
    ("order",),
    "Was the order asked for kept?  Order accuracy, Kendall's tau, bigram F1.",
    "d2t evaluate order outputs.jsonl --min-order 95",
)
_register(
    "text",
    ("text",),
    "Overlap with references: BLEU, chrF, ROUGE-L.",
    "d2t evaluate text outputs.jsonl --corpus mini --split test --lm mini",
)
_register(
    "all",
    ("slots", "order", "text"),
    "Everything that the records allow.",
    "d2t evaluate all --model my-bundle --corpus mini --split dev --plans random",
)


app.command("plans")(evaluate_plans)
app.command("simulatability")(evaluate_simulatability)
app.command("qa")(evaluate_qa)


def _with_gates(
    parts: tuple[Part, ...], max_ser: float | None, min_order: float | None
) -> tuple[Part, ...]:
    """A gate asks for its metric, whichever command it stands on."""
    order: tuple[Part, ...] = ("slots", "order", "text")
    gated = {"slots": max_ser is not None, "order": min_order is not None, "text": False}
    return tuple(part for part in order if part in parts or gated[part])


def _print(report: EvaluationReport, as_json: bool) -> None:
    for bad in report.bad[:20]:
        say(f"d2t: line {bad.line} (id {bad.id}): {bad.error.message}")
    if len(report.bad) > 20:
        say(f"d2t: and {len(report.bad) - 20} more bad lines; --json lists all")
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(report.as_markdown())


def _exit_code(
    report: EvaluationReport, max_ser: float | None, min_order: float | None
) -> ExitCode:
    """A missed gate outweighs bad lines; a gate that cannot be computed is an error, not a pass."""
    missed = []
    if max_ser is not None and (ser := report.score("slot_error_rate")) > max_ser:
        missed.append(f"SER {ser:.2f} is above {max_ser:g}")
    if min_order is not None and (accuracy := report.score("order_accuracy")) < min_order:
        missed.append(f"order accuracy {accuracy:.2f} is below {min_order:g}")
    return verdict("; ".join(missed) or None, bad_lines=len(report.bad))
