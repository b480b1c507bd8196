"""What people read holds no control character, whatever files, names and values hold."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from d2t.cli import common
from d2t.cli.main import app
from d2t.errors import DataError
from d2t.model.bundle.describe import model_card
from d2t.model.bundle.manifest import Manifest
from d2t.mr.domain import load_domain
from d2t.printable import one_line, pictured, writer_to
from d2t.train.loop.progress import Bar, Lines

RED = "\x1b[31m"
TITLE = "\x1b]0;owned\x07"
WILD = f"{RED}x{TITLE}\x9b31m\x08\x7f\u202e"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
GOOD = {"mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."}


def run(*arguments: str, **options):
    """Output of a command, all of it for people."""
    result = CliRunner().invoke(app, list(map(str, arguments)), **options)
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    text = result.stdout + result.stderr
    assert not CONTROL.search(text), ascii(CONTROL.search(text))
    assert "bug of d2t" not in text
    return text


def lines(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / f"in{RED}.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_pictures():
    assert pictured("a\x1b[31mb\x07\x00\n\tc\x7f") == "a␛[31mb␇␀\n\tc␡"
    assert pictured("\x9b31m \u202eabc") == "\ufffd31m \u202eabc"
    assert one_line("\x9b31m \u202eabc") == "\ufffd31m <U+202E>abc"
    assert one_line("a\nb\tc\r\u2028") == "a␤b c␍␤"
    assert pictured("Fitzbillies — café £20") == "Fitzbillies — café £20"
    assert not CONTROL.search(pictured("".join(map(chr, range(0x3000)))).replace("\n", ""))
    shortened = one_line("x" * 100_000)
    assert len(shortened) < 5000
    assert " … " in shortened


def test_check_shows_texts_and_ids(tmp_path):
    text = {"id": WILD, "mr": "name[Aromi], eatType[pub]", "text": f"{WILD} Aromi {RED}is a pub."}
    markup = {**GOOD, "id": "[/nope][red]", "text": "[red]Aromi[/red] is a [/x] pub."}
    shown = run("check", "--show", str(lines(tmp_path, text, markup)))
    assert "␛[31mx␛]0;owned␇\ufffd31m␈␡<U+202E>  ␛[31m" in shown
    assert "[/nope][red]  [red]Aromi" in shown


@pytest.mark.parametrize(
    "record",
    [
        {"mr": f"{WILD}[x]", "text": "x"},
        {"mr": f"name[{WILD}]", "text": "x"},
        {"mr": {WILD: "x"}, "text": "x"},
        {"mr": {"name": WILD}, "text": WILD},
        {"mr": {"name": [WILD]}, "ref": WILD, "id": WILD},
        {WILD: "x"},
        {"name": WILD, "plan": WILD},
        WILD,
    ],
)
@pytest.mark.parametrize(
    "command",
    [["check"], ["check", "--show"], ["check", "--skip-bad"], ["check", "--strict"],
     ["data", "stats"], ["data", "validate"], ["evaluate", "slots"]],
)  # fmt: skip
def test_records_with_escapes(tmp_path, command, record):
    path = lines(tmp_path, GOOD, record)
    result = CliRunner().invoke(app, [*command, str(path)])
    assert not CONTROL.search(result.stderr), ascii(result.stderr)
    assert "bug of d2t" not in result.stderr
    human = [line for line in result.stdout.splitlines() if not line.startswith("{")]
    assert not CONTROL.search("\n".join(human)), ascii(human)


@pytest.mark.parametrize("command", [["check"], ["generate"], ["evaluate", "slots"]])
def test_column_names(tmp_path, command):
    path = tmp_path / "in.csv"
    path.write_text(f"name,fo{WILD}od\nAromi,{RED}Thai\n", encoding="utf-8", newline="\n")
    assert "␛[31m" in run(*command, str(path))


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", f"{WILD}.csv"],
        [WILD],
        [f"--{WILD}"],
        ["check", f"--{WILD}"],
        ["check", "--limit", WILD],
        ["check", "--domain", WILD],
        ["check", "--map", WILD],
        ["info", WILD],
        ["data", "show", WILD],
        ["train", "--config", WILD],
        ["train", "--set", f"{WILD}=1"],
        ["generate", "--model", WILD],
        ["guide", WILD],
    ],
)
def test_names_on_the_command_line(arguments):
    run(*arguments)


def test_a_domain_with_escapes(tmp_path, random_bundle):
    """Its description and values are shown as pictures; as a name of a slot it is refused."""
    (tmp_path / "domain.toml").write_text(
        f'name = "wild"\ndescription = {json.dumps(WILD)}\n[slots.food]\nkind = "categorical"\n'
        f"values = [{json.dumps(WILD)}]\n",
        encoding="utf-8",
    )
    path = lines(tmp_path, {"mr": {"food": "Thai"}, "text": f"It is {WILD}."})
    assert "␛[31m" in run("check", "--show", "--domain", str(tmp_path), str(path))
    run("data", "stats", "--domain", str(tmp_path), str(path))
    domain = load_domain(str(tmp_path))
    manifest = Manifest.read(random_bundle)
    card = model_card(manifest.model_copy(update={"info": {WILD: WILD}}), domain)
    assert "␛[31m" in card
    assert not CONTROL.search(card)


def test_info_of_a_hostile_bundle(tmp_path, random_bundle):
    import shutil

    bundle = Path(shutil.copytree(random_bundle, tmp_path / "bundle"))
    content = json.loads((bundle / "d2t.json").read_text(encoding="utf-8"))
    content["info"] = {WILD: WILD, "deep": {WILD: [WILD, WILD]}, "lines": "a\nb"}
    content["d2t_version"] = WILD
    (bundle / "d2t.json").write_text(json.dumps(content), encoding="utf-8")
    shown = run("info", str(bundle))
    assert "d2t_version      ␛[31mx␛]0;owned␇\ufffd31m␈␡<U+202E>" in shown
    assert "lines=a␤b" in shown
    content["format_version"] = WILD
    (bundle / "d2t.json").write_text(json.dumps(content), encoding="utf-8")
    run("info", str(bundle))
    content["format_version"] = 1
    content["files"][f"../{WILD}"] = "0"
    (bundle / "d2t.json").write_text(json.dumps(content), encoding="utf-8")
    assert "leads out of the folder" in run("info", str(bundle))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_data_on_a_terminal_and_in_a_file():
    """A pipe gets every byte; a person who looks at the same output gets pictures."""
    for stream, expected in ((Terminal(), "a␛[31m\n"), (io.StringIO(), "a\x1b[31m\n")):
        writer_to(stream)("a\x1b[31m\n")
        assert stream.getvalue() == expected


def test_messages_logs_and_progress(monkeypatch, capsys):
    common.say(WILD)
    common.say_error(DataError(f"a{WILD}\nb", line=3))
    common.configure_logging(0)
    logging.getLogger("d2t.test").warning("%s", WILD)
    Lines(1).say(WILD)
    Bar().say(WILD)
    shown = capsys.readouterr().err
    assert "d2t: error: line 3: a␛[31mx" in shown
    assert len(shown.splitlines()) == 5
    assert not CONTROL.search(shown)

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with common.progress(f"[red]{WILD}", total=2) as advance:
        advance(1, note=f"[bold]{WILD}")
    drawn = terminal.getvalue()
    assert "[red]␛[31mx␛]0;owned␇" in drawn
    assert "[bold]␛[31mx" in drawn
    assert TITLE not in drawn
    assert "\x9b" not in drawn


def test_a_trace_of_vv(capsys):
    try:
        raise ValueError(WILD)
    except ValueError as error:
        common._say_trace(type(error), error, error.__traceback__)
    shown = capsys.readouterr().err
    assert "ValueError: ␛[31mx" in shown
    assert not CONTROL.search(shown)
