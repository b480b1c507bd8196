"""The options and arguments that several commands share, each with one meaning and one help text.

A command imports this module as ``opt`` and writes ``limit: opt.Limit = None``. An option that only
one command has is declared beside that command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

MOST_THREADS = 1024
"""More threads than this make nothing faster, and torch ends the process."""
DATA, MODEL, SEARCH, ORDER, GATES, INTERVALS, RUN = (
    "Data", "Model", "Search", "Order", "Gates", "Intervals", "Run",
)  # fmt: skip
"""Headings under which ``--help`` groups options."""

SplitName = Literal["train", "dev", "test"]

# What is read.
Source = Annotated[
    str,
    typer.Argument(help="The file to read; '-' is standard input.", show_default=True),
]
Domain = Annotated[
    str,
    typer.Option(
        "--domain", help="The name of a shipped domain, or a folder that holds a domain.toml."
    ),
]
CorpusDomain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        help="The name of a shipped domain, or a folder that holds a domain.toml. Default: the "
        "domain of the corpus; for a file, restaurant.",
    ),
]
Lexicon = Annotated[
    list[Path] | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        help="A lexicon.toml of your own, as a layer above that of the domain: it adds wordings "
        "and takes others back (see `d2t lexicon --help`). The option may be repeated; of several "
        "files the last one is on top.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Read only this many records.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop with an error at the first bad record. Without this option, bad records are "
        "reported and the others are processed.",
    ),
]
Split = Annotated[SplitName, typer.Option("--split", help="The split of the corpus.")]
References = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        help="Take references from this corpus or file, for records that hold none. They are "
        "matched by MR.",
    ),
]
TrainingCorpus = Annotated[
    str,
    typer.Option(
        "--corpus",
        help="A registered corpus (see `d2t data list`), a CSV, JSONL or Parquet file of training "
        "pairs, or a saved Hugging Face dataset.",
    ),
]
TrainFile = Annotated[
    str | None,
    typer.Option(
        "--train",
        help="A file (CSV, JSONL or Parquet) or saved Hugging Face dataset with your own training "
        "pairs. It replaces the corpus.",
        rich_help_panel=DATA,
    ),
]
DevFile = Annotated[
    str | None,
    typer.Option(
        "--dev",
        help="A file or saved dataset with your own development pairs. It goes with --train.",
        rich_help_panel=DATA,
    ),
]

# How it is computed.
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="The seed of all random choices of this command.")
]
Device = Annotated[
    str,
    typer.Option(
        "--device", help="The device: cpu, cuda, cuda:1 or mps. auto takes a GPU if there is one."
    ),
]
Engine = Annotated[
    Literal["auto", "torch", "ctranslate2"],
    typer.Option(
        "--engine",
        help="The library that runs the model. auto takes ctranslate2 on a CPU if `d2t export` "
        "has put its model into the bundle, and torch otherwise.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        max=MOST_THREADS,
        help="The number of CPU threads. Default: all cores with ctranslate2, else torch's choice.",
    ),
]
TorchThreads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        max=MOST_THREADS,
        help="The number of CPU threads. Default: torch's choice.",
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        "--batch-size",
        min=1,
        help="The number of records that the model processes together. A smaller number needs less "
        "memory.",
    ),
]
BeamSize = Annotated[
    int | None,
    typer.Option(
        "--beam-size",
        min=1,
        max=1000,
        help="The number of texts that the search keeps at each step; 1 is greedy search. Default: "
        "the number that the bundle states.",
        rich_help_panel=SEARCH,
    ),
]

# The order of slots.
Plan = Annotated[
    str | None,
    typer.Option(
        "--plan",
        help="The order for every record that has no `plan` of its own, for example area,food,name "
        "or 'area > food | name', where '|' ends a sentence. A plan names exactly the slots of the "
        "MR, or ends in '...' ('area,...'), and then the planner orders the other slots.",
    ),
]
PlanPolicy = Annotated[
    Literal["strict", "fit"],
    typer.Option(
        "--plan-policy",
        help="What --plan means for a record with other slots. strict: the record is bad; only "
        "entries with a question mark, such as 'area?', may be missing. fit: slots that the "
        "record lacks are left out of the plan, and the planner orders the slots that the plan "
        "does not name.",
        rich_help_panel=ORDER,
    ),
]
First = Annotated[
    str | None,
    typer.Option(
        "--first",
        metavar="SLOT",
        help="Begin every text with this slot. This is short for --plan 'SLOT,...'.",
        rich_help_panel=ORDER,
    ),
]
Planner = Annotated[
    str | None,
    typer.Option(
        "--planner",
        metavar="NAME_OR_FOLDER",
        help="What chooses the order: bigram, neural, random, display (the order in which the "
        "domain lists its slots), or the folder of a planner that `d2t train-planner` wrote. "
        "Default: the best planner of the bundle.",
        rich_help_panel=ORDER,
    ),
]
Sentences = Annotated[
    bool,
    typer.Option(
        "--sentences",
        help="Also plan where sentences end. Only neural planners can do this.",
        rich_help_panel=ORDER,
    ),
]

# How outputs are judged.
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="Also compute this registered metric, for example one that another package brings. "
        "The option may be repeated.",
    ),
]
Resamples = Annotated[
    int,
    typer.Option(
        "--n-resamples",
        min=0,
        help="The number of bootstrap resamples behind the intervals; with 0 there are no "
        "intervals.",
        rich_help_panel=INTERVALS,
    ),
]
Unit = Annotated[
    Literal["mr", "record"],
    typer.Option(
        "--unit",
        help="What the bootstrap draws: all records of an MR together, or single records.",
        rich_help_panel=INTERVALS,
    ),
]
MaxSer = Annotated[
    float | None,
    typer.Option(
        "--max-ser",
        min=0,
        help="A gate: exit with code 4 if the slot error rate (SER, in percent) is above this "
        "number.",
        rich_help_panel=GATES,
    ),
]
MaxUnsupported = Annotated[
    int | None,
    typer.Option(
        "--max-unsupported",
        min=0,
        help="A gate: exit with code 4 if the texts make more claims beyond their MRs than this "
        "number.",
        rich_help_panel=GATES,
    ),
]

Repeats = Annotated[
    Literal["error", "warn", "ignore"],
    typer.Option(
        "--repeats",
        help="Slots that a text says again. error: they count in the verdict of a text and in "
        "--max-ser. warn: they are reported, and count in neither. ignore: the same, and they are "
        "not shown to people. SER as it is printed always counts them.",
        rich_help_panel=GATES,
    ),
]

# What is written.
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]
JsonSummary = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print only the summary, as JSON on standard output, and no line for each record.",
    ),
]
OutFolder = Annotated[Path, typer.Option("--out", help="The folder to write.")]

# Trainings.
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="The number of passes over the training texts."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the configuration, for example train.lr=3e-4 of `d2t train` or "
        "sample.target=3000 of `d2t self-train`. The option may be repeated.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue the interrupted run in the folder from where it stopped.",
        rich_help_panel=RUN,
    ),
]
ShowConfig = Annotated[
    bool,
    typer.Option(
        "--show-config",
        help="Print the complete configuration as TOML and stop.",
        rich_help_panel=RUN,
    ),
]
