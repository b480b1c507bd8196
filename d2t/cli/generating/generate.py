"""`d2t generate`: records in, checked utterances out."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from d2t.cli.common import (
    DeviceOption,
    EngineOption,
    LimitOption,
    SeedOption,
    Source,
    StrictOption,
    ThreadsOption,
    counted,
    progress,
    refuse_own_input,
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
from d2t.cli.generating.generate_lines import Lines
from d2t.cli.generating.planners import FirstOption, PlannerOption, SentencesOption, plan_option
from d2t.cli.generating.sink import (
    after_kept,
    begin_file,
    count_finished,
    is_complete,
    open_sink,
)
from d2t.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from d2t.generate.job import Answer, Job
    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.stream import StreamItem, StreamTotals


class OutputFormat(StrEnum):
    """What is written per record."""

    JSONL = "jsonl"
    TEXT = "text"


class Verify(StrEnum):
    """How hard a text is worked on until it passes the check."""

    STRICT = "strict"
    RERANK = "rerank"
    OFF = "off"


RERANK_BEAM_SIZE = 8
"""Beams of `--rerank` without `--beam-size` (rule O5.6)."""

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
        "is finished by the planner. Models trained with alignment follow it; rnd and if read it "
        "and may not; fp keeps its own order. `order_kept` says what came of it."
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
        help="strict: a text that fails the check, or leaves the order asked for, is said again by "
        "costlier means until one passes (status repaired), else it is failed. rerank: of the "
        "beam's texts (8 unless --beam-size says otherwise) take the one that says the slots best, "
        "then the order, then the model's favourite. off: the first text, checked.",
        rich_help_panel=_SEARCH,
    ),
]
RerankOption = Annotated[
    bool,
    typer.Option(
        "--rerank",
        help="Short for --verify rerank; beside --verify strict both: the best of the beam, and "
        "what fails is said again (the best texts, and the slowest).",
        rich_help_panel=_SEARCH,
    ),
]
PenaltyOption = Annotated[
    float | None,
    typer.Option(
        min=0, max=10, help="Beams rank by log p / length ** this.", rich_help_panel=_SEARCH
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Batches that ctranslate2 searches at a time; they share the threads.",
        rich_help_panel=_SEARCH,
    ),
]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that answer windows of records, each with the model and one thread.",
        show_default="one; a core each for files from 4 MB on",
        rich_help_panel=_SEARCH,
    ),
]
LengthOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tokens per utterance; a text that is cut there is failed.",
        rich_help_panel=_SEARCH,
    ),
]
BatchOption = Annotated[
    int, typer.Option(min=1, help="Records searched together.", rich_help_panel=_SEARCH)
]
FormatOption = Annotated[
    OutputFormat,
    typer.Option(
        help="jsonl, or one text a line: an empty one, and a word on stderr, where there is none.",
        rich_help_panel=_OUTPUT,
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Which columns or keys are which slots: 'Restaurant name=name,Cuisine=food'; several "
        "for one slot are its values, 'Phone=' is none. Columns that are no slots are echoed "
        "under `extra`. May be repeated.",
        rich_help_panel=_OUTPUT,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write here instead of standard output. The file appears when it is complete; until "
        "then, and when the run is ended early, FILE.partial has what is finished.",
        rich_help_panel=_OUTPUT,
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the FILE.partial of a run that was ended early, on the same input with "
        "the same options.",
        rich_help_panel=_OUTPUT,
    ),
]
RequireOkOption = Annotated[
    bool,
    typer.Option("--require-ok", help="Exit 4 unless every text is ok.", rich_help_panel=_GATES),
]
MaxSerOption = Annotated[
    float | None,
    typer.Option(
        min=0, help="Exit 4 when the slot error rate (%) is above.", rich_help_panel=_GATES
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
    from d2t.generate.job import Job, is_bulk
    from d2t.generate.stream import StreamTotals, generate_stream
    from d2t.io.records import read_records
    from d2t.io.text_source import open_source
    from d2t.io.waiting import input_waits
    from d2t.mr.columns import ColumnMap
    from d2t.search.backend import BATCHES_PER_WINDOW
    from d2t.search.ct2_backend import Parallelism

    finished = resume and is_complete(output, jsonl=format is OutputFormat.JSONL)
    if source != "-":  # a missing file is cheaper to find than a model is to load
        open_source(source).close()
        refuse_own_input(source, output, "--output")
    if rerank and verify is Verify.OFF:
        raise UsageError("--rerank is short for --verify rerank; leave out --verify off")
    verify = verify or (Verify.RERANK if rerank else Verify.STRICT)
    reranked = rerank or verify is Verify.RERANK
    contrasted = contrast_options(contrast, beta, plausibility, dynamic)
    settings: dict[str, Any] = {
        "engine": engine,
        "device": device,
        "threads": threads,
        "workers": workers,
        "beam_size": RERANK_BEAM_SIZE if reranked and beam_size is None else beam_size,
        "rerank": reranked,
        "batch_size": batch_size,
        "max_length": max_length,
        "length_penalty": length_penalty,
        "seed": seed,
        "planner": planner,
        "plan_sentences": sentences,
        "contrast": contrasted,
    }
    strictly = verify is Verify.STRICT
    mapped = ",".join(map) if map else None
    job = Job(model, settings, strictly, columns=mapped)
    generator = job.generator()
    wanted = plan_option(plan, first, generator.domain)
    job = replace(job, plan=wanted)
    typed = source == "-" and sys.stdin.isatty()
    window = 1 if typed else BATCHES_PER_WINDOW * batch_size
    columns = ColumnMap.parse(mapped, generator.domain)
    known = (*generator.domain.slot_names, *columns.targets)
    records = read_records(source, limit=limit, known_columns=known)
    lines = Lines(columns, text=format is OutputFormat.TEXT, proved=strictly)
    totals, started = StreamTotals(), time.perf_counter()
    made_by = {
        "model": _digest(generator), "engine": engine, "plan": wanted, "planner": planner,
        "sentences": sentences, "verify": verify.value, "rerank": reranked, "beam_size": beam_size,
        "length_penalty": length_penalty, "max_length": max_length, "batch_size": batch_size,
        "seed": seed, "map": mapped, "format": format.value,
        "contrast": None if contrasted is None else asdict(contrasted),
    }  # fmt: skip
    if finished:
        assert output is not None  # there is one
        count_finished(output, records, columns, totals)
    else:
        file = begin_file(output, made_by, resume=resume, window=window)
        with open_sink(output, file) as write:
            rest = after_kept(file, records, columns, totals)
            many = is_bulk(source) and limit is None and workers is None and generator.at_a_time > 1
            n = processes or (Parallelism.for_machine(threads).workers if many else 1)
            with _answered(job, generator, 1 if typed else n) as (answer, at_a_time, pool):
                windows = generate_stream(
                    rest, answer, window=window, strict=strict, at_a_time=1 if typed else at_a_time,
                    pool=pool, waits=input_waits(source),
                )  # fmt: skip
                for items in _counted(windows, totals, started):
                    write(lines.of(items))
    say(_summary(totals, time.perf_counter() - started))
    raise typer.Exit(verdict(_missed(totals, require_ok, max_ser), bad_lines=totals.bad))


def _digest(generator: ModelGenerator) -> str | None:
    """Of the bundle's table of contents, which holds the hashes of its files."""
    from d2t.io.hashing import sha256_file

    folder = generator.bundle.path
    return None if folder is None else sha256_file(folder / "d2t.json")


@contextmanager
def _answered(
    job: Job, generator: ModelGenerator, processes: int
) -> Iterator[tuple[Answer, int, Executor | None]]:
    """What answers windows, how many at a time, and the processes that do it, where they do."""
    if processes == 1:
        yield job.answer(generator), generator.at_a_time, None
        return
    from d2t.generate.job import answer_here, answering

    with answering(processes, job.answer_alone) as pool:
        yield answer_here, 2 * processes, pool  # one is ready when another is finished


def _counted(
    windows: Iterator[list[StreamItem]], totals: StreamTotals, started: float
) -> Iterator[list[StreamItem]]:
    """The answered windows, counted and shown in the progress bar as they pass."""
    with progress("generating") as advance:
        for items in windows:
            totals.add(items)
            yield items
            rate = (totals.n + totals.bad) / (time.perf_counter() - started)
            advance(len(items), note=f"{rate:.1f} records/s")


def _summary(totals: StreamTotals, seconds: float) -> str:
    kept = f"{100 * totals.order_kept / totals.n:.1f}%" if totals.n else "-"
    ser = f"{totals.ser:.2f}%" if totals.n else "-"
    repaired = f"{totals.repaired} repaired, " if totals.repaired else ""
    if totals.breaks_planned:
        sentences = 100 * totals.breaks_kept / totals.breaks_planned
        planned = f", sentences kept {sentences:.1f}% of {totals.breaks_planned}"
    else:
        planned = ""
    return (
        f"{totals.n + totals.bad} records: {totals.ok} ok, {repaired}{totals.failed} failed, "
        f"{counted(totals.bad, 'bad line')}; SER {ser}, order kept {kept}{planned}; "
        f"{seconds:.1f} s, {totals.n / max(seconds, 1e-9):.1f} sentences/s"
    )


def _missed(totals: StreamTotals, require_ok: bool, max_ser: float | None) -> str | None:
    """Which gate is missed; under ``--require-ok`` by a bad line too, under both by no text."""
    unproved = totals.failed + totals.bad
    if not totals.n and (require_ok or max_ser is not None):
        return "no text was generated"
    if max_ser is not None and totals.ser > max_ser:
        return f"SER {totals.ser:.2f}% is above --max-ser {max_ser:g}"
    if require_ok and unproved:
        return f"{unproved} records without an ok text (--require-ok)"
    return None
