"""Full disks, closed streams, readers that leave, bugs: one line on stderr, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.mr.domain import load_domain
from d2t.mr.reader import RecordReader
from d2t.seeding import derive_seed

FULL = Path("/dev/full")
PAIR = '{"mr": "name[Aromi]", "text": "It is Aromi."}\n'


def d2t(arguments: str, *, shell: str = "", text: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``d2t ARGUMENTS`` in a shell, with ``shell`` (redirections, pipes) behind it."""
    command = f"'{sys.executable}' -m d2t {arguments} {shell}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments", ["data list", "check", "check --json", "--version", "train --show-config"]
)
def test_a_full_disk_behind_stdout_is_one_line(arguments: str) -> None:
    result = d2t(arguments, shell="> /dev/full", text=PAIR)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "data list", "check", "check --json", "check --show", "generate"],
)
def test_a_closed_stdout_is_one_line_and_a_failure(arguments: str) -> None:
    result = d2t(arguments, shell=">&-", text=PAIR)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "standard output is closed" in result.stderr


def test_a_closed_stdout_that_nobody_writes_to_is_no_error(tmp_path: Path) -> None:
    result = d2t(f"data make-mini --out '{tmp_path / 'mini'}'", shell=">&-")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "mini").is_dir()


def test_closed_standard_input_is_an_empty_one() -> None:
    result = d2t("check", shell="<&-")
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(("how", "n"), [("", 20_000), ("--show", 4_000)])
def test_a_reader_that_leaves_is_silent(how: str, n: int) -> None:
    result = d2t(f"check - {how} 2>&1", shell="| head -1", text=PAIR * n)
    assert result.returncode == 141
    assert len(result.stdout.splitlines()) == 1


def test_a_reader_that_leaves_early_ends_a_help_text_quietly() -> None:
    result = d2t("--help", shell="| head -1")
    assert (result.returncode, result.stderr) == (141, "")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", ["--help", "--version", "data list"])
def test_a_reader_that_has_left_already_is_silent(arguments: str) -> None:
    command = f"(sleep 0.3; '{sys.executable}' -m d2t {arguments}; echo $? >&2) | true"
    result = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == "141\n"


def test_a_bug_is_one_line_and_a_trace_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr("json.dumps", lambda *args, **kwargs: broken())
    result = CliRunner().invoke(app, ["data", "list", "--json"])
    assert result.exit_code == 1
    assert "unexpected KeyError: 'no such thing'; this is a bug" in result.stderr
    assert "-vv" in result.stderr
    assert "Traceback" not in result.stderr
    loud = CliRunner().invoke(app, ["-vv", "data", "list", "--json"])
    assert isinstance(loud.exception, KeyError)


def test_an_id_with_a_lone_surrogate_still_seeds_something() -> None:
    assert derive_seed(1, "\udfff") != derive_seed(1, "\udffe")


def test_a_number_beyond_floats_is_refused_like_nan(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text('{"name": 1e999}\n{"id": 2.5, "name": 1e9}\n', encoding="utf-8")
    bad, good = RecordReader(str(file), load_domain("restaurant"))
    assert bad.error is not None
    assert "1e999 is too large" in bad.error.message
    assert json.dumps(good.id) == '"2.5"'


@pytest.mark.parametrize("name", ["\x1b[2J", "\x9b2J", "\x07", "x\x7f"])
@pytest.mark.parametrize("command", [["check"], ["data", "stats"], ["evaluate", "slots"]])
def test_no_file_steers_the_terminal_of_its_reader(
    name: str, command: list[str], tmp_path: Path
) -> None:
    record = {"mr": "name[Aromi]", "text": "Aromi", "near": "x", name: 1}
    for source in (
        json.dumps(record),
        json.dumps({**record, "mr": ""}),
        f"name,text,{name}\nAromi,Aromi,1\n",
        f"name[Aromi], {name}[x]",
    ):
        (tmp_path / "in").write_text(source, encoding="utf-8")
        told = CliRunner().invoke(app, [*command, str(tmp_path / "in")]).stderr
        assert not [c for c in told if c != "\n" and not c.isprintable()]
