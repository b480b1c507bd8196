"""The table of d2t/guides/files.md: files of tests/world, and what each command makes of them.

``python tests/support/world_table.py`` writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from typer.main import get_command

from d2t.cli.main import app
from d2t.io.resources import data_root

WORLD = Path(__file__).resolve().parents[1] / "world"
GUIDE = Path(__file__).resolve().parents[2] / "d2t" / "guides" / "files.md"
MARK = "<!-- made by tests/support/world_table.py -->"
COMMAND = get_command(app)  # built once: it takes longer than most of the runs
ANSWERING = {  # commands that answer each record with a line
    "generate": ["generate", "--verify", "off", "--planner", "bigram"],
    "check": ["check"],
    "plan": ["plan", "--planner", "bigram"],
    "linearize": ["linearize", "--model", str(data_root() / "model")],
    "parse": ["parse", "--rules"],
}
COUNTING = {  # commands that read all of a file
    "evaluate": ["evaluate", "slots", "--n-resamples", "0", "--json"],
    "data validate": ["data", "validate", "--json"],
    "data stats": ["data", "stats", "--no-align", "--json"],
    "data convert": ["data", "convert", "--out", "-"],
}


def cases() -> list[dict[str, Any]]:
    """The cases of ``cases.jsonl``."""
    lines = (WORLD / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def run(command: list[str], case: dict[str, Any], *more: str) -> Any:
    """One command on the file of a case, in this process."""
    given = case.get("options", {}).items()
    options = [part for name, value in given for part in (f"--{name}", value)]
    file = str(WORLD / "files" / case["file"])
    return CliRunner().invoke(COMMAND, [*command, file, *options, *more])


def table() -> str:
    """A row for each file, a column for each command; a cell is the exit code."""
    names = {**ANSWERING, **COUNTING}
    heads = ["file", "written by", "what is particular", "records", *names]
    rows = [heads, ["---"] * len(heads)]
    for case in cases():
        codes = [str(run(command, case).exit_code) for command in names.values()]
        bad = f", {case['bad']} bad" if case["bad"] else ""
        options = "".join(f" `--{k} '{v}'`" for k, v in case.get("options", {}).items())
        shape = case["shape"].replace("|", "\\|") + options
        error = f" ({case['error']})" if "error" in case else ""
        rows.append(
            [f"`{case['file']}`", case["source"], shape, f"{case['good']}{bad}{error}", *codes]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


if __name__ == "__main__":
    text = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(text[: text.index(MARK)] + f"{MARK}\n\n{table()}", encoding="utf-8")
