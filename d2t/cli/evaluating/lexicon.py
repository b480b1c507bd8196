"""``d2t lexicon``: show the wordings of a lexicon, add to them, take them back, test and teach."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import ExitCode, counted, exit_after, say, say_reading
from d2t.cli.reading import reads_records
from d2t.printable import one_line, pictured

if TYPE_CHECKING:
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions
    from d2t.slots.mending.wordings import Block

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Mend what the slot checker reads: show the wordings of a value, add and remove some, "
    "test the lexicon, and teach it by corrected texts. What you add is written into a file of "
    "your own, which `--lexicon` names in every command that reads texts; nothing else uses it.",
    epilog='Example:  `d2t lexicon add priceRange=cheap "without breaking the bank"`',
)

DEFAULT = Path("my-lexicon.toml")
Target = Annotated[
    str,
    typer.Argument(
        metavar="SLOT=VALUE", help="The slot and its value, for example priceRange=cheap."
    ),
]
Written = Annotated[
    list[Path] | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        help="The file that is written; it is made if there is none [default: my-lexicon.toml]. "
        "Given several times: the last file is written, the others are layers below it.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Write also what hides a reading of today, or changes nothing."),
]


@app.command()
def show(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="SLOT=VALUE",
            help="The value, for example priceRange=cheap; a slot alone shows all of its values. "
            "Default: the number of wordings of every value.",
            show_default=False,
        ),
    ] = None,
    domain: opt.Domain = "restaurant",
    lexicon: opt.Lexicon = None,
    as_json: opt.Json = False,
) -> None:
    """Show how a value is worded: each pattern with its file, line and marks.

    `weak` wordings count only if the MR holds the value, `sole` ones only if nothing else says the
    slot; `negated` ones say the value if they are denied.

    Example:  d2t lexicon show priceRange=cheap
    """
    from d2t.slots.mending.wordings import counts, parse_target, wordings

    loaded = _domain(domain, lexicon)
    if target is None:
        numbers = counts(loaded)
        if as_json:
            rows = [
                {"slot": slot, "value": value, "wordings": n}
                for (slot, value), n in numbers.items()
            ]
            print(json.dumps(rows, ensure_ascii=False))
        else:
            for (slot, value), n in numbers.items():
                print(one_line(f"{n:5}  {slot}={value}"))
        return
    slot, wanted = parse_target(target, loaded, need_value=False)
    found = wordings(loaded, slot, wanted)
    if as_json:
        print(json.dumps([one.as_dict() for one in found], ensure_ascii=False))
        return
    for one in found:
        shown = f"{one}" if wanted is not None else f"{one}  [{', '.join(one.values)}]"
        print(one_line(shown))
    about = slot if wanted is None else f"{slot}[{wanted}]"
    say(f"{about}: {counted(len(found), 'wording')}")


@app.command()
def add(
    target: Target,
    words: Annotated[
        list[str], typer.Argument(help="The words, or a pattern of the lexicon language.")
    ],
    weak: Annotated[
        bool,
        typer.Option(
            "--weak",
            help="The words are vague: they count only if the MR holds the value and nothing else "
            "says it.",
        ),
    ] = False,
    new_value: Annotated[
        bool, typer.Option("--new-value", help="The value is a new one, which nobody lists yet.")
    ] = False,
    force: Force = False,
    domain: opt.Domain = "restaurant",
    lexicon: Written = None,
) -> None:
    """Add words that say a value to your own lexicon file.

    Before the file is written, the words are tried in two sentences: they must be read as the
    value, and hide nothing that is read today.

    Example:  d2t lexicon add priceRange=cheap "without breaking the bank"
    """
    from d2t.slots.mending.wordings import Block, parse_target

    file, loaded = _written(domain, lexicon)
    slot, value = parse_target(target, loaded, new=new_value)
    known = not new_value or value in loaded.slot(slot).values
    _write(Block(slot, value, tuple(words), weak=weak, new=not known), loaded, file, force=force)


@app.command()
def remove(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SLOT[=VALUE]", help="The slot, or one value of it, that the words do not say."
        ),
    ],
    words: Annotated[
        list[str], typer.Argument(help="The words, or a pattern of the lexicon language.")
    ],
    force: Force = False,
    domain: opt.Domain = "restaurant",
    lexicon: Written = None,
) -> None:
    """Take back what is read in some words, in your own lexicon file.

    What the layers below read in these words as the slot does not count any more. Other slots, and
    the same words inside of longer wordings, are read as before. `d2t check --explain` shows which
    words are read as what.

    Example:  d2t lexicon remove familyFriendly "a family business"
    """
    from d2t.slots.mending.wordings import Block, parse_target

    file, loaded = _written(domain, lexicon)
    slot, value = parse_target(target, loaded, need_value=False)
    _write(Block(slot, value, tuple(words), removes=True), loaded, file, force=force)


@app.command("test")
@reads_records
def run_cases(
    source: opt.Source = "-",
    domain: opt.Domain = "restaurant",
    lexicon: opt.Lexicon = None,
    merge_synonyms: Annotated[
        bool,
        typer.Option(
            "--merge-synonyms",
            help="Treat values as equal that the domain.toml lists as synonyms.",
        ),
    ] = False,
    as_json: opt.Json = False,
    *,
    reading: ReadOptions,
) -> None:
    """Try a lexicon on texts whose right reading is known; exit with code 4 if one is misread.

    Each record holds a `text` and `gold`, an MR: what the text says. An `mr` beside it is what the
    text was made from; the checker knows it as in `d2t check`. Instead of `gold`, `expect` may say
    what the report holds: {"ok": true}, or {"missing": ["food[Thai]"], "wrong": ["priceRange"]}.

    Example:  d2t lexicon test cases.jsonl --lexicon my-lexicon.toml
    """
    from d2t.errors import D2TError
    from d2t.mr.reader import RecordReader
    from d2t.slots.checker import SlotChecker
    from d2t.slots.mending.cases import case_from_record, run_case

    loaded = _domain(domain, lexicon)
    checker = SlotChecker.for_domain(loaded)
    records = RecordReader(source, loaded, reading, need_mr=False)
    n, failed, bad = 0, [], 0
    for record in records:
        try:
            case = case_from_record(record, checker)
        except D2TError as error:
            bad += 1
            say(one_line(f"d2t: line {record.line} (id {record.id}): {error.message}"))
            continue
        n += 1
        outcome = run_case(case, checker, merge_synonyms=merge_synonyms)
        if not outcome.ok:
            failed.append(outcome.as_dict())
            if not as_json:
                print(one_line(f"{case.id} (line {case.line}): {case.text}"))
                for fault in outcome.faults:
                    print(one_line(f"    {fault}"))
    if as_json:
        print(json.dumps({"cases": n, "failed": failed, "bad_lines": bad}, ensure_ascii=False))
    for name in ("gold", "expect"):  # read here, not by the reader
        records.report.unused.pop(name, None)
    say_reading(records.report)
    if not n and not bad:
        say("d2t: there is no case in the input")
        raise typer.Exit(ExitCode.BAD_INPUT)
    say(f"{counted(n, 'case')}: {n - len(failed)} passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(ExitCode.GATE_MISSED)
    exit_after(0 if reading.skip_bad else bad)


def _domain(domain: str, lexicon: list[Path] | None) -> Domain:
    from d2t.mr.domain import load_domain
    from d2t.mr.lexicon_layers import with_lexicons

    return with_lexicons(load_domain(domain), lexicon or ())


def _written(domain: str, lexicon: list[Path] | None) -> tuple[Path, Domain]:
    """The file to write, and the domain with it and what lies below it."""
    *below, file = lexicon or [DEFAULT]
    return file, _domain(domain, [*below, file] if file.exists() else below)


def _write(block: Block, domain: Domain, file: Path, *, force: bool) -> None:
    """Try one table and write it."""
    from d2t.slots.mending.wordings import append, try_block

    trial = try_block(block, domain)
    about = block.slot if block.value is None else f"{block.slot}[{block.value}]"
    if not trial.ok and not force:
        if trial.idle:
            say(f"d2t: nothing is written: {trial.idle} ({about})")
            return
        for fault in (trial.unread, *trial.clashes):
            if fault:
                print(one_line(f"d2t: {fault}"), file=sys.stderr)
        cure = "take that back first (d2t lexicon remove), or leave the word out"
        cure = cure if trial.clashes else "say it in other words"
        print(f"d2t: nothing is written; {cure}; --force writes it all the same", file=sys.stderr)
        raise typer.Exit(ExitCode.FAILURE)
    append([block], file)
    sys.stdout.write(pictured(block.toml()))
    say(f"written to {file}; use it with --lexicon {file}")
