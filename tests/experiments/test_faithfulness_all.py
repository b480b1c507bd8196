"""``python -m experiments.faithfulness``: all parts in order, whatever fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from experiments.engine import command
from experiments.faithfulness import __main__ as everything

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ["qa", "conseq", "contrast", "counterfactual", "las", "together"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """Module and TOML of each part that is begun; those named ``las`` fail."""
    found: list[tuple[str, str]] = []

    def run_module(module: str, arguments: Sequence[str], log: Path) -> int:
        found.append((module.rpartition(".")[2], Path(arguments[1]).name))
        assert log.name == f"{Path(arguments[1]).stem}.log"
        return 1 if module.endswith("las") else 0

    monkeypatch.setattr(everything, "run_module", run_module)
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(command, "RUNS", tmp_path / "runs")
    return found


def test_every_part_is_run_in_order_whatever_fails(
    ran: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert everything.main([]) == 1
    assert ran == [(name, f"{name}.toml") for name in NAMES]
    said = capsys.readouterr().err
    assert "las: failed (1), see" in said
    assert "together: done" in said
    assert "there are no results yet" in said


def test_pilots_and_some_parts(ran: list[tuple[str, str]]) -> None:
    assert everything.main(["--pilot", "--only", "contrast,qa"]) == 0
    assert ran == [("qa", "qa_pilot.toml"), ("contrast", "contrast_pilot.toml")]
    assert everything.main(["--only", "nobody"]) == 2
    assert len(ran) == 2


def test_an_interrupted_part_ends_the_command(
    ran: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everything, "run_module", lambda *_: 130)
    assert everything.main([]) == 130


@pytest.mark.parametrize("pilot", [[], ["--pilot"]])
def test_what_is_left_is_listed_with_its_cost(
    pilot: list[str], ran: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert everything.main(["--list", *pilot]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == NAMES
    for line in lines[:-1]:
        assert line.split()[1] == line.split()[3]  # all are left
    assert lines[-1].endswith("hours of one free core")
    assert ran == []
    assert everything.main(["--report", "--only", "las"]) == 1
