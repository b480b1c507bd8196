"""`d2t generate`: records in, checked utterances out."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import plan_option, progress, say, say_reading, verdict
from d2t.cli.reading import reading_of, reads_records
from d2t.errors import UsageError

if TYPE_CHECKING:
    from d2t.generate.contrast import ContrastOptions
    from d2t.mr.reader import ReadOptions

_OUTPUT, _CONTRAST = "Input and output", "Contrast"


class OutputFormat(StrEnum):
    """What is written per record."""

    JSONL = "jsonl"
    TEXT = "text"


class Verify(StrEnum):
    """How hard a text is worked on until it passes the check."""

    STRICT = "strict"
    RERANK = "rerank"
    OFF = "off"


class Contrast(StrEnum):
    """What the true MR is contrasted with."""

    DROPPED = "dropped"
    WRONG = "wrong"
    NULL = "null"


class Writer(StrEnum):
    """Who writes first."""

    AUTO = "auto"
    MODEL = "model"
    FRAMES = "frames"


class Style(StrEnum):
    """How many sentences a composed text prefers."""

    AUTO = "auto"
    BRIEF = "brief"
    FULL = "full"


@reads_records
def generate(
    source: opt.Source = "-",
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="A bundle, which is the folder that `d2t train` wrote. Default: the model that "
            "ships with d2t.",
        ),
    ] = None,
    plan: opt.Plan = None,
    first: opt.First = None,
    plan_policy: opt.PlanPolicy = "strict",
    planner: opt.Planner = None,
    sentences: opt.Sentences = False,
    beam_size: opt.BeamSize = None,
    verify: Annotated[
        Verify | None,
        typer.Option(
            show_default="strict",
            help="strict: a text that fails the check, or does not keep the order asked for, is "
            "generated again by slower methods. If one passes, its status is repaired, else "
            "failed. rerank: d2t takes the text of the beam (8 texts, or --beam-size) with the "
            "best slot F1, then the best order, then the best score. off: the first text is "
            "checked and returned.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = None,
    n: Annotated[
        int,
        typer.Option(
            "--n",
            min=1,
            max=20,
            help="The number of texts for each record, different in order, sentences or wording. "
            "The best is `text`; the others are in `alternatives`. With --format text they follow "
            "on lines of their own, and an empty line ends each record.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = 1,
    writer: Annotated[
        Writer,
        typer.Option(
            help="Who writes first. model: the trained model. frames: texts are composed from the "
            "frames.toml of the domain. auto: the model where no order is asked for and the "
            "domain lists all values; else the frames.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = Writer.AUTO,
    style: Annotated[
        Style,
        typer.Option(
            help="Of composed texts: brief prefers one sentence, full two or three.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = Style.AUTO,
    rerank: Annotated[
        bool,
        typer.Option(
            "--rerank",
            help="Alone, this is the same as --verify rerank. With --verify strict, d2t first "
            "takes the best text of the beam and then repairs texts that fail. This gives the best "
            "texts at the lowest speed.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = False,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=10,
            help="Beam search ranks texts by log p / length ** PENALTY, where p is the "
            "probability of the text and length its number of tokens.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The largest number of tokens of a text. A text that is cut there has the status "
            "failed.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = None,
    contrast: Annotated[
        Contrast | None,
        typer.Option(
            "--contrast",
            help="Contrastive decoding: prefer tokens that the MR makes likelier than a changed MR "
            "does. The slots of the changed MR are dropped, have a wrong value, or a null value. "
            "It needs the torch engine and takes about twice the time of a search.",
            rich_help_panel=_CONTRAST,
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            "--contrast-beta",
            min=0,
            help="The weight of the log-probabilities under the changed MR [default: 0.25].",
            rich_help_panel=_CONTRAST,
        ),
    ] = None,
    plausibility: Annotated[
        float | None,
        typer.Option(
            "--plausibility",
            min=0,
            max=1,
            help="Exclude tokens with less than this share of the likeliest token's probability "
            "under the MR itself [default: 0.1].",
            rich_help_panel=_CONTRAST,
        ),
    ] = None,
    dynamic: Annotated[
        bool,
        typer.Option(
            "--contrast-dynamic",
            help="Change only the slots that the text has not said yet. This is a few times "
            "slower.",
            rich_help_panel=_CONTRAST,
        ),
    ] = False,
    lexicon: opt.Lexicon = None,
    batch_size: opt.BatchSize = 64,
    seed: opt.Seed = 0,
    engine: opt.Engine = "auto",
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of batches that the ctranslate2 engine searches at the same time, on "
            "the same threads.",
            rich_help_panel=opt.SEARCH,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of worker processes. Each loads the model and uses one thread.",
            show_default="1; for a file of 4 MB or more, one for each core",
            rich_help_panel=opt.SEARCH,
        ),
    ] = None,
    format: Annotated[
        OutputFormat,
        typer.Option(
            help="jsonl writes a JSON object for each record, text writes only its text. With "
            "text, if a record has no text that passed, its line is empty and the reason is on "
            "standard error.",
            rich_help_panel=_OUTPUT,
        ),
    ] = OutputFormat.JSONL,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to this file instead of standard output. It appears when it is complete. "
            "Until then, or if the run is interrupted, FILE.partial holds the finished records.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an interrupted run from its FILE.partial; give the same input and "
            "options. A complete file is compared with the input, and the gates are applied again.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    strict: opt.Strict = False,
    require_ok: Annotated[
        bool,
        typer.Option(
            "--require-ok",
            help="A gate: exit with code 4 unless every record has a text that passed (its status "
            "is ok or repaired).",
            rich_help_panel=opt.GATES,
        ),
    ] = False,
    max_ser: opt.MaxSer = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the summary as JSON on standard output. The texts then go to a file "
            "(--output).",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    *,
    reading: ReadOptions,
) -> None:
    """Write a checked utterance for each record, in the order of a plan.

    The command reads JSON, CSV, Excel or Parquet files, or one MR on each line. The MR of a record
    is its field `mr`, or else its columns are the slots; `id` and `plan` are read beside it. A
    column that is neither is asked about: `--map` says which slot it is, `--ignore` leaves it out.
    Only models that were trained with --strategy at follow a plan
    reliably; the shipped model is one.

    For each record the command writes {id, mr, plan, text, spans, report, score, status, stage,
    order_kept, breaks_kept}, in input order, and `extra` with what else the record holds. The
    status is `ok`, `repaired` or `failed`; `stage` names the method that gave the text, if it is
    not the model's first. A bad record
    gives {id, error} in its place, and the exit code is then 3. The exit code is 4 if a gate is
    missed. A file is read in windows of 8 batches, two at a time; input from a terminal is answered
    line by line.

    Example: echo "name[Aromi], eatType[pub]" | d2t generate --plan eatType,name --format text
    """
    from d2t.api import load
    from d2t.generate.files import check_paths

    if as_json and (output is None or str(output) == "-"):
        raise UsageError("--json prints the summary on standard output; add --output FILE")
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
        contrast=_contrast(contrast, beta, plausibility, dynamic),
        lexicon=lexicon or (),
        writer=writer.value,
        n=n,
        style=style.value,
    )
    with progress("generating") as advance:
        summary = generator.generate_file(
            source,
            output,
            plan=plan_option(plan, first, generator.domain, plan_policy),
            format=format.value,
            resume=resume,
            strict=strict,
            require_ok=require_ok,
            max_ser=max_ser,
            processes=processes,
            progress=lambda n, rate: advance(n, note=f"{rate:.1f} records/s"),
            notify=say,
            **reading_of(reading),
        )
    if as_json:
        print(json.dumps(summary.as_dict(), ensure_ascii=False))
    else:
        say_reading(summary.input)
        say(str(summary))
    bad_lines = 0 if reading.skip_bad else summary.bad
    raise typer.Exit(verdict(summary.missed_gate, bad_lines=bad_lines))


def _contrast(
    contrast: Contrast | None, beta: float | None, plausibility: float | None, dynamic: bool
) -> ContrastOptions | None:
    """The contrast that the options ask for, if any.

    Raises:
        UsageError: settings of a contrast that is not asked for, or out of range.
    """
    from d2t.generate.contrast import ContrastOptions

    settings = {"--contrast-beta": beta, "--plausibility": plausibility}
    given = {name: value for name, value in settings.items() if value is not None}
    if contrast is None:
        if given or dynamic:
            raise UsageError(
                f"{next(iter(given), '--contrast-dynamic')} has an effect only with --contrast; "
                "add --contrast dropped, wrong or null"
            )
        return None
    default = ContrastOptions()
    return ContrastOptions(
        contrast.value,
        given.get("--contrast-beta", default.beta),
        given.get("--plausibility", default.plausibility),
        dynamic,
    )
