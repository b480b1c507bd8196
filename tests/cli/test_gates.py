"""Gates of `check` and `generate`: missed beats bad lines, and nothing judged is nothing passed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from echo_bundle import echo_bundle
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.model.bundle.network import Bundle

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

GOOD = '{"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."}\n'
WRONG = '{"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a coffee shop."}\n'
BROKEN = '{"mr":\n'


def check(*args: str, stdin: str) -> Result:
    return CliRunner().invoke(app, ["check", *args], input=stdin)


@pytest.mark.parametrize(
    ("stdin", "code"),
    [
        (GOOD, 0),
        (GOOD + WRONG, 4),
        (GOOD + BROKEN, 3),
        (WRONG + BROKEN, 4),
        (BROKEN, 4),
        ("", 4),
    ],
)
def test_check(stdin: str, code: int) -> None:
    result = check("--max-ser", "1", stdin=stdin)
    assert result.exit_code == code
    assert ("a gate was not passed" in result.stderr) == (code == 4)


def test_without_a_gate_bad_lines_decide() -> None:
    assert check(stdin=WRONG).exit_code == 0
    assert check(stdin=WRONG + BROKEN).exit_code == 3
    assert check(stdin="").exit_code == 0


@pytest.mark.parametrize("gate", [("--max-ser", "50"), ("--require-ok",)])
@pytest.mark.parametrize("stdin", ["name[\n", ""])
def test_generate_passes_no_gate_without_a_text(
    monkeypatch: pytest.MonkeyPatch, gate: tuple[str, ...], stdin: str
) -> None:
    bundle = echo_bundle()
    monkeypatch.setattr(Bundle, "load", staticmethod(lambda path, device="cpu": bundle))
    arguments = ["generate", "--model", "m", *gate]
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == 4
    assert "a gate was not passed" in result.stderr


def test_the_summary_of_generate_as_json(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("name,food,Phone\nAromi,NaN,1\nZizzi,Thai,2\n", "utf-8")
    out = tmp_path / "out.jsonl"
    options = ["--ignore", "Phone", "--verify", "off", "--json"]
    result = CliRunner().invoke(
        app, ["generate", str(tmp_path / "in.csv"), "-o", str(out), *options]
    )
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["n_records"] == 2
    assert summary["input"]["absent"] == {"NaN": 1}
    assert len(out.read_text("utf-8").splitlines()) == 2
    refused = CliRunner().invoke(app, ["generate", str(tmp_path / "in.csv"), "--json"])
    assert refused.exit_code == 2
    assert "add --output" in refused.stderr


@pytest.mark.parametrize(("repeats", "code"), [("error", 4), ("warn", 0), ("ignore", 0)])
@pytest.mark.parametrize("command", [("check",), ("evaluate", "slots", "-", "--n-resamples", "0")])
def test_repeats_count_in_the_gate_as_asked(
    command: tuple[str, ...], repeats: str, code: int
) -> None:
    stdin = '{"mr": "name[Aromi], eatType[pub]", "text": "A pub, Aromi. Aromi is a pub."}\n'
    result = CliRunner().invoke(
        app, [*command, "--max-ser", "1", "--repeats", repeats], input=stdin
    )
    assert result.exit_code == code
