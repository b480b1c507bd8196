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
    from d2t.slots.mending.teach import Proposal
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


@app.command()
@reads_records
def teach(
    source: opt.Source = "-",
    min_count: Annotated[
        int,
        typer.Option(
            "--min-count",
            min=1,
            help="The number of texts that a proposal must put right. With 1, words that stand in "
            "one text only are proposed too; many of these need a person's eye.",
        ),
    ] = 2,
    yes: Annotated[bool, typer.Option("--yes", help="Write all proposals without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the proposals and write nothing.")
    ] = False,
    domain: opt.Domain = "restaurant",
    lexicon: Written = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the proposals as JSON on standard output.")
    ] = False,
    *,
    reading: ReadOptions,
) -> None:
    """Propose wordings from texts whose right MR is known, ask about each, and write them.

    Each record holds a `text` and the MR that it says: in `gold` if a person has corrected it, or
    in `mr` if the pair is known to be faithful. Words that stand in texts with a value that is not
    read, and in no text without the value, are proposed as a wording; words that are read wrongly
    again and again are proposed to be taken back. A proposal that would make the reading of any of
    the texts worse is not shown.

    Example:  d2t lexicon teach corrected.jsonl --dry-run
    """
    from d2t.errors import D2TError, UsageError
    from d2t.mr.reader import RecordReader
    from d2t.slots.mending.teach import lesson_from_record, n_right, with_blocks
    from d2t.slots.mending.teach import teach as proposals_of
    from d2t.slots.mending.wordings import append

    if yes and dry_run:
        raise UsageError("--yes writes the proposals, --dry-run writes nothing; give one of them")
    file, loaded = _written(domain, lexicon)
    records = RecordReader(source, loaded, reading, need_mr=False)
    lessons, bad = [], 0
    for record in records:
        try:
            lessons.append(lesson_from_record(record, loaded))
        except D2TError as error:
            bad += 1
            say(one_line(f"d2t: line {record.line} (id {record.id}): {error.message}"))
    records.report.unused.pop("gold", None)
    say_reading(records.report)
    proposals = proposals_of(lessons, loaded, min_count=min_count)
    asks = not (yes or dry_run or as_json) and _is_terminal()
    taken = _chosen(proposals, loaded) if asks else [one.block for one in proposals]
    if as_json:
        print(json.dumps([one.as_dict() for one in proposals], ensure_ascii=False))
    elif not asks:
        for one in proposals:
            _tell(one)
    before = n_right(lessons, loaded)
    after = n_right(lessons, with_blocks(loaded, taken)) if taken else before
    say(
        f"{counted(len(lessons), 'text')}: {before} are read exactly, {after} with "
        f"{counted(len(taken), 'proposal')}"
    )
    if taken and (asks or yes):
        append(taken, file)
        say(f"written to {file}; use it with --lexicon {file}")
    elif taken and not dry_run:
        say("nothing is written; give --yes to write all, or run it in a terminal to choose")
    exit_after(0 if reading.skip_bad else bad)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _tell(proposal: Proposal) -> None:
    print(one_line(str(proposal)))
    for text in proposal.examples:
        print(one_line(f"    {text}"))


def _chosen(proposals: list[Proposal], domain: Domain) -> list[Block]:
    """The proposals that the person at the terminal takes, with their words as edited."""
    from dataclasses import replace

    from d2t.errors import D2TError
    from d2t.slots.mending.wordings import try_block

    taken: list[Block] = []
    for at, proposal in enumerate(proposals, 1):
        print(f"\n{at} of {len(proposals)}:", end=" ")
        _tell(proposal)
        block = proposal.block
        while True:
            answer = typer.prompt("y yes, n no, w weakly, e edit the words, q quit", default="n")
            kind = answer.strip().lower()[:1]
            if kind == "q":
                return taken
            if kind == "e":
                block = replace(block, say=(typer.prompt("words", default=block.say[0]),))
                try:
                    trial = try_block(block, domain)
                except D2TError as error:
                    print(one_line(error.message))
                    continue
                for fault in (trial.idle, trial.unread, *trial.clashes):
                    if fault:
                        print(one_line(fault))
                continue
            if kind in ("y", "w"):
                taken.append(replace(block, weak=True) if kind == "w" else block)
            break
    return taken


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
