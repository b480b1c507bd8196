"""Options that contradict each other or can serve no record are refused before any work is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from d2t.cli.main import app
from d2t.errors import MRParseError, did_you_mean
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.reader import RecordReader

if TYPE_CHECKING:
    from pathlib import Path

PAIR = '{"mr": "name[Aromi]", "text": "It is Aromi."}\n'


def d2t(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--json", "--show"), "give one of them"),
        (("evaluate", "slots", "-", "--save", "x.jsonl"), "--save keeps what --model generates"),
        (("train", "--pretrained", "x", "--architecture", "bigru"), "leave out --architecture"),
        (("evaluate", "slots", "-", "--seed", "-5"), "--seed"),
        (("train", "--seed", "99999999999999999999", "--show-config"), "seed"),
        (("linearize", "--plan", "area,fod"), "--plan: unknown slot 'fod'"),
        (("generate", "--rerank", "--verify", "off"), "leave out --verify off"),
        (("generate", "--length-penalty", "nan"), "--length-penalty"),
        (("linearize", "--plan", "area,,food"), "--plan: an empty entry"),
    ],
)
def test_impossible_options_are_usage_errors(arguments: tuple[str, ...], message: str) -> None:
    result = d2t(*arguments, text=PAIR)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stdout == ""


def test_a_plan_that_only_some_records_lack_slots_for_is_theirs_to_answer() -> None:
    result = d2t("linearize", "--plan", "area,name", text="name[A], area[riverside]\nname[B]\n")
    good, bad = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 3
    assert good["plan"] == ["area", "name"]
    assert bad["error"]["code"] == "plan_mismatch"


def test_the_bracket_that_is_named_is_the_one_left_open() -> None:
    with pytest.raises(MRParseError) as caught:
        parse_mr("name[Aromi eatType[pub]", load_domain("restaurant"))
    assert "the bracket at column 5, '[Aromi eatType[pub]', is not closed" in str(caught.value)


def test_suggestions_leave_out_what_is_much_less_alike() -> None:
    assert did_you_mean("eatTyp", ["eatType", "area", "near"]) == "; did you mean 'eatType'?"


def test_a_boolean_is_no_id(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text('{"id": true, "name": "Aromi"}\n', encoding="utf-8")
    (record,) = RecordReader(str(file), load_domain("restaurant"))
    assert record.error is not None
    assert "'id' must be a string or a number, found True" in record.error.message


def test_validate_sees_text_that_was_decoded_twice(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("mr,ref\nname[A],A is a café for £20.\nname[B],B is a cafÃ©.\n", "utf-8")
    result = d2t("data", "validate", str(file))
    (problem,) = map(json.loads, result.stdout.splitlines())
    assert (result.exit_code, problem["line"], problem["code"]) == (0, 3, "decoded_twice")
