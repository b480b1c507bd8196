from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d2t.corpus.files import CorpusReader, read_corpus
from d2t.corpus.load import load_split
from d2t.corpus.records import example_from_record, example_to_record
from d2t.corpus.types import Example
from d2t.errors import D2TError, DataError, DomainError
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
AROMI = MeaningRepresentation((Slot("name", "Aromi"), Slot("eatType", "pub")))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_csv_columns_are_found_by_name(tmp_path: Path) -> None:
    official = 'fixed,orig_mr,ref,mr\nTrue,"name[X]",Aromi is a pub.,"name[Aromi], eatType[pub]"\n'
    (example,) = read_corpus(write(tmp_path / "a.csv", official), DOMAIN, name="c")
    assert example == Example("c-0", AROMI, ("Aromi is a pub.",))


def test_byte_order_mark_crlf_and_line_breaks_in_cells(tmp_path: Path) -> None:
    text = (
        '\ufeffmr,ref\r\n"name[Aromi], eatType[pub]","Aromi\nis a pub."\r\nname[Zizzi],Zizzi.\r\n'
    )
    examples = read_corpus(write(tmp_path / "a.csv", text), DOMAIN, name="c")
    assert [example.references for example in examples] == [("Aromi\nis a pub.",), ("Zizzi.",)]


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        ("mr,ref\nname[Aromi],A.\nname[Aromi,B.\n", 3, "a.csv"),
        ("mr,ref\nnaem[Aromi],A.\n", 2, "did you mean 'name'"),
        ("mr\nname[Aromi]\n", 2, "no text"),
        ("mr,ref\nname[Aromi],A.,more\n", 2, "cells"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(
    tmp_path: Path, content: str, line: int, part: str
) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(DataError) as caught:
        read_corpus(path, DOMAIN, name="c")
    assert caught.value.line == line
    assert part in caught.value.message
    assert "d2t data validate" in caught.value.message


def test_CorpusReader_goes_on_after_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "mr,ref\nname[,A.\nname[Aromi],B.\n")
    bad, good = [example for _, example in CorpusReader(path, DOMAIN, name="c")]
    assert isinstance(bad, D2TError)
    assert isinstance(good, Example)


def test_csv_without_header_and_missing_file(tmp_path: Path) -> None:
    headless = write(tmp_path / "a.csv", '"name[Aromi]",Aromi.\n')
    with pytest.raises(DataError, match="header"):
        read_corpus(headless, DOMAIN, name="c")
    with pytest.raises(DataError):
        read_corpus(tmp_path / "none.csv", DOMAIN, name="c")
    with pytest.raises(DataError):
        read_corpus(tmp_path, DOMAIN, name="c")


def test_record_round_trip_keeps_repeats_and_breaks() -> None:
    slots = AROMI.slots
    example = Example("7", AROMI, ("a", "b"), Plan((*slots, slots[0]), (2,)))
    assert example_from_record(example_to_record(example, DOMAIN), DOMAIN) == example


def test_record_forms() -> None:
    record = {"mr": "name[Aromi], eatType[pub]", "text": "x", "plan": ["eatType", "name"]}
    example = example_from_record(record, DOMAIN)
    assert example.id == "0"
    assert example.plan == Plan((AROMI.slots[1], AROMI.slots[0]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"mr": 3}, D2TError),
        ({"mr": {}}, D2TError),
        ({"ref": 3}, DataError),
        ({"ref": ["a", 3]}, DataError),
        ({"plan": [1]}, D2TError),
        ({"plan": ["area"]}, DataError),
        ({"plan": ["aera[x]"]}, DomainError),
        ({"plan": ["name", "eatType"], "breaks": [2]}, DataError),
        ({"plan": ["name", "eatType"], "breaks": [1, 1]}, DataError),
        ({"plan": ["name", "eatType"], "breaks": [True]}, DataError),
    ],
)
def test_bad_fields_are_data_errors(change: dict[str, object], error: type[Exception]) -> None:
    record = {"mr": "name[Aromi], eatType[pub]", "ref": "x", **change}
    with pytest.raises(error):
        example_from_record(record, DOMAIN)


def test_load_split_by_path_and_unknown_names(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", "mr,ref\nname[Aromi],A.\n")
    (example,) = load_split(str(path), "dev", DOMAIN)
    assert example.id == "own-dev-0"
    with pytest.raises(DataError, match="did you mean 'e2e_cleaned'"):
        load_split("e2e_claened", "dev", DOMAIN)


def test_an_absent_corpus_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("D2T_DATA_HOME", str(tmp_path))
    with pytest.raises(DataError, match="`d2t data fetch e2e_cleaned`"):
        load_split("e2e_cleaned", "train", DOMAIN)


def test_a_changed_file_of_the_cache_is_warned_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("D2T_DATA_HOME", str(tmp_path))
    (tmp_path / "e2e_cleaned").mkdir()
    write(tmp_path / "e2e_cleaned" / "dev.csv", "mr,ref\nname[Aromi],A.\n")
    for _ in range(2):
        assert len(load_split("e2e_cleaned", "dev", DOMAIN)) == 1
    [record] = caplog.records
    assert "`d2t data fetch e2e_cleaned`" in record.getMessage()
    caplog.clear()
    load_split("mini", "dev", DOMAIN)
    assert not caplog.records
