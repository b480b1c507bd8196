"""``d2t evaluate qa``: faithfulness by questions and answers, a line a record."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import (
    DeviceOption,
    ExitCode,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    ThreadsOption,
    limit_threads,
    say,
    verdict,
)

if TYPE_CHECKING:
    from typing import Any

    from d2t.judges.qa.report import QAOptions
    from d2t.judges.qa.types import QuestionAnswerer
    from d2t.score.records import EvaluationRecord


def qa(
    source: Source = "-",
    model: Annotated[
        Path | None, typer.Option(help="Folder written by `d2t train-qa` (required).")
    ] = None,
    mode: Annotated[
        Literal["quals", "consistency", "questeval", "all"],
        typer.Option(help="QUALS, QAGS-style consistency, Data-QuestEval, or all three."),
    ] = "all",
    propose: Annotated[
        Literal["closed", "diverse"],
        typer.Option(
            help="QUALS pairs: every question of the domain with the model's own answer, or the "
            "diverse beam search of the original (60 groups: many times slower)."
        ),
    ] = "closed",
    wordings: Annotated[
        int, typer.Option(min=1, help="Questions a slot in the other two modes.")
    ] = 2,
    threshold: Annotated[
        float, typer.Option(help="QUALS pairs below it (nats per token) are listed as failing.")
    ] = -0.5,
    batch_size: Annotated[int, typer.Option(min=1, help="Records judged together.")] = 64,
    min_f1: Annotated[
        float | None, typer.Option(min=0, help="Exit 4 when mean consistency F1 (%) is lower.")
    ] = None,
    seed: SeedOption = 12345,
    limit: LimitOption = None,
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary, only it, as JSON on stdout.")
    ] = False,
) -> None:
    """Ask texts and MRs the same questions and compare what they answer.

    Reads JSONL or CSV with the fields `mr` and `text`, writes a JSON line a record with the scores
    and the failing questions, in input order, on stdout, the summary on stderr. A bad line becomes
    an error object, the rest goes on, and the exit code is 3; a missed gate gives 4. `--seed` is
    that of the bootstrap.

    Example:  `d2t evaluate qa outputs.jsonl --model runs/qa --mode consistency`
    """
    from d2t.errors import UsageError
    from d2t.judges.qa.quals import QualsOptions
    from d2t.judges.qa.reader import QAReader
    from d2t.judges.qa.report import MODES, QAOptions

    if model is None:
        raise UsageError("give --model FOLDER: a QA model, written by `d2t train-qa`")
    if min_f1 is not None and mode not in ("consistency", "all"):
        raise UsageError("--min-f1 needs --mode consistency (or all)")
    if math.isnan(threshold):
        raise UsageError("--threshold must be a number of nats, was nan")
    limit_threads(threads)
    options = QAOptions(
        modes=MODES if mode == "all" else (mode,),
        quals=QualsOptions(propose=propose),
        n_wordings=wordings,
        threshold=threshold,
        batch_size=batch_size,
    )
    reader = QAReader.load(model, device=device)
    summary, n_bad = _judge(source, reader, options, limit, strict, quiet_lines=as_json, seed=seed)
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        sys.stdout.flush()
        _tell(summary)
    raise typer.Exit(_exit_code(summary, min_f1, n_bad))


def _judge(
    source: str,
    reader: QuestionAnswerer,
    options: QAOptions,
    limit: int | None,
    strict: bool,
    *,
    quiet_lines: bool,
    seed: int,
) -> tuple[dict[str, Any], int]:
    """Stream records through the model, windows of a batch; bad lines stay where they were."""
    from itertools import islice

    from d2t.errors import D2TError
    from d2t.io.records import read_records, write_record
    from d2t.judges.qa.report import QAReport, judge_records, signature
    from d2t.score.records import record_from_fields

    report = QAReport(signature(reader, options))
    domain, n_bad = reader.domain, 0
    stream = read_records(source, limit=limit, known_columns=domain.slot_names)
    while window := list(islice(stream, options.batch_size)):
        good: list[EvaluationRecord] = []
        lines: list[dict[str, Any] | None] = []  # None: the next good record's
        for raw in window:
            try:
                if raw.error is not None:
                    raise raw.error
                good.append(record_from_fields(raw.id, raw.fields or {}, domain))
                lines.append(None)
            except D2TError as error:
                error.line = raw.line
                if strict:
                    raise
                lines.append({"id": raw.id, "error": error.as_dict()})
        n_bad += len(window) - len(good)
        judged = judge_records(good, reader, options, report)
        for line in lines:
            shown = line if line is not None else next(judged)
            if not quiet_lines:
                write_record(sys.stdout, shown)
        sys.stdout.flush()
    return {**report.as_dict(seed=seed), "bad_lines": n_bad}, n_bad


def _tell(summary: dict[str, Any]) -> None:
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


def _exit_code(summary: dict[str, Any], min_f1: float | None, n_bad: int) -> ExitCode:
    missed = None
    if min_f1 is not None:
        metric = summary["metrics"].get("consistency_f1")
        if metric is None:
            missed = "there is no text to judge by --min-f1"
        elif metric["score"] < min_f1:
            missed = f"consistency F1 {metric['score']:.2f} is below --min-f1 {min_f1:g}"
    return verdict(missed, bad_lines=n_bad)
