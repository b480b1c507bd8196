"""Checked texts as rows of a table that a person sorts and filters in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.slots.types import SlotReport

COLUMNS = (
    "id", "ok", "ser", "missing", "added", "wrong", "repeated", "unsupported", "says", "text",
    "error",
)  # fmt: skip
# What a spreadsheet would take for a formula.
_FORMULA = re.compile(r"[=+@\t\r]|-(?![\d.])")


def header() -> str:
    """The first line of the table."""
    return _row(COLUMNS)


def row(id: str, report: SlotReport) -> str:
    """The line of one text; several errors of a kind are joined by ``; ``."""
    text = report.alignment.text
    wrong = [f"{wrong.span.slot} for {wrong.expected}" for wrong in report.wrong]
    repeated = () if report.repeats == "ignore" else report.repeated
    cells = {
        "id": id,
        "ok": "yes" if report.ok else "no",
        "ser": f"{report.ser:.1f}",
        "missing": "; ".join(map(str, report.missing)),
        "added": "; ".join(str(span.slot) for span in report.added),
        "wrong": "; ".join(wrong),
        "repeated": "; ".join(str(span.slot) for span in repeated),
        "unsupported": "; ".join(claim.text for claim in report.unsupported),
        "says": "; ".join(f"{span.slot}: {text[span.start : span.end]}" for span in report.spans),
        "text": text,
    }
    return _row(cells.get(column, "") for column in COLUMNS)


def error_row(id: str, message: str) -> str:
    """The line of a record that could not be checked."""
    cells = {"id": id, "error": message}
    return _row(cells.get(column, "") for column in COLUMNS)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue().encode("utf-8", "backslashreplace").decode("utf-8")


def _cell(text: str) -> str:
    """``text``; what a spreadsheet would take for a formula gets an apostrophe before it."""
    return "'" + text if _FORMULA.match(text) else text
