"""``d2t data``: list, fetch, inspect, check, correct and convert corpora."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli import options as opt
from d2t.cli.common import ExitCode, output, progress, say, say_error, say_reading
from d2t.cli.reading import reads_records
from d2t.printable import pictured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, ReadReport

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, fetch, inspect, check, correct and convert corpora.",
    epilog="Example:  `d2t data stats mini`",
)

Corpus = Annotated[
    str,
    typer.Argument(
        help="A registered corpus (see `d2t data list`), a file with the columns mr and ref (CSV, "
        "JSON, Excel or Parquet), or a saved Hugging Face dataset."
    ),
]
Name = Annotated[str, typer.Argument(help="The name of a registered corpus (see `d2t data list`).")]
Split = Annotated[
    opt.SplitName,
    typer.Option(
        "--split", help="The split that is read. For a file, this says which split the file is."
    ),
]
OneSplit = Annotated[
    opt.SplitName | None,
    typer.Option("--split", help="The split that is read, of a corpus that has several."),
]
Out = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="The file to write (.csv or .jsonl), or the folder; '-' is standard output.",
    ),
]
Form = Annotated[
    Literal["auto", "csv", "jsonl", "hf"],
    typer.Option(
        "--to",
        help="The format of the output. auto takes csv if the name of the file ends in .csv, and "
        "jsonl otherwise. hf writes a folder that holds a Hugging Face DatasetDict.",
    ),
]


@app.command("list")
def list_corpora(as_json: opt.Json = False) -> None:
    """List the registered corpora and say which of them are on this machine.

    Example:  d2t data list
    """
    from d2t.corpus.registry import registry

    entries = [
        {
            "name": entry.name,
            "here": entry.is_present(),
            "domain": entry.domain,
            "licence": entry.licence,
            "title": entry.title,
        }
        for entry in registry().values()
    ]
    if as_json:
        print(json.dumps(entries, ensure_ascii=False))
        return
    for entry in entries:
        here = "here" if entry["here"] else "not fetched"
        print(f"{entry['name']:<12} {here:<12} {entry['licence']:<13} {entry['title']}")


@app.command()
def info(name: Name, as_json: opt.Json = False) -> None:
    """Say where a corpus comes from, its licence, its files and their checksums.

    Example:  d2t data info e2e_cleaned
    """
    from d2t.corpus.fetch import describe, describe_lines
    from d2t.corpus.registry import find_corpus

    report = describe(find_corpus(name))
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print("\n".join(map(pictured, describe_lines(report))))


@app.command()
def fetch(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Take the files from this folder instead of the network."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch files again that are already here.")
    ] = False,
) -> None:
    """Fetch the files of a corpus into the cache and verify their checksums.

    The cache is the folder $D2T_DATA_HOME, or else d2t in the user's cache folder. If a download
    is interrupted, the next call resumes it. Without a network, `--from DIR` takes the files from a
    local copy, which holds them as `e2e_cleaned/train.csv` and so on.

    Example:  d2t data fetch e2e_cleaned
    """
    from d2t.corpus.fetch import fetch_corpus
    from d2t.corpus.registry import find_corpus

    entry = find_corpus(name)
    with progress(f"fetching {name}") as advance:
        before: dict[str, int] = {}

        def show(file: str, done: int, total: int | None) -> None:
            """Move the bar by what is new of this file."""
            of = f" of {total / 1e6:.1f}" if total else ""
            advance(done - before.get(file, 0), note=f"{file} {done / 1e6:.1f}{of} MB")
            before[file] = done

        fetched = fetch_corpus(entry, source=source, force=force, progress=show)
    for item in fetched:
        origin = "was here" if item.origin == "cache" else "fetched"
        say(f"{item.split:<6} {origin}, verified ({item.form} bytes): {item.path}")
    say(f"licence: {entry.licence}; please cite: {entry.citation}")


@app.command()
@reads_records
def stats(
    source: Corpus,
    split: Split = "train",
    domain: opt.CorpusDomain = None,
    align: Annotated[
        bool,
        typer.Option(
            "--align/--no-align",
            help="Also read the texts with the slot checker, and count the orders of slots.",
        ),
    ] = True,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Count the examples, MRs, slots, values, lengths and orders of slots of a corpus.

    Example:  d2t data stats mini --split dev
    """
    from d2t.corpus.load import load_split
    from d2t.corpus.stats import alignment_stats, corpus_stats, stats_lines
    from d2t.slots.checker import SlotChecker

    loaded = _domain(source, domain)
    inputs: list[ReadReport] = []
    examples = load_split(source, split, loaded, reading, inputs.append)
    report = {"corpus": source, "split": split, **corpus_stats(examples, loaded)}
    if align:
        checker = SlotChecker.for_domain(loaded)
        report["alignment"] = alignment_stats(examples, checker, loaded)
    if as_json:
        report["input"] = inputs[0].as_dict()
        print(json.dumps(report, ensure_ascii=False))
    else:
        say_reading(*inputs)
        print("\n".join(map(pictured, stats_lines(report))))


@app.command()
@reads_records
def validate(
    source: Corpus,
    split: OneSplit = None,
    domain: opt.CorpusDomain = None,
    warnings_as_errors: Annotated[
        bool, typer.Option("--warnings-as-errors", help="Exit with code 3 for warnings too.")
    ] = False,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Report what is wrong in a corpus file: one JSON object for each problem, then a summary.

    Errors are an MR or record that cannot be read, an unknown slot, an empty text, and control
    characters. Warnings are values that the domain does not list, a pair that occurs twice, and
    traces of a wrong encoding. The exit code is 3 if there are bad records.

    Example:  d2t data validate my_corpus.csv --domain restaurant
    """
    from d2t.corpus.convert import split_paths
    from d2t.corpus.validate import CorpusValidator
    from d2t.io.records import write_record

    [path] = split_paths(source, split).values()
    validator = CorpusValidator(path, _domain(source, domain), reading)
    for problem in validator.problems():
        if not as_json:
            write_record(sys.stdout, problem.as_dict())
    summary = validator.summary()
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        sys.stdout.flush()
        say_reading(validator.report)
        codes = ", ".join(f"{code} {count}" for code, count in summary["codes"].items())
        say(f"{validator.records} records, {validator.bad_records} bad; {codes or 'no problems'}")
    counted = 0 if reading.skip_bad else validator.bad_records
    bad = counted or (warnings_as_errors and summary["codes"])
    raise typer.Exit(ExitCode.BAD_INPUT if bad else ExitCode.GOOD)


@app.command()
@reads_records
def correct(
    source: Corpus,
    split: Split = "train",
    domain: opt.CorpusDomain = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--remove-overlap",
            help="Afterwards drop pairs whose MR occurs in the test split of this corpus or file.",
        ),
    ] = None,
    out: Out = "-",
    form: Form = "auto",
    *,
    reading: ReadOptions,
) -> None:
    """Replace each MR of a training or development set by what its text says.

    The slot checker reads the texts. JSONL output keeps the order of mention as `plan`. The command
    refuses test sets, because test MRs are never changed.

    Example:  d2t data correct mini --split dev --out dev.corrected.jsonl
    """
    from d2t.corpus.convert import correct_split
    from d2t.io.text_source import refuse_own_input

    refuse_own_input(source, Path(out))
    loaded = _domain(source, domain)
    correction = correct_split(source, split, loaded, against=against, reading=reading)
    _write({split: correction.examples}, loaded, out, form, "auto")
    say(str(correction))


@app.command()
@reads_records
def convert(
    source: Corpus,
    split: OneSplit = None,
    out: Out = "-",
    form: Form = "auto",
    mr_form: Annotated[
        Literal["auto", "e2e", "viggo", "json"],
        typer.Option(
            help="How MRs are written. auto takes the form that is usual for the domain and the "
            "format."
        ),
    ] = "auto",
    domain: opt.CorpusDomain = None,
    strict: opt.Strict = False,
    *,
    reading: ReadOptions,
) -> None:
    """Convert a corpus to CSV, JSONL or a dataset, with MRs as E2E text, ViGGO text or JSON.

    JSONL and datasets keep ids and plans; CSV has no place for them. A dataset holds every split of
    the corpus, or only the one that `--split` names; the split dev is called validation there. A
    file is taken for the split train unless `--split` names another. Bad records are left out and
    named on standard error, and the exit code is then 3.

    Example:  d2t data convert corpus.csv --out corpus.jsonl
    Example:  d2t data convert mini --to hf --out mini_dataset
    """
    from d2t.corpus.convert import read_splits, split_paths
    from d2t.errors import D2TError
    from d2t.io.text_source import refuse_own_input

    refuse_own_input(source, Path(out))
    loaded = _domain(source, domain)
    bad: list[D2TError] = []

    def report(error: D2TError) -> None:
        """Tell about a bad record and count it."""
        say_error(error)
        bad.append(error)

    paths = split_paths(source, split, several=form == "hf")
    good = read_splits(
        paths, loaded, strict=strict, on_bad=report, reading=reading, on_report=say_reading
    )
    _write(good, loaded, out, form, mr_form)
    count = sum(map(len, good.values()))
    say(f"{count} examples written" + (f", {len(bad)} bad lines left out" if bad else ""))
    raise typer.Exit(ExitCode.BAD_INPUT if bad and not reading.skip_bad else ExitCode.GOOD)


@app.command("make-mini")
def make_mini(
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", help="The seed of the grammar. Default: the seed of the shipped corpus."
        ),
    ] = None,
) -> None:
    """Write the embedded corpus anew from its grammar.

    With the default seed, the files have the same bytes as those that ship with d2t.

    Example:  d2t data make-mini --out mini
    """
    from d2t.corpus.mini.generate import SEED, write_mini

    for path in write_mini(out, SEED if seed is None else seed):
        say(str(path))


def _domain(source: str, name: str | None) -> Domain:
    from d2t.corpus.registry import default_domain
    from d2t.mr.domain import load_domain

    return load_domain(name or default_domain(source))


def _write(
    splits: Mapping[str, list[Example]],
    domain: Domain,
    out: str,
    form: Literal["auto", "csv", "jsonl", "hf"],
    mr_form: Literal["auto", "e2e", "viggo", "json"],
) -> None:
    from d2t.corpus.files import write_corpus
    from d2t.corpus.hf import save_dataset
    from d2t.errors import UsageError

    if form == "hf":
        if out == "-":
            raise UsageError("a dataset is a folder: name it with --out FOLDER")
        save_dataset(splits, domain, Path(out), mr_form)
        return
    [examples] = splits.values()
    if form == "auto":
        form = "csv" if Path(out).suffix == ".csv" else "jsonl"
    with output(out) as stream:
        write_corpus(stream, examples, domain, form=form, mr_form=mr_form)
