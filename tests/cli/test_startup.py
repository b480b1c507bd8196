"""The command line as a whole: it imports little, and every help text ends with an example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from d2t.cli.main import COMMANDS, app

# What takes long to import; how long a start takes, `make bench` says (part `startup`).
HEAVY = {
    "ctranslate2", "datasets", "numpy", "pandas", "pydantic", "sacrebleu", "sentencepiece",
    "sklearn", "tokenizers", "torch", "transformers",
}  # fmt: skip


def imported(*arguments: str, text: str = "") -> set[str]:
    """The top-level packages that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "d2t", *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True, input=text)
    lines = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
    return {line.split("|")[2].strip().partition(".")[0] for line in lines}


def test_help_imports_nothing_heavy() -> None:
    assert imported("--help") & HEAVY == set()


def test_a_check_imports_no_model() -> None:
    record = json.dumps({"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."})
    seen = imported("check", text=record + "\n")
    assert "d2t" in seen
    assert seen & (HEAVY - {"pydantic"}) == set()  # typer reads options with it


def test_the_shipped_model_speaks_without_torch() -> None:
    seen = imported("generate", text="name[Aromi], eatType[pub]\n")
    assert "ctranslate2" in seen
    assert seen & {"torch", "transformers", "datasets", "sacrebleu"} == set()


def leaves(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of the commands below a command or group."""
    groups = getattr(command, "commands", None)
    if groups is None:
        return [path]
    return [leaf for name, part in groups.items() for leaf in leaves(part, (*path, name))]


PATHS = leaves(typer.main.get_command(app))


def test_every_command_is_known() -> None:
    assert {path[0] for path in PATHS} == set(COMMANDS)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_help_ends_with_an_example_of_the_command(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    example = result.stdout.partition("Example:")[2]
    assert " ".join(("d2t", *path)) in " ".join(example.split())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_is_in_the_readme_or_a_guide(path: tuple[str, ...]) -> None:
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *(root / "d2t" / "guides").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert re.search(rf"\bd2t {' '.join(path)}(?![\w-])", text)
