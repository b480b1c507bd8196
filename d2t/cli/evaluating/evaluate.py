"""``d2t evaluate {slots,order,text,all}``: scores of outputs in a file or of a model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import ExitCode, progress, say, say_bad, say_reading, verdict
from d2t.cli.evaluating import judges
from d2t.cli.reading import reading_of, reads_records
from d2t.printable import pictured

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions
    from d2t.score.metric import Part
    from d2t.score.records import EvaluationRecord
    from d2t.score.report.report import EvaluationReport
    from d2t.slots.types import Repeats

app = typer.Typer(
    name="evaluate",
    no_args_is_help=True,
    help="Score utterances: slot errors, order, overlap with references, and judgements of models. "
    "Scores have bootstrap intervals and signatures, which name the settings behind them.",
)


def _register(name: str, parts: tuple[Part, ...], summary: str, example: str) -> None:
    """Add one command; the four differ only in what they compute."""

    @app.command(name, help=summary, epilog=f"Example:  `{example}`")
    @reads_records
    def command(
        source: Annotated[
            str | None,
            typer.Argument(
                help="A file of records with the fields mr, text and, if there are, id, plan "
                "and references (JSON, CSV, Excel or Parquet); '-' is standard input."
            ),
        ] = None,
        domain: Annotated[
            str | None,
            typer.Option(
                help="The name of a shipped domain, or a folder that holds a domain.toml. Its "
                "lexicon reads the texts. Default: restaurant, or with --model the domain of the "
                "bundle."
            ),
        ] = None,
        lexicon: opt.Lexicon = None,
        corpus: opt.References = None,
        split: opt.Split = "test",
        lm: Annotated[
            str | None,
            typer.Option(
                "--lm",
                metavar="CORPUS|FILE.npz",
                help="Also score fluency by an n-gram model. It is fitted on the training "
                "references of this corpus, or read from a file that `d2t train-lm` wrote.",
            ),
        ] = None,
        model: Annotated[
            Path | None,
            typer.Option(
                help="Generate the texts with this bundle, from the MRs of --corpus and --split, "
                "and score them.",
                rich_help_panel=opt.MODEL,
            ),
        ] = None,
        plans: Annotated[
            Literal["own", "display", "random", "oracle"],
            typer.Option(
                help="With --model: the orders that are asked for. own: those that the bundle "
                "plans itself. display: the order in which the domain lists its slots. random: "
                "random orders. oracle: the orders of the references.",
                rich_help_panel=opt.MODEL,
            ),
        ] = "own",
        n_permutations: Annotated[
            int,
            typer.Option(
                min=1,
                help="With --plans random: the number of orders for each MR.",
                rich_help_panel=opt.MODEL,
            ),
        ] = 3,
        beam_size: opt.BeamSize = None,
        batch_size: opt.BatchSize = 64,
        save: Annotated[
            Path | None,
            typer.Option(
                help="With --model: write the outputs and their references to this JSONL file.",
                rich_help_panel=opt.MODEL,
            ),
        ] = None,
        engine: opt.Engine = "auto",
        device: opt.Device = "auto",
        threads: opt.Threads = None,
        metric: opt.Metric = None,
        n_resamples: opt.Resamples = 1000,
        unit: opt.Unit = "mr",
        max_ser: opt.MaxSer = None,
        repeats: opt.Repeats = "error",
        min_order: Annotated[
            float | None,
            typer.Option(
                min=0,
                help="A gate: exit with code 4 if the order accuracy (in percent) is below this "
                "number.",
                rich_help_panel=opt.GATES,
            ),
        ] = None,
        seed: opt.Seed = 12345,
        strict: opt.Strict = False,
        as_json: opt.Json = False,
        *,
        reading: ReadOptions,
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
            from d2t.generate.load import load
            from d2t.generate.outputs import generate_outputs

            generator = load(
                model, engine=engine, device=device, threads=threads, beam_size=beam_size,
                batch_size=batch_size, seed=seed, lexicon=tuple(map(str, lexicon or ())),
            )  # fmt: skip
            outputs = generate_outputs(
                generator, corpus, split, plans, n_permutations=n_permutations,
                limit=reading.limit,
                save=save, bar=progress,
            )  # fmt: skip
            judged_in = generator.domain if domain is None else domain
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
            lexicon=lexicon or (),
            parts=_with_gates(parts, max_ser, min_order),
            metrics=metric or (),
            corpus=None if model is not None else corpus,
            split=split,
            lm=lm,
            n_resamples=n_resamples,
            unit=unit,
            seed=seed,
            strict=strict,
            notify=say,
            **reading_of(reading if model is None else replace(reading, limit=None)),
        )
        say_bad(report.bad)
        say_reading(report.input)
        if as_json:
            print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
        else:
            sys.stdout.write(pictured(report.as_markdown()))
        code = _exit_code(report, max_ser, min_order, repeats, skip_bad=reading.skip_bad)
        raise typer.Exit(code)


_register(
    "slots",
    ("slots",),
    "Score what texts say: the slot error rate (SER), which counts missing, added, wrong and "
    "repeated slots, the share of texts without an error, and the errors of each slot.",
    "d2t evaluate slots outputs.jsonl --max-ser 1.0",
)
_register(
    "order",
    ("order",),
    "Score whether texts keep the order that was asked for: order accuracy, Kendall's tau and "
    "bigram F1.",
    "d2t evaluate order outputs.jsonl --min-order 95",
)
_register(
    "text",
    ("text",),
    "Score the overlap of texts with references: BLEU, chrF and ROUGE-L.",
    "d2t evaluate text outputs.jsonl --corpus mini --split test --lm mini",
)
_register(
    "all",
    ("slots", "order", "text"),
    "Compute all scores of `slots`, `order` and `text` for which the records hold the fields.",
    "d2t evaluate all --model my-bundle --corpus mini --split dev --plans random",
)
app.command()(judges.plans)
app.command()(judges.simulatability)
app.command()(judges.qa)


def _with_gates(
    parts: tuple[Part, ...], max_ser: float | None, min_order: float | None
) -> tuple[Part, ...]:
    """A gate asks for its metric, whichever command it stands on."""
    order: tuple[Part, ...] = ("slots", "order", "text")
    gated = {"slots": max_ser is not None, "order": min_order is not None, "text": False}
    return tuple(part for part in order if part in parts or gated[part])


def _exit_code(
    report: EvaluationReport,
    max_ser: float | None,
    min_order: float | None,
    repeats: Repeats,
    *,
    skip_bad: bool,
) -> ExitCode:
    """A missed gate outweighs bad lines; a gate that cannot be computed is an error, not a pass."""
    missed = []
    if max_ser is not None:
        ser, without = report.score("slot_error_rate"), ""
        if repeats != "error" and ser:
            rows = report.breakdown
            errors = sum(row.n_errors for row in rows)
            ser *= 1 - sum(row.repeated for row in rows) / errors
            without = " without repeated slots"
        if ser > max_ser:
            missed.append(f"SER{without} {ser:.2f} is above {max_ser:g}")
    if min_order is not None and (accuracy := report.score("order_accuracy")) < min_order:
        missed.append(f"order accuracy {accuracy:.2f} is below {min_order:g}")
    return verdict("; ".join(missed) or None, bad_lines=0 if skip_bad else len(report.bad))
