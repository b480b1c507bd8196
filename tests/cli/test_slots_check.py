from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app

GOOD = {"id": "a", "mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."}
WRONG = {"id": "b", "mr": {"name": "Aromi", "eatType": "pub"}, "output": "Aromi is a coffee shop."}
SYNONYM = {"mr": "priceRange[cheap]", "ref": "It costs less than £20."}


def write(tmp_path, *lines):
    path = tmp_path / "in.jsonl"
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(*args, **kwargs):
    return CliRunner().invoke(app, ["check", *args], **kwargs)


def test_a_report_a_line_in_order_and_the_summary_on_stderr(tmp_path):
    result = run(write(tmp_path, GOOD, WRONG, SYNONYM))
    assert result.exit_code == 0
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert [report["id"] for report in reports] == ["a", "b", "2"]
    assert reports[0]["spans"][1] == {"slot": "eatType", "value": "pub", "start": 11, "end": 14}
    assert reports[1]["wrong"] == [
        {"slot": "eatType", "expected": "pub", "value": "coffee shop", "start": 11, "end": 22}
    ]
    assert "3 utterances, 5 slots: SER 40.00 %" in result.stderr


def test_csv_and_standard_input():
    csv = 'mr,ref\n"name[Aromi], eatType[pub]",Aromi is a pub.\n'
    result = run(input=csv)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["plan"] == ["name", "eatType"]


def test_the_summary_as_json(tmp_path):
    summary = json.loads(run(write(tmp_path, GOOD, WRONG), "--json").stdout)
    assert (summary["ser"], summary["exact"], summary["wrong"]) == (25.0, 50.0, 1)
    assert summary["signature"].startswith("SER|dom:restaurant@")


def test_the_gate(tmp_path):
    path = write(tmp_path, GOOD, WRONG)
    assert run(path, "--max-ser", "24.9").exit_code == 4
    assert run(path, "--max-ser", "25").exit_code == 0


def test_merging_synonyms(tmp_path):
    path = write(tmp_path, SYNONYM)
    assert json.loads(run(path, "--json").stdout)["wrong"] == 1
    assert json.loads(run(path, "--json", "--merge-synonyms").stdout)["ser"] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"mr": ', "broken_json"),
        ('{"mr": "name[Aromi"}', "mr_syntax"),
        ('{"mr": "name[Aromi", "text": "x"}', "mr_syntax"),
        ('{"mr": "", "text": "x"}', "empty_mr"),
        ('{"mr": "nmae[Aromi]", "text": "x"}', "unknown_slot"),
        ('{"mr": "name[Aromi]"}', "missing_text"),
        ('{"mr": "name[Aromi]", "text": 3}', "bad_text"),
    ],
)
def test_a_bad_line_is_an_error_object_and_the_rest_goes_on(tmp_path, line, code):
    result = run(write(tmp_path, GOOD, line, WRONG))
    assert result.exit_code == 3
    first, bad, last = (json.loads(text) for text in result.stdout.splitlines())
    assert bad["id"] == "1"
    assert bad["error"]["code"] == code
    assert bad["error"]["line"] == 2
    assert (first["id"], last["id"]) == ("a", "b")


def test_strict_stops_at_the_first_bad_line(tmp_path):
    result = run(write(tmp_path, GOOD, "{", WRONG), "--strict")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "line 2" in result.stderr


def test_a_missing_file_is_one_line(tmp_path):
    result = run(str(tmp_path / "nowhere.jsonl"))
    assert result.exit_code == 1
    assert "nowhere.jsonl" in result.stderr
    assert "Traceback" not in result.stderr


def test_shown_text_keeps_its_letters_and_says_the_verdict(tmp_path):
    odd = {"mr": "name[Aromi]", "text": "Aromi [bold]is[/bold] a pub \u202e🙂"}
    result = run(write(tmp_path, odd), "--show")
    assert result.exit_code == 0
    assert "Aromi name[Aromi] [bold]is[/bold] a pub eatType[pub] \u202e🙂" in result.stdout
    assert "added eatType[pub]" in result.stdout


def test_a_shown_text_does_not_steer_the_terminal(tmp_path):
    steering = {"mr": "name[Aromi]", "text": "Aromi \x1b[31mred \x9b5m\x07 is a pub."}
    shown = run(write(tmp_path, steering), "--show").stdout
    assert "Aromi name[Aromi] ␛[31mred �5m␇ is a pub eatType[pub]." in shown
    assert not set(shown) & {"\x1b", "\x9b", "\x07"}


def test_the_example_of_the_help_text_runs():
    text = run("--help").stdout
    assert "d2t check" in text
    line = '{"mr": "name[Aromi]", "text": "Aromi is a pub."}'
    assert "added eatType[pub]" in run("--show", input=line).stdout


def test_no_torch_is_needed():
    code = (
        "import sys, d2t.slots.checker, d2t.cli.evaluating.check, d2t.slots.render;"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
