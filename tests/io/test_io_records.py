"""Streams of records: formats, bad lines, bad files."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from d2t.errors import DataError
from d2t.io.records import CsvRow, InputRecord, read_records, write_record

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = ("name", "eatType", "customer rating")


def read(path: Path, content: str | bytes, **options: Any) -> list[InputRecord]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_records(str(path), **options))


def errors(records: list[InputRecord]) -> list[tuple[int, str, int | None]]:
    return [(r.line, r.error.code, r.error.column) for r in records if r.error is not None]


def test_jsonl(tmp_path: Path) -> None:
    lines = ['{"id": "a", "mr": "name[x]"}', "", '{"id": 7}', '"name[y]"', '{"id": null}']
    records = read(tmp_path / "in.jsonl", "\n".join(lines))
    assert [(r.index, r.line, r.id, r.fields) for r in records] == [
        (0, 1, "a", {"id": "a", "mr": "name[x]"}),
        (1, 3, "7", {"id": 7}),
        (2, 4, "2", {"mr": "name[y]"}),
        (3, 5, "3", {"id": None}),
    ]


def test_a_bad_line_does_not_stop_the_stream(tmp_path: Path) -> None:
    lines = [
        b'{"mr": "name[x]"',
        b'{"mr": "\xff"}',
        b"[1]",
        b"12",
        b'{"id": {}}',
        b'{"a": 1, "a": 2}',
        b'{"a": Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"{" * 100_000,
        b'{"mr": "tab\there"}',
        b'{"mr": "name[y]"}',
    ]
    records = read(tmp_path / "in.jsonl", b"\n".join(lines))
    assert errors(records) == [
        (1, "broken_json", 17),
        (2, "invalid_utf8", 9),
        (3, "bad_record", 1),
        (4, "bad_record", 1),
        (5, "bad_record", None),
        (6, "broken_json", None),
        (7, "broken_json", None),
        (8, "broken_json", None),
        (9, "broken_json", 2),
        (10, "broken_json", 12),
    ]
    assert records[-1].fields == {"mr": "name[y]"}
    assert records[-1].id == "10"
    assert "one object a line" in str(records[0].error)


def test_lines_with_bom_crlf_and_blanks(tmp_path: Path) -> None:
    records = read(tmp_path / "in.txt", b"\xef\xbb\xbf\r\n  name[a]  \r\n\n\xff\nname[b]\x0c")
    assert [(r.line, r.fields) for r in records] == [
        (2, {"mr": "name[a]"}),
        (4, None),
        (5, {"mr": "name[b]"}),
    ]
    assert errors(records) == [(4, "invalid_utf8", 1)]


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "in.txt", "name[a\u2028b\x85c]")
    assert record.fields == {"mr": "name[a\u2028b\x85c]"}


def test_csv(tmp_path: Path) -> None:
    content = '\ufeffid, mr,ref\r\n1,"name[A], near[B]","two\nlines, ""quoted"""\r\n\r\n,x,\r\n'
    records = read(tmp_path / "in.csv", content)
    assert [(r.line, r.id, r.fields) for r in records] == [
        (2, "1", {"id": "1", "mr": "name[A], near[B]", "ref": 'two\nlines, "quoted"'}),
        (5, "1", {"id": "", "mr": "x", "ref": ""}),
    ]
    assert all(isinstance(r.fields, CsvRow) for r in records)


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
    assert "2 cells" not in str(records[1].error)
    assert "the row has 1 cells, the header has 2" in str(records[1].error)
    assert "never closed" in str(records[-1].error)
    assert [r.fields["mr"] for r in records if r.fields] == ["a", "last"]


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_other_separators_are_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    (record,) = read(tmp_path / "in.csv", separator.join(["mr", "ref"]) + f"\nx{separator}y, z\n")
    assert record.fields == {"mr": "x", "ref": "y, z"}


def test_the_separator_is_the_one_that_makes_known_columns(tmp_path: Path) -> None:
    text = 'mr;"price, in pounds";ref\nx;12;y, z\n'
    (record,) = read(tmp_path / "in.csv", text)
    assert record.fields == {"mr": "x", "price, in pounds": "12", "ref": "y, z"}
    (record,) = read(tmp_path / "in.csv", "mr,opens;closes\nx,y\n")
    assert record.fields == {"mr": "x", "opens;closes": "y"}


def test_very_long_cells_and_lines(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "in.csv", "mr\n" + "x" * 1_000_000)
    assert record.fields is not None
    assert len(record.fields["mr"]) == 1_000_000
    (record,) = read(tmp_path / "in.jsonl", json.dumps({"mr": "x" * 1_000_000}))
    assert record.error is None


@pytest.mark.parametrize(
    ("header", "known", "good"),
    [
        ("name,eatType", SLOTS, True),
        ("Customer_Rating,phone", SLOTS, True),
        ("phone,fax", SLOTS, False),
        ("Aromi,pub", SLOTS, False),
        ("phone,fax", None, True),  # nothing is known: only what looks like data is refused
        ("name[Aromi],Aromi is fine", None, False),
        ("12,pub", None, False),
        ("pub,", None, False),
        ("MR,anything at all", (), True),
        ("mr,mr", None, False),
    ],
)
def test_a_missing_header_is_noticed(
    tmp_path: Path, header: str, known: tuple[str, ...] | None, good: bool
) -> None:
    content = header + "\na,b\n"
    if good:
        assert len(read(tmp_path / "in.csv", content, known_columns=known)) == 1
        return
    with pytest.raises(DataError) as caught:
        read(tmp_path / "in.csv", content, known_columns=known)
    assert caught.value.code == "no_header"
    assert caught.value.line == 1
    assert "in.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ('\n {"mr": "a"}\n', {"mr": "a"}),
        ('"name[a]"\n', {"mr": "name[a]"}),
        ("mr,ref\na,b\n", {"mr": "a", "ref": "b"}),
        ('"mr","ref"\na,b\n', {"mr": "a", "ref": "b"}),
        ("eatType,phone\npub,1\n", {"eatType": "pub", "phone": "1"}),
        ("name[a], eatType[b]\n", {"mr": "name[a], eatType[b]"}),
    ],
)
def test_the_format_is_seen_in_the_first_line(
    tmp_path: Path, content: str, fields: dict[str, str]
) -> None:
    assert read(tmp_path / "in", content, known_columns=SLOTS)[0].fields == fields


def test_the_suffix_decides_before_the_content(tmp_path: Path) -> None:
    assert errors(read(tmp_path / "in.JSONL", "name[a]")) == [(1, "broken_json", 1)]
    assert read(tmp_path / "in.tsv", "mr\tref\na\tb")[0].fields == {"mr": "a", "ref": "b"}
    assert read(tmp_path / "in.csv", '{"mr": 1}', format="jsonl")[0].fields == {"mr": 1}


@pytest.mark.parametrize("suffix", ["", ".csv", ".jsonl", ".txt"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_files_hold_no_records(tmp_path: Path, suffix: str, content: bytes) -> None:
    assert read(tmp_path / f"in{suffix}", content) == []


def test_the_limit_counts_records(tmp_path: Path) -> None:
    assert [r.id for r in read(tmp_path / "in", "a\n\nb\nc\n", limit=2)] == ["0", "1"]
    assert read(tmp_path / "in", "a\n", limit=0) == []


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for source, code, cure in (
        (str(tmp_path / "missing.csv"), "no_such_file", "standard input"),
        (str(tmp_path), "is_a_folder", "name a file inside"),
        ("a\0b", "no_such_file", "not a file name"),
    ):
        with pytest.raises(DataError, match=cure) as caught:
            read_records(source)  # at once, not at the first record
        assert caught.value.code == code


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read anything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_text("x", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(DataError, match="permissions"):
        read_records(str(path))


def test_utf16_and_json_arrays_are_told_how_to_convert(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="iconv"):
        read(tmp_path / "in.csv", "mr\nx".encode("utf-16"))
    with pytest.raises(DataError, match="jq"):
        read(tmp_path / "in.json", '[\n  {"mr": "x"}\n]')


def test_archives_are_told_how_to_unpack(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"in\.jsonl\.gz is compressed \(gzip\); .*gunzip"):
        read(tmp_path / "in.jsonl.gz", gzip.compress(b'{"mr": "name[x]"}\n'))
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w") as archive:
        archive.writestr("sheet.xml", "<x/>")
    with pytest.raises(DataError, match=r"spreadsheet.*CSV"):
        read_records(str(tmp_path / "in.xlsx"))


class Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin("name[Café]\n\xff".encode("latin-1")))
    records = list(read_records("-"))
    assert [r.error and r.error.code for r in records] == ["invalid_utf8", "invalid_utf8"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("name[Café]\n"))
    assert [r.fields for r in read_records("-")] == [{"mr": "name[Café]"}]


def test_records_stream_one_by_one() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sender:
        records = read_records(f"/dev/fd/{reading}", format="lines")
        sender.write(b"name[a]\n")
        assert next(records).fields == {"mr": "name[a]"}  # the pipe is still open
    assert list(records) == []
    os.close(reading)


def test_writing() -> None:
    stream = io.StringIO()
    write_record(stream, {"id": "1", "text": "Café £20 \u2028 \ud800", "score": float("-inf")})
    write_record(stream, {"nested": [{"nan": float("nan")}, (1, "x")]})
    first, second = stream.getvalue().rstrip("\n").split("\n")
    assert first == '{"id": "1", "text": "Café £20 \u2028 \\ud800", "score": null}'
    assert json.loads(second) == {"nested": [{"nan": None}, [1, "x"]]}
    first.encode()
