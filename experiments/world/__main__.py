"""``python -m experiments.world``: the slot checker on texts in the styles of the world.

Each file of this folder holds restaurant texts in at least ten styles (marketing, chatty, listings,
question and answer, reviews ...). Writers who saw neither checker nor lexicon (instances of a
language model) first wrote the record that is given (``mr``) and what the text is to say
(``gold``), then the text. ``kind`` is ``faithful`` (the text says its record), ``unsupported`` (and
makes one further claim), ``omission``, ``wrong`` or ``hallucination`` (of one slot, named in
``slot``). ``dev.jsonl`` and ``dev2.jsonl`` were read while the lexicon was made; those who worked
on the checker have not read the others.

Values are compared with synonyms merged, and numbers are read strictly, as ``d2t check
--merge-synonyms`` reads them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.io.atomic import atomic_write_text
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.score.report.report import markdown_table
from d2t.slots.checker import SlotChecker
from experiments.engine.processes import exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.slots.types import SlotReport

FOLDER = Path(__file__).parent
TABLE = FOLDER.parent / "results" / "world" / "table.md"
HEADER = (
    "texts", "n", "exact %", "slot F1", "false alarms", "repeated too", "omissions", "wrong values",
    "hallucinated slots", "claims",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Score every file and write the table."""
    line = argparse.ArgumentParser(prog="python -m experiments.world", description=__doc__)
    line.add_argument("files", nargs="*", type=Path, help="default: all of this folder")
    line.add_argument("--out", type=Path, default=TABLE)
    args = line.parse_args(argv)

    def run() -> int:
        files = args.files or sorted(FOLDER.glob("*.jsonl"))
        checker = SlotChecker.for_domain(load_domain("restaurant"))
        signature = checker.signature(merge_synonyms=True, strict_numbers=True)
        rows = [row(file, checker) for file in files]
        text = markdown_table(HEADER, rows) + f"\n`{signature}`\n"
        atomic_write_text(args.out, text)
        print(text)
        return 0

    return exit_code(run)


def row(file: Path, checker: SlotChecker) -> list[str]:
    """The scores of one file."""
    counts: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with file.open(encoding="utf-8") as lines:
        for text in map(json.loads, lines):
            mr = parse_mr(text["mr"], checker.domain)
            report = checker.check(text["text"], mr, merge_synonyms=True, strict_numbers=True)
            gold = parse_mr(text["gold"], checker.domain).slots if text["gold"] else ()
            wanted = {checker.merged(slot) for slot in gold}
            read = {checker.merged(span.slot) for span in report.spans}
            counts["texts"] += 1
            counts["exact"] += wanted == read
            counts["both"] += len(wanted & read)
            counts["either"] += len(wanted) + len(read)
            kind = text["kind"]
            planted[kind] += 1
            if kind in ("faithful", "unsupported"):
                alarm = bool(report.missing or report.added or report.wrong)
                counts["alarms"] += alarm
                counts["alarms or repeats"] += alarm or bool(report.repeated)
                found[kind] += bool(report.unsupported)
            else:
                found[kind] += _finds(kind, text["slot"], report)
    correct = planted["faithful"] + planted["unsupported"]
    return [
        file.stem,
        str(counts["texts"]),
        f"{100 * counts['exact'] / counts['texts']:.1f}",
        f"{200 * counts['both'] / counts['either']:.2f}",
        f"{counts['alarms']} of {correct}",
        f"{counts['alarms or repeats']} of {correct}",
        *(
            f"{found[kind]} of {planted[kind]}"
            for kind in ("omission", "wrong", "hallucination", "unsupported")
        ),
    ]


def _finds(kind: str, slot: str, report: SlotReport) -> bool:
    """Whether a report names the slot in which a text departs from its record."""
    wrong = {error.span.slot.name for error in report.wrong}
    missing = {missed.name for missed in report.missing}
    added = {span.slot.name for span in report.added}
    return (
        slot
        in {
            "omission": missing,
            "wrong": wrong | missing,
            "hallucination": added | wrong,
        }[kind]
    )


if __name__ == "__main__":
    raise SystemExit(main())
