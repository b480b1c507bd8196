"""``d2t evaluate {plans,simulatability,qa}``: judgements by references, observers and questions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import (
    ExitCode,
    limit_threads,
    progress,
    progress_by_fraction,
    say,
    say_bad,
    say_reading,
    verdict,
    write_answers,
)
from d2t.cli.reading import reads_records
from d2t.printable import pictured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.mr.reader import ReadOptions
    from d2t.score.records import EvaluationRecord


def plans(
    planner: Annotated[
        list[str] | None,
        typer.Option(
            "--planner",
            metavar="NAME_OR_FOLDER",
            help="A planner to compare: bigram, neural, random, display, oracle, or the folder of "
            "a planner that `d2t train-planner` wrote. The option may be repeated. Default: all "
            "of these names but neural.",
        ),
    ] = None,
    corpus: opt.TrainingCorpus = "mini",
    split: opt.Split = "dev",
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="Take the planners bigram and neural and the domain from this bundle.",
        ),
    ] = None,
    domain: opt.CorpusDomain = None,
    n_resamples: opt.Resamples = 1000,
    seed: opt.Seed = 12345,
    limit: opt.Limit = None,
    as_json: opt.Json = False,
) -> None:
    """Compare the orders of planners with those of references: Kendall's tau, exact plans, bigrams.

    Each MR of the split is planned once, and the plan is compared with the order of each of its
    references. A planner that plans sentences is also scored on these. The planner `oracle` takes
    the order of the reference that is nearest to all others. Without `--model`, `bigram` is fitted
    on the training split of the corpus. A file has no training split, so `bigram` then needs a
    bundle.

    Example: d2t evaluate plans --corpus mini --split dev --planner bigram --planner random
    """
    from d2t.recipes.planner import compare_planners

    with progress("planning") as advance:
        comparison = compare_planners(
            planner, corpus, split, model=model, domain=domain, n_resamples=n_resamples, seed=seed,
            limit=limit, notify=say, advance=advance,
        )  # fmt: skip
    if as_json:
        print(json.dumps(comparison.as_dict(), ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(pictured(comparison.as_markdown()))


@reads_records
def simulatability(
    source: opt.Source = "-",
    target: Annotated[
        Literal["value", "verbalised"],
        typer.Option(
            help="What observers predict. value: a hidden slot value, from the rest of the MR, "
            "from the text, or from both. verbalised: whether a slot is said, from the MR, from "
            "the plan, or from both."
        ),
    ] = "value",
    train: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Outputs of the same system from which observers learn. Default: cross-fitting, "
            "where observers learn from the other folds of the same outputs.",
        ),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(min=2, help="The number of folds of cross-fitting. Folds are sets of MRs."),
    ] = 5,
    domain: opt.Domain = "restaurant",
    n_resamples: opt.Resamples = 1000,
    seed: opt.Seed = 1,
    threads: opt.TorchThreads = None,
    strict: opt.Strict = False,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Score LAS (leakage-adjusted simulatability): how far texts help an observer to predict.

    The command reads records with the fields mr, text and plan. Small observer
    networks are trained from scratch to predict; in training their input (the MR) or the rationale
    (the text or plan) is left out at random. An item leaks if the rationale alone gives its answer.
    LAS is the gain from adding the rationale to the input, as the mean of two means: that over
    items that leak and that over the others. With --target value most items leak; the accuracy from
    the input alone shows how well other slots give a value away, and the accuracy from the text
    alone is close to a test of faithfulness. LAS does not measure the quality of texts.

    Example:  `d2t evaluate simulatability outputs.jsonl --target value --folds 5`
    """
    from d2t.judges.observer.report import judge_outputs
    from d2t.judges.observer.simulator import SimulatorConfig
    from d2t.mr.domain import load_domain
    from d2t.score.bootstrap import Resampling

    limit_threads(threads)
    with progress_by_fraction("training observers") as show:
        report = judge_outputs(
            source,
            load_domain(domain),
            target,
            SimulatorConfig(folds=folds, seed=seed),
            Resampling(n_resamples=n_resamples, seed=seed),
            training=train,
            reading=reading,
            strict=strict,
            progress=show,
        )
    say_bad(report.bad)
    say_reading(*report.inputs)
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(pictured(report.as_markdown()))
    raise typer.Exit(verdict(None, bad_lines=0 if reading.skip_bad else len(report.bad)))


@reads_records
def qa(
    source: opt.Source = "-",
    model: Annotated[
        Path | None,
        typer.Option(help="The folder that `d2t train-qa` wrote. This option is required."),
    ] = None,
    mode: Annotated[
        Literal["quals", "consistency", "questeval", "all"],
        typer.Option(
            help="The metric: quals is QUALS, consistency compares answers as QAGS does, questeval "
            "is Data-QuestEval, and all computes the three."
        ),
    ] = "all",
    propose: Annotated[
        Literal["closed", "diverse"],
        typer.Option(
            help="How QUALS finds its questions. closed: every question of the domain, with the "
            "model's own answer. diverse: the diverse beam search of the original method with 60 "
            "groups, which is many times slower."
        ),
    ] = "closed",
    wordings: Annotated[
        int,
        typer.Option(
            min=1, help="The number of questions for each slot in consistency and questeval."
        ),
    ] = 2,
    threshold: Annotated[
        float,
        typer.Option(
            help="List a question of QUALS as failing if its score (in nats per token) is below "
            "this number."
        ),
    ] = -0.5,
    batch_size: opt.BatchSize = 64,
    min_f1: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="A gate: exit with code 4 if the mean consistency F1 (in percent) is below this "
            "number.",
            rich_help_panel=opt.GATES,
        ),
    ] = None,
    seed: opt.Seed = 12345,
    strict: opt.Strict = False,
    device: opt.Device = "auto",
    threads: opt.TorchThreads = None,
    as_json: opt.JsonSummary = False,
    *,
    reading: ReadOptions,
) -> None:
    """Score faithfulness: ask a text and its MR the same questions and compare the answers.

    The command reads records with the fields `mr` and `text`. For each record it
    writes a JSON line on standard output with the scores and the failing questions, in input order;
    the summary is printed on standard error. A bad record gives an error object in its place, and
    the exit code is then 3. The exit code is 4 if a gate is missed. The seed is that of the
    bootstrap.

    Example:  `d2t evaluate qa outputs.jsonl --model runs/qa --mode consistency`
    """
    import math

    from d2t.errors import UsageError
    from d2t.judges.qa.quals import QualsOptions
    from d2t.judges.qa.reader import QAReader
    from d2t.judges.qa.report import MODES, QAOptions, QAReport, judge_records, signature
    from d2t.mr.reader import RecordReader
    from d2t.score.records import evaluation_record

    if model is None:
        raise UsageError("give --model FOLDER with a QA model that `d2t train-qa` wrote")
    if min_f1 is not None and mode not in ("consistency", "all"):
        raise UsageError("--min-f1 needs --mode consistency or --mode all")
    if math.isnan(threshold):
        raise UsageError("--threshold is nan; give a number of nats per token")
    limit_threads(threads)
    modes = MODES if mode == "all" else (mode,)
    quals = QualsOptions(propose=propose)
    options = QAOptions(modes, quals, wordings, threshold, batch_size)
    reader = QAReader.load(model, device=device)
    report = QAReport(signature(reader, options))

    def judge(records: Sequence[EvaluationRecord]) -> Iterator[dict[str, Any] | None]:
        """One line for each record, or none with ``--json``."""
        for line in judge_records(records, reader, options, report):
            yield None if as_json else line

    records = RecordReader(source, reader.domain, reading)
    n_bad = write_answers(
        records,
        lambda record: evaluation_record(record, reader.domain),
        judge,
        batch_size=batch_size,
        strict=strict,
        show_errors=not as_json,
    )
    summary = {
        **report.as_dict(seed=seed), "bad_lines": n_bad, "input": records.report.as_dict()
    }  # fmt: skip
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _say_summary(summary)
    raise typer.Exit(_qa_exit_code(summary, min_f1, n_bad))


def _say_summary(summary: dict[str, Any]) -> None:
    for name, metric in summary["metrics"].items():
        if metric["score"] is None:
            say(f"{name}: undefined for every record")
            continue
        left_out = summary["n"] - metric["n"]
        beside = f" ({left_out} undefined)" if left_out else ""
        say(f"{name}: {metric['score']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]{beside}")
    speeds = ", ".join(f"{mode} {speed:.1f}" for mode, speed in summary["records_per_s"].items())
    bad = f", {summary['bad_lines']} bad lines" if summary["bad_lines"] else ""
    say(f"{summary['n']} records{bad}; records/s: {speeds or '-'}  {summary['signature']}")


def _qa_exit_code(summary: dict[str, Any], min_f1: float | None, n_bad: int) -> ExitCode:
    missed = None
    if min_f1 is not None:
        metric = summary["metrics"].get("consistency_f1")
        if metric is None:
            missed = "there is no text to which --min-f1 applies"
        elif metric["score"] < min_f1:
            missed = f"consistency F1 {metric['score']:.2f} is below --min-f1 {min_f1:g}"
    return verdict(missed, bad_lines=n_bad)
