"""Records of a source in the domain's terms, and what the reader says of the rest."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.errors import D2TError
from d2t.mr.columns import ColumnError
from d2t.mr.domain import load_domain
from d2t.mr.reader import ReadOptions, Record, RecordReader, read_fields
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RESTAURANT = load_domain("restaurant")
VIGGO = load_domain("viggo")
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=3)
)


def open_text(folder: Path, text: str, name: str = "in.jsonl", **options: Any) -> RecordReader:
    (folder / name).write_text(text, encoding="utf-8")
    return RecordReader(str(folder / name), RESTAURANT, ReadOptions(**options))


def mr_of(fields: Mapping[str, Any] | str, domain: Any = RESTAURANT) -> str:
    return render_mr(read_fields(fields, domain).require_mr(), domain=domain)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mr": "name[a]", "whatever": 1}, "name[a]"),
        ({"mr": {"name": "a", "familyFriendly": True}}, "name[a], familyFriendly[yes]"),
        ({"mr": '{"name": "a"}'}, "name[a]"),
        ({"mr": "{'name': 'a'}"}, "name[a]"),
        ({"id": 3, "name": "a", "plan": "name", "text": "x", "food": None}, "name[a]"),
        ({"id": 3, "mr": "", "name": "a"}, "name[a]"),
        ({"name": "a", "eatType": '["pub", "bar"]', "near": ""},
         "name[a], eatType[pub], eatType[bar]"),
        ({"name": "a", "customer rating": 4.0}, "name[a], customer rating[4]"),
        ({"name": "a", "customer rating": "4,5"}, "name[a], customer rating[4.5]"),
        ({"name": "a", "familyFriendly": 0.0}, "name[a], familyFriendly[no]"),
        ({"mr": "name[a], food[NaN], area[N/A]"}, "name[a]"),
        ({"mr": {"name": "a", "food": "n/a"}}, "name[a]"),
        ({"name": "a", "food": ["Thai", "Thai"]}, "name[a], food[Thai]"),
        ("name[a]", "name[a]"),
    ],
)  # fmt: skip
def test_the_mr_of_a_record(fields: dict[str, Any], expected: str) -> None:
    assert mr_of(fields) == expected


def test_an_act_beside_the_mr() -> None:
    fields = {"mr": "genres[indie]", "dialogue_act": "confirm"}
    for source in ("genres[indie]", "confirm(genres[indie])"):
        assert read_fields(fields | {"mr": source}, VIGGO).require_mr().dialogue_act == "confirm"
    assert read_fields({"genres": "indie", "dialogue_act": "confirm"}, VIGGO).require_mr()
    asked = read_fields({"dialogue_act": "request", "rating": ""}, VIGGO).require_mr()
    assert [(slot.name, slot.value) for slot in asked.slots] == [("rating", "")]
    for wrong, why in (
        ({"mr": "suggest(genres[indie])"}, "give one of them"),
        ({"dialogue_act": 3}, "must be a string"),
        ({"dialogue_act": "sing"}, "unknown dialogue act"),
    ):
        with pytest.raises(D2TError, match=why):
            read_fields(fields | wrong, VIGGO).require_mr()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "empty_mr"),
        ({"id": "1", "text": "x"}, "empty_mr"),
        ({"mr": "", "ref": "x"}, "empty_mr"),
        ({"name": "NaN"}, "empty_mr"),
        ({"mr": "name[N/A]"}, "empty_mr"),
        ({"mr": 3}, "bad_record"),
        ({"mr": ["name[a]"]}, "bad_record"),
        ({"phone": "1"}, "unknown_slot"),
        ({"mr": "name[a"}, "mr_syntax"),
        ({"name": "a", "food": '{"x": 1}'}, "json_value"),
        ({"name": "a", "id": {}}, "bad_record"),
        ({"name": "a", "Name": "b"}, "ambiguous_columns"),
        ({"name": "a", "plan": 3}, "bad_plan"),
        ({"name": "a", "text": 3}, "bad_text"),
        ({"name": "a", "refs": {"x": 1}}, "bad_references"),
    ],
)
def test_records_that_are_bad(fields: dict[str, Any], code: str) -> None:
    record = read_fields(fields, RESTAURANT, index=4)
    assert record.error is not None
    assert (record.error.code, record.error.line) in ((code, 5), (code, None))


def test_what_the_reader_says_of_a_file(tmp_path: Path) -> None:
    text = (
        "No.;Restaurant;food;area;Phone\n1;Zizzi;Thai|Lao;NaN;01223\n2;Aromi;N/A;riverside;\n3;a\n"
    )
    reader = open_text(
        tmp_path, text, "in.csv", map="Restaurant=name", id="No.", ignore="*", limit=4
    )
    records = list(reader)
    assert [r.id for r in records] == ["1", "2", "2"]
    assert records[0].extra == {"Phone": "01223"}
    assert records[2].error is not None
    assert records[2].error.line == 4
    report = reader.report
    assert report.as_dict() == {
        "source": str(tmp_path / "in.csv"),
        "records": 3,
        "bad": {"bad_record": 1},
        "repeated_ids": 0,
        "notes": ["CSV with ';' between the cells"],
        "columns": {"No.": "id", "Restaurant": "name"},
        "unused": ["Phone"],
        "absent": {"NaN": 1, "N/A": 1},
        "lists": {"food at '|'": 1},
    }
    said = "\n".join(report.lines())
    assert "2 cells read as absent: NaN 1, N/A 1" in said
    assert "not used: 'Phone'" in said
    assert "1 cell of food cut into values at '|'" in said


def test_no_more_is_read_than_the_limit_says() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sender:
        sender.write(b"name[a]\nname[b]\n")
        options = ReadOptions(limit=2)
        assert len(list(RecordReader(f"/dev/fd/{reading}", RESTAURANT, options))) == 2
    os.close(reading)


def test_ids_that_come_twice_are_told(tmp_path: Path) -> None:
    reader = open_text(tmp_path, "id,name\n1,a\n2,b\n1,c\n1,d\n,e\n", "in.csv")
    assert [r.id for r in reader] == ["1", "2", "1", "1", "4"]
    assert reader.report.lines() == ["2 records have the id of an earlier one: '1' is the first"]


def test_a_header_that_comes_again_is_left_out_and_another_one_is_bad(tmp_path: Path) -> None:
    text = "name,eatType\na,pub\nname,eatType\nb,pub\nname,food\nc,Thai\n"
    reader = open_text(tmp_path, text, "in.csv")
    records = list(reader)
    assert [(r.line, r.error is None) for r in records] == [
        (2, True),
        (4, True),
        (5, False),
        (6, True),
    ]
    assert "the header again in line 3" in "".join(reader.report.lines())
    assert "header of another table" in str(records[2].error)


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("Our list,,\n,,\nname,eatType,food\na,pub,Thai\n", "in.csv", "header in line 3"),
        ('"name","eatType","food"\n"1","a","pub","Thai"\n', "in.csv", "row names of R"),
        ("| name | eatType | food |\n|---|---|---|\n| a | pub | Thai |\n", "in.md", "'|'"),
        (" name | eatType | food\n------+---------+------\n a | pub | Thai\n", "in.txt", "'|'"),
        ('{"name": "a", "eatType": "pub", "food": "Thai"},\n', "in.jsonl", ""),
        ('\x1e{"name": "a", "eatType": "pub", "food": "Thai"}\n', "in", ""),
        ('{"schema": {}, "data": [{"index": 0, "name": "a", "eatType": "pub", "food": "Thai"}]}',
         "in.json", ""),
        ('{"_id": {"$oid": "5f"}, "name": "a", "eatType": "pub", "food": "Thai"}\n', "in", ""),
    ],
)  # fmt: skip
def test_tables_in_other_dress(tmp_path: Path, text: str, name: str, told: str) -> None:
    reader = open_text(tmp_path, text, name)
    (record,) = reader
    assert str(record.error or "") == ""
    assert render_mr(record.require_mr(), domain=RESTAURANT) == "name[a], eatType[pub], food[Thai]"
    assert told in "".join(reader.report.lines())


def test_several_objects_on_a_line(tmp_path: Path) -> None:
    records = list(open_text(tmp_path, '{"name": "a"}{"name": "b"}\n{"name": "c"} x\n'))
    assert [(r.line, r.error is None) for r in records] == [
        (1, True),
        (1, True),
        (2, True),
        (2, False),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("INSERT INTO r (name) VALUES ('a');\n", "SQL"),
        ("<?xml version='1.0'?>\n<r/>\n", "XML"),
        ("<!DOCTYPE html>\n", "HTML"),
        ("- name: Aromi\n", "YAML"),
        ("+------+-----+\n| name | x |\n", "drawn with characters"),
        ('{"name": ["a", "b"], "eatType": ["pub", "pub"]}', "one JSON object for a whole table"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(D2TError, match=what):
        list(open_text(tmp_path, text, "in"))


def test_nothing_is_said_of_a_plain_file(tmp_path: Path) -> None:
    reader = open_text(tmp_path, '{"name": "Zizzi"}\n')
    assert [r.mr is not None for r in reader] == [True]
    assert reader.report.lines() == []


def test_the_columns_of_a_table_are_asked_about_at_once(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="'city'"):
        open_text(tmp_path, "name,city\nZizzi,Prague\n", "in.csv")
    with pytest.raises(D2TError, match="a table without a header") as caught:
        open_text(tmp_path, '"name[Zizzi]",a text\n', "in.csv")
    assert caught.value.code == "no_header"


def test_keys_of_objects_are_asked_about_one_by_one(tmp_path: Path) -> None:
    text = '{"name": "a", "x": 1}\n{"name": "b"}\n{"name": "c", "x": 2}\n'
    records = list(open_text(tmp_path, text))
    assert [r.error and (r.error.code, r.error.line) for r in records] == [
        ("unknown_slot", 1),
        None,
        ("unknown_slot", 3),
    ]
    assert records[0].error is not records[2].error


def test_texts_to_judge() -> None:
    assert read_fields({"mr": "name[a]", "output": "x"}, RESTAURANT).require_text() == "x"
    assert read_fields({"mr": "name[a]", "ref": "x"}, RESTAURANT).require_text() == "x"
    assert read_fields({"mr": "name[a]", "text": "", "ref": "x"}, RESTAURANT).require_text() == ""
    for fields, why in (
        ({"mr": "name[a]"}, "no text"),
        ({"mr": "name[a]", "refs": ["x", "y"]}, "2"),
    ):
        with pytest.raises(D2TError, match=why) as caught:
            read_fields(fields, RESTAURANT).require_text()
        assert caught.value.code == "missing_text"


def test_references_of_all_columns_are_joined() -> None:
    fields = {"mr": "name[a]", "target": "x", "references": ["x", "y"]}
    assert read_fields(fields, RESTAURANT).references == ("x", "y")
    fields = {"mr": "name[a]", "references": "['x', 'y']", "target": float("nan")}
    assert read_fields(fields, RESTAURANT).references == ("x", "y")


def test_equal_values_are_one_value_in_time_that_grows_with_their_number() -> None:
    values = [f"Food{i}" for i in range(20_000)] * 2
    began = time.monotonic()
    mr = read_fields({"name": "Aromi", "food": values}, RESTAURANT).require_mr()
    assert time.monotonic() - began < 20, "it took minutes"
    assert len(mr.slots) == 20_001


def test_lines_may_be_texts(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("It is a pub.\n", encoding="utf-8")
    reader = RecordReader(str(tmp_path / "in.txt"), RESTAURANT, need_mr=False, a_line_is="text")
    assert [(r.text, r.mr) for r in reader] == [("It is a pub.", None)]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*RESTAURANT.slot_names, "id", "mr", "plan", "text", "refs", "x", ""]),
            VALUES,
        ),
        max_size=5,
    )
)
def test_every_object_gives_one_record_in_order(objects: list[dict[str, Any]]) -> None:
    for index, fields in enumerate(objects):
        record = read_fields(fields, RESTAURANT, index=index)
        assert isinstance(record, Record)
        assert record.index == index
        assert (record.error is None) == (record.mr is not None)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    _read_bytes(content)


@given(st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=4), st.sampled_from(",;\t|"))
def test_no_table_breaks_the_reader(rows: list[list[str]], delimiter: str) -> None:
    _read_bytes("\n".join(["name,food", *(delimiter.join(row) for row in rows)]).encode())


@given(st.recursive(VALUES, lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3)))
def test_no_document_breaks_the_reader(value: Any) -> None:
    _read_bytes(json.dumps(value).encode())
    _read_bytes(json.dumps([value, value], indent=1).encode())


def _read_bytes(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            records = list(RecordReader(file.name, RESTAURANT, ReadOptions(ignore="*")))
        except D2TError:
            return
        assert [record.index for record in records] == list(range(len(records)))
