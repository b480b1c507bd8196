"""Whatever is in a file, every command answers each of its records once, or says what is wrong."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from echo_bundle import echo_bundle
from hypothesis import HealthCheck, Phase, given, settings
from made_files import MadeFile, made_files
from world_table import ANSWERING, COMMAND, COUNTING

from d2t.errors import D2TError
from d2t.model.bundle.network import Bundle
from d2t.mr.domain import load_domain
from d2t.mr.reader import ReadOptions, RecordReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

DOMAIN = load_domain("restaurant")
LIMIT = 20.0
"""Seconds that a command may take for one file; a tenth of a second is usual."""
TRIED: Counter[str] = Counter()


class SlowError(Exception):
    """A command that does not end."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End what takes longer; the alarm of pytest is put back."""

    def ring(number: int, frame: Any) -> None:
        raise SlowError(f"more than {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.01))


def run(name: str, command: list[str], file: MadeFile, path: Path, *more: str) -> Result:
    """One command on the file, which survives it and says only what is valid."""
    TRIED["runs"] += 1
    with within(LIMIT):
        result = CliRunner().invoke(COMMAND, [*command, str(path), *file.options, *more])
    assert not isinstance(result.exception, Exception) or isinstance(
        result.exception, SystemExit
    ), (
        name,
        result.exception,
    )
    assert "Traceback" not in result.output, (name, result.stderr)
    assert "bug of d2t" not in result.stderr, (name, result.stderr)
    assert result.exit_code in (0, 1, 2, 3, 4), (name, result.exit_code)
    assert result.exit_code == 0 or result.output.strip(), (name, "a failure is told")
    assert "\x1b" not in result.stderr, (name, "an escape reaches the terminal")
    return result


def read(file: MadeFile, path: Path, **options: Any) -> tuple[list[str], int, D2TError | None]:
    """What the reader makes of the file: ids, how many are bad, and what ended it."""
    ids: list[str] = []
    bad = 0
    given = dict(zip(file.options[::2], file.options[1::2], strict=True))
    try:
        delimiter = given.get("--delimiter")
        for record in RecordReader(str(path), DOMAIN, ReadOptions(delimiter=delimiter), **options):
            ids.append(record.id)
            bad += record.error is not None
    except D2TError as error:
        return ids, bad, error
    return ids, bad, None


def answers(name: str, result: Result) -> list[dict[str, Any]]:
    """The lines of a command, each of which is strict JSON."""

    def refuse(constant: str) -> Any:
        raise AssertionError((name, f"{constant} is no JSON"))

    text = result.stdout
    assert text == "" or text.endswith("\n"), (name, text[-80:])
    return [json.loads(line, parse_constant=refuse) for line in text.split("\n")[:-1]]


def every_record_is_answered(name: str, file: MadeFile, path: Path, result: Result) -> None:
    """Once and in order; with exit code 0 there is no error among the answers."""
    lines = answers(name, result)
    TRIED["records"] += len(lines)
    text_only: dict[str, Any] = {"need_mr": False, "a_line_is": "text"} if name == "parse" else {}
    ids, bad, ended = read(file, path, **text_only)
    if ended is not None:
        assert result.exit_code == ended.exit_code, (name, result.stderr)
        assert [line["id"] for line in lines] == ids[: len(lines)], name
        return
    assert [line["id"] for line in lines] == ids, name
    if file.ids is not None:
        assert len(ids) == len(file.ids), (name, "the maker knows better")
    errors = sum("error" in line for line in lines)
    assert errors >= bad, name
    assert result.exit_code == (3 if errors else 0), (name, result.stderr)


def look_at_answers(file: MadeFile, path: Path, answering: dict[str, list[str]]) -> Path:
    """The file through the commands that answer each record; where the file stands."""
    path = path.with_suffix(file.suffix)
    path.write_bytes(file.content)
    TRIED["files"] += 1
    for name, command in answering.items():
        every_record_is_answered(name, file, path, run(name, command, file, path))
    return path


def look_at(file: MadeFile, path: Path, answering: dict[str, list[str]]) -> None:
    """The file through every command."""
    path = look_at_answers(file, path, answering)
    try:
        for name, command in COUNTING.items():
            result = run(name, command, file, path)
            if name == "data validate":
                answers(name, result)
            elif name != "data convert" and result.stdout:
                json.loads(result.stdout)
            skipped = run(name, command, file, path, "--skip-bad")
            assert skipped.exit_code in (0, 1, 2), (name, skipped.stderr)
        run(
            "compare", ["compare", "--json", "--n-resamples", "1", str(path)], file, path, str(path)
        )
        if file.options == ():
            TRIED["runs"] += 1
            augment = ["augment", "phrases", "--test", "none", "--corpus"]
            with within(LIMIT):
                result = CliRunner().invoke(COMMAND, [*augment, str(path)])
            assert "bug of d2t" not in result.stderr, result.stderr
    finally:
        path.unlink()


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bundle that is loaded says what it is asked to."""
    built = echo_bundle()
    monkeypatch.setattr(Bundle, "load", staticmethod(lambda path, device="cpu": built))


WITHOUT_MODEL = {name: command for name, command in ANSWERING.items() if name != "generate"}
WITH_ECHO = {"generate": ["generate", "--model", "m"]}


def fuzzed(n: int) -> Any:
    """Settings for ``n`` files."""
    return settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


@fuzzed(15)
@given(made_files())
def test_some_files_through_every_command(tmp_path_factory: Any, file: MadeFile) -> None:
    look_at(file, tmp_path_factory.getbasetemp() / "some", WITHOUT_MODEL)


@pytest.mark.usefixtures("echo")
@fuzzed(15)
@given(made_files())
def test_some_files_through_generate(tmp_path_factory: Any, file: MadeFile) -> None:
    look_at_answers(file, tmp_path_factory.getbasetemp() / "echo", WITH_ECHO)


@pytest.mark.slow
@pytest.mark.timeout(0)
class TestManyFiles:
    """What is tried and told here stands in the guide about limits and guarantees."""

    @pytest.fixture(scope="class", autouse=True)
    def count(self, request: pytest.FixtureRequest) -> Iterator[None]:
        TRIED.clear()
        yield
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\nfuzzing: {', '.join(f'{n:,} {what}' for what, n in TRIED.items())}")

    @fuzzed(6_500)
    @given(made_files())
    def test_every_command_but_generate(self, tmp_path_factory: Any, file: MadeFile) -> None:
        look_at(file, tmp_path_factory.getbasetemp() / "many", WITHOUT_MODEL)

    @pytest.mark.usefixtures("echo")
    @fuzzed(10_000)
    @given(made_files())
    def test_generate(self, tmp_path_factory: Any, file: MadeFile) -> None:
        look_at_answers(file, tmp_path_factory.getbasetemp() / "echo", WITH_ECHO)

    @fuzzed(300)
    @given(made_files())
    def test_generate_with_the_shipped_model(self, tmp_path_factory: Any, file: MadeFile) -> None:
        command = {"generate": ["generate", "--verify", "off", "--planner", "bigram"]}
        look_at_answers(file, tmp_path_factory.getbasetemp() / "model", command)
