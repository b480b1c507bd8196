"""Streams of records: formats, bad lines, bad files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import D2TError, DataError, UsageError
from d2t.io import tables
from d2t.io.records import RawRecord, open_records, write_record

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = frozenset({"id", "mr", "ref", "name", "eattype", "customer rating"})


def is_known(name: str) -> bool:
    return name.casefold() in KNOWN


def read(path: Path, content: str | bytes, **options: Any) -> list[RawRecord]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(open_records(str(path), is_known=is_known, **options))


def contents(records: list[RawRecord]) -> list[Any]:
    return [r.content for r in records if not isinstance(r.content, D2TError)]


def errors(records: list[RawRecord]) -> list[tuple[int, str, int | None]]:
    return [
        (r.line, r.content.code, r.content.column)
        for r in records
        if isinstance(r.content, D2TError)
    ]


def test_jsonl(tmp_path: Path) -> None:
    lines = ['{"id": "a", "mr": "name[x]"}', "", '{"id": 7}', '"name[y]"', '{"id": null}']
    assert read(tmp_path / "in.jsonl", "\n".join(lines)) == [
        (1, {"id": "a", "mr": "name[x]"}),
        (3, {"id": 7}),
        (4, "name[y]"),
        (5, {"id": None}),
    ]


def test_a_bad_line_does_not_stop_the_stream(tmp_path: Path) -> None:
    lines = [
        b'{"mr": "name[x]"',
        b'{"mr": "\xff"}',
        b"[1]",
        b"12",
        b'{"a": 1, "a": 2}',
        b'{"a": Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"{" * 100_000,
        b'{"mr": "tab\there"}',
        b'{"mr": "name[y]"}',
    ]
    records = read(tmp_path / "in.jsonl", b"\n".join(lines), format="jsonl")
    assert errors(records) == [
        (1, "broken_json", 17),
        (2, "invalid_utf8", 9),
        (3, "bad_record", 1),
        (4, "bad_record", 1),
        (5, "broken_json", None),
        (6, "broken_json", None),
        (7, "broken_json", None),
        (8, "broken_json", 2),
        (9, "broken_json", 12),
    ]
    assert contents(records) == [{"mr": "name[y]"}]
    assert "one object a line" in str(records[0].content)
    assert "iconv -f WINDOWS-1252" in str(records[1].content)


def test_lines_with_bom_crlf_and_blanks(tmp_path: Path) -> None:
    records = read(tmp_path / "in.txt", b"\xef\xbb\xbf\r\n  name[a]  \r\n\n\xff\nname[b]\x0c")
    assert [(r.line, r.content) for r in records if isinstance(r.content, str)] == [
        (2, "name[a]"),
        (5, "name[b]"),
    ]
    assert errors(records) == [(4, "invalid_utf8", 1)]


def test_unicode_separators_do_not_end_a_line(tmp_path: Path) -> None:
    assert contents(read(tmp_path / "in.txt", "name[a\u2028b\x85c]")) == ["name[a\u2028b\x85c]"]


def test_csv(tmp_path: Path) -> None:
    content = '\ufeffid, mr,ref\r\n1,"name[A], near[B]","two\nlines, ""quoted"""\r\n\r\n,x,\r\n'
    assert read(tmp_path / "in.csv", content) == [
        (2, {"id": "1", "mr": "name[A], near[B]", "ref": 'two\nlines, "quoted"'}),
        (5, {"id": "", "mr": "x", "ref": ""}),
    ]


def test_csv_bad_rows(tmp_path: Path) -> None:
    content = b'mr,ref\na,b\nonly\na,b,c\n\xff,b\n"a"x,b\nlast,row\n"open,b\nmore,lines\n'
    records = read(tmp_path / "in.csv", content)
    assert errors(records) == [
        (3, "bad_record", None),
        (4, "bad_record", None),
        (5, "invalid_utf8", None),
        (6, "broken_csv", None),
        (8, "broken_csv", None),
    ]
    assert "the row has 1 cells, the header has 2" in str(records[1].content)
    assert "never closed" in str(records[-1].content)
    assert [fields["mr"] for fields in contents(records)] == ["a", "last"]


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_other_separators_are_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    text = separator.join(["mr", "ref"]) + f"\nx{separator}y, z\n"
    assert contents(read(tmp_path / "in.csv", text)) == [{"mr": "x", "ref": "y, z"}]


def test_the_separator_is_the_one_that_makes_known_columns(tmp_path: Path) -> None:
    text = 'mr;"price, in pounds";ref\nx;12;y, z\n'
    assert contents(read(tmp_path / "in.csv", text)) == [
        {"mr": "x", "price, in pounds": "12", "ref": "y, z"}
    ]
    assert contents(read(tmp_path / "in.csv", "mr,opens;closes\nx,y\n")) == [
        {"mr": "x", "opens;closes": "y"}
    ]
    assert contents(read(tmp_path / "in.csv", "mr:ref\nx:y\n", delimiter=":")) == [
        {"mr": "x", "ref": "y"}
    ]


def test_very_long_cells_and_lines(tmp_path: Path) -> None:
    (record,) = contents(read(tmp_path / "in.csv", "mr\n" + "x" * 1_000_000))
    assert len(record["mr"]) == 1_000_000
    (record,) = contents(read(tmp_path / "in.jsonl", json.dumps({"mr": "x" * 1_000_000})))
    assert len(record["mr"]) == 1_000_000


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ('\n {"mr": "a"}\n', {"mr": "a"}),
        ('{"id": "1", "name": "mr,ref", "plan": "name,mr"}\n',
         {"id": "1", "name": "mr,ref", "plan": "name,mr"}),
        ('"name[a]"\n', "name[a]"),
        ('[{"mr": "a"}]', {"mr": "a"}),
        ('{\n "mr":\n "a"\n}', {"mr": "a"}),
        ('{"n": 1, "records": [{"mr": "a"}]}', {"mr": "a"}),
        ("mr,ref\na,b\n", {"mr": "a", "ref": "b"}),
        ('"mr","ref"\na,b\n', {"mr": "a", "ref": "b"}),
        ("eatType,phone\npub,1\n", {"eatType": "pub", "phone": "1"}),
        ("phone,fax\n1,2\n", {"phone": "1", "fax": "2"}),
        ("name[a], eatType[b]\n", "name[a], eatType[b]"),
        ("Aromi, a pub, is near.\n", "Aromi, a pub, is near."),
    ],
)  # fmt: skip
def test_the_format_is_seen_in_the_content(tmp_path: Path, content: str, fields: Any) -> None:
    assert read(tmp_path / "in", content)[0].content == fields


@pytest.mark.parametrize("delimiter", ["\t", ";", ",", "|"])
@pytest.mark.parametrize("name", ["x", "x.txt", "x.csv"])
def test_the_line_of_excel_that_names_the_delimiter(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    content = f"sep={delimiter}\r\nid{delimiter}mr\r\n1{delimiter}name[Aromi]\r\n"
    assert contents(read(tmp_path / name, content)) == [{"id": "1", "mr": "name[Aromi]"}]


def test_a_missing_number_does_not_hide_that_a_line_is_a_document(tmp_path: Path) -> None:
    content = '{"data": [{"name": "Aromi", "food": NaN}, {"name": "Zizzi"}]}'
    assert [item["name"] for item in contents(read(tmp_path / "x", content))] == ["Aromi", "Zizzi"]


def test_a_header_of_very_many_columns_is_read_at_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def known(name: str) -> bool:
        asked.append(name)
        return name == "name"

    (tmp_path / "x.csv").write_text(f"name{',' * 20_000}\nAromi\n")
    open_records(str(tmp_path / "x.csv"), is_known=known, format="csv")
    assert len(asked) < 2_000


def test_the_suffix_decides_where_the_content_does_not(tmp_path: Path) -> None:
    assert errors(read(tmp_path / "in.JSONL", "name[a]")) == [(1, "broken_json", 1)]
    assert contents(read(tmp_path / "in.csv", "phone\n12")) == [{"phone": "12"}]
    assert contents(read(tmp_path / "in.csv", '{"mr": 1}')) == [{"mr": 1}]


@pytest.mark.parametrize("suffix", ["", ".csv", ".jsonl", ".txt"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_files_hold_no_records(tmp_path: Path, suffix: str, content: bytes) -> None:
    assert read(tmp_path / f"in{suffix}", content) == []


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for source, code, cure in (
        (str(tmp_path / "missing.csv"), "no_such_file", "standard input"),
        (str(tmp_path), "is_a_folder", "name a file inside"),
        ("a\0b", "no_such_file", "not a file name"),
    ):
        with pytest.raises(DataError, match=cure) as caught:
            open_records(source)  # at once, not at the first record
        assert caught.value.code == code


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read anything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_text("x", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(DataError, match="permissions"):
        open_records(str(path))


def test_a_broken_document_says_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="broken JSON") as caught:
        read(tmp_path / "in.json", '[\n  {"mr": "x"},\n  {"mr": \n]')
    assert caught.value.line == 4
    with pytest.raises(DataError, match="more after the JSON array"):
        read(tmp_path / "in.json", '[{"mr": "x"}]\n[{"mr": "y"}]')
    records = read(tmp_path / "in.json", '[{"mr": "x"}, 3, "name[y]"]')
    assert contents(records) == [{"mr": "x"}, "name[y]"]
    assert errors(records) == [(1, "bad_record", 1)]


def test_options_that_do_not_fit_the_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sheet is for Excel"):
        read(tmp_path / "in.csv", "mr\nx\n", sheet="Menu")
    with pytest.raises(UsageError, match="--delimiter is for CSV"):
        read(tmp_path / "in.jsonl", "{}", format="jsonl", delimiter=";")


def test_archives_are_told_how_to_unpack(tmp_path: Path) -> None:
    assert contents(read(tmp_path / "in.gz", gzip.compress(b'{"mr": "name[x]"}\n'))) == [
        {"mr": "name[x]"}
    ]
    with pytest.raises(DataError, match=r"in\.bz2 is compressed with bzip2; .*bunzip2"):
        read(tmp_path / "in.bz2", bz2.compress(b"mr\nx\n"))
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w") as archive:
        archive.writestr("sheet.xml", "<x/>")
    with pytest.raises(DataError, match=r"ZIP archive \(of 'sheet\.xml'\), not a workbook"):
        open_records(str(tmp_path / "in.xlsx"))


def test_a_workbook_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_LARGEST_UNPACKED", 1 << 20)
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", " " * (1 << 21))
    with pytest.raises(DataError, match="would unpack to 2,097,156 bytes"):
        open_records(str(tmp_path / "in.xlsx"))


class Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin("name[Café]\n\xff".encode("latin-1")))
    assert [code for _, code, _ in errors(list(open_records("-")))] == ["invalid_utf8"] * 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("name[Café]\n"))
    assert contents(list(open_records("-"))) == ["name[Café]"]


def test_records_stream_one_by_one() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sender:
        sender.write(b"name[a]\n")
        records = iter(open_records(f"/dev/fd/{reading}"))
        assert next(records).content == "name[a]"  # the pipe is still open
        sender.write(b"name[b]\nname")
        assert next(records).content == "name[b]"
    assert [record.content for record in records] == ["name"]
    os.close(reading)


def test_writing() -> None:
    stream = io.StringIO()
    write_record(stream, {"id": "1", "text": "Café £20 \u2028 \ud800", "score": float("-inf")})
    write_record(stream, {"nested": [{"nan": float("nan")}, (1, "x")]})
    first, second = stream.getvalue().rstrip("\n").split("\n")
    assert first == '{"id": "1", "text": "Café £20 \u2028 \\ud800", "score": null}'
    assert json.loads(second) == {"nested": [{"nan": None}, [1, "x"]]}
    first.encode()
