"""`d2t generate`: records in, checked utterances out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from d2t.cli.common import (
    DeviceOption,
    EngineOption,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    ThreadsOption,
    progress,
    say,
    verdict,
)
from d2t.cli.generating.contrast import (
    BetaOption,
    ContrastOption,
    DynamicOption,
    PlausibilityOption,
    contrast_options,
)
from d2t.cli.generating.planners import FirstOption, PlannerOption, SentencesOption, plan_option
from d2t.errors import UsageError


class OutputFormat(StrEnum):
    """What is written per record."""

    JSONL = "jsonl"
    TEXT = "text"


class Verify(StrEnum):
    """How hard a text is worked on until it passes the check."""

    STRICT = "strict"
    RERANK = "rerank"
    OFF = "off"


_SEARCH, _OUTPUT, _GATES = "Search", "Input and output", "Gates"


ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help="A bundle: the folder that `d2t train` wrote. Default: the model that ships with d2t.",
    ),
]
PlanOption = Annotated[
    str | None,
    typer.Option(
        help="Order of every record that has no `plan` of its own, e.g. area,food,name or "
        "'area > food | name'; names exactly the slots of the MR, or ends in ... ('area,...') and "
        "is finished by the planner. Only models trained with --strategy at "
        "reliably follow it; see `order_kept` in the output."
    ),
]
BeamOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=1000, help="1 is greedy. Default: the bundle's.", rich_help_panel=_SEARCH
    ),
]
VerifyOption = Annotated[
    Verify | None,
    typer.Option(
        show_default="strict",
        help="strict: a text that fails the check, or does not keep the order asked for, is "
        "generated again by slower methods. If one passes, its status is repaired, else "
        "failed. rerank: d2t takes the text of the beam (8 texts, or --beam-size) with the best "
        "slot F1, then the best order, then the best score. off: the first text is checked and "
        "returned.",
        rich_help_panel=_SEARCH,
    ),
]
RerankOption = Annotated[
    bool,
    typer.Option(
        "--rerank",
        help="Alone: the same as --verify rerank. With --verify strict: d2t first takes the best "
        "text of the beam, then repairs texts that fail: the best texts, at the lowest speed.",
        rich_help_panel=_SEARCH,
    ),
]
PenaltyOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=10,
        help="Beam search ranks texts by log p / length ** PENALTY.",
        rich_help_panel=_SEARCH,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Batches that the ctranslate2 engine searches at the same time, on the same threads.",
        rich_help_panel=_SEARCH,
    ),
]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Worker processes; each loads the model and uses one thread.",
        show_default="1; for a file of 4 MB or more, one for each core",
        rich_help_panel=_SEARCH,
    ),
]
LengthOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most tokens of an utterance. A text that is cut there has the status failed.",
        rich_help_panel=_SEARCH,
    ),
]
BatchOption = Annotated[
    int, typer.Option(min=1, help="Records searched together.", rich_help_panel=_SEARCH)
]
FormatOption = Annotated[
    OutputFormat,
    typer.Option(
        help="jsonl, or text: one text a line. If a record has no text that passed, its line is "
        "empty and the reason is on standard error.",
        rich_help_panel=_OUTPUT,
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Which column or key is which slot: 'Restaurant name=name,Cuisine=food'. Several "
        "columns for one slot give several values. 'Phone=' says that Phone is not a slot. Such "
        "columns are copied to `extra`. The option may be repeated.",
        rich_help_panel=_OUTPUT,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file instead of standard output. It appears when it is complete. Until "
        "then, or if the run is interrupted, FILE.partial holds the finished records.",
        rich_help_panel=_OUTPUT,
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue an interrupted run from its FILE.partial; give the same input and options. "
        "A complete file is compared with the input, and the gates are applied again.",
        rich_help_panel=_OUTPUT,
    ),
]
RequireOkOption = Annotated[
    bool,
    typer.Option(
        "--require-ok",
        help="Exit 4 unless every record has a text that passed (ok or repaired).",
        rich_help_panel=_GATES,
    ),
]
MaxSerOption = Annotated[
    float | None,
    typer.Option(
        min=0, help="Exit 4 when the slot error rate (%) is above this.", rich_help_panel=_GATES
    ),
]


def generate(
    source: Source = "-",
    model: ModelOption = None,
    plan: PlanOption = None,
    first: FirstOption = None,
    planner: PlannerOption = None,
    sentences: SentencesOption = False,
    beam_size: BeamOption = None,
    verify: VerifyOption = None,
    rerank: RerankOption = False,
    length_penalty: PenaltyOption = None,
    max_length: LengthOption = None,
    contrast: ContrastOption = None,
    beta: BetaOption = None,
    plausibility: PlausibilityOption = None,
    dynamic: DynamicOption = False,
    batch_size: BatchOption = 64,
    seed: SeedOption = 0,
    engine: EngineOption = "auto",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    workers: WorkersOption = None,
    processes: ProcessesOption = None,
    format: FormatOption = OutputFormat.JSONL,
    map: MapOption = None,
    output: OutputOption = None,
    resume: ResumeOption = False,
    limit: LimitOption = None,
    strict: StrictOption = False,
    require_ok: RequireOkOption = False,
    max_ser: MaxSerOption = None,
) -> None:
    """Write a checked utterance for each record, in the order of a plan.

    Reads JSONL objects, CSV rows or one MR a line. The MR is the field `mr`, else the record
    itself; beside `mr`, only `id` and `plan` are read; `--map` names columns. Writes {id, mr, plan,
    text, spans, report, score, status, stage, order_kept, breaks_kept} and, where a record holds
    more, `extra`, one line a record, in input order: `ok`, `repaired` (and the stage that did it)
    or `failed`. A bad line gives {id, error} in its place and exit code 3; a missed gate gives 4.
    Works in windows of 8 batches, two at a time; typed at a terminal, line by line.

    Example: echo "name[Aromi], eatType[pub]" | d2t generate --plan eatType,name --format text
    """
    from d2t.api import load
    from d2t.generate.files import check_paths

    check_paths(source, output, resume=resume, format=format.value)  # before the model is loaded
    if rerank and verify is Verify.OFF:
        raise UsageError("--rerank is short for --verify rerank; leave out --verify off")
    verify = verify or (Verify.RERANK if rerank else Verify.STRICT)
    generator = load(
        model,
        verify=verify.value,
        rerank=rerank,
        engine=engine,
        device=device,
        threads=threads,
        workers=workers,
        beam_size=beam_size,
        batch_size=batch_size,
        max_length=max_length,
        length_penalty=length_penalty,
        seed=seed,
        planner=planner,
        sentences=sentences,
        contrast=contrast_options(contrast, beta, plausibility, dynamic),
    )
    with progress("generating") as advance:
        summary = generator.generate_file(
            source,
            output,
            plan=plan_option(plan, first, generator.domain),
            map=map,
            format=format.value,
            resume=resume,
            limit=limit,
            strict=strict,
            require_ok=require_ok,
            max_ser=max_ser,
            processes=processes,
            progress=lambda n, rate: advance(n, note=f"{rate:.1f} records/s"),
            notify=say,
        )
    say(str(summary))
    raise typer.Exit(verdict(summary.missed_gate, bad_lines=summary.bad))
