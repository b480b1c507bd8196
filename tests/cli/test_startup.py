"""The command line as a whole: it starts at once, and every help text ends with an example."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from d2t.cli.main import COMMANDS, app

BUDGET_S = 0.4  # DESIGN


def cpu_s(*command: str) -> float:
    """Processor time of a child, which a busy machine does not stretch as it does wall time."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def test_help_starts_within_the_budget() -> None:
    command = [sys.executable, "-m", "d2t.cli.main", "--help"]
    assert min(cpu_s(*command) for _ in range(3)) < BUDGET_S


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
