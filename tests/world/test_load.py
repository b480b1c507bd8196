"""Large inputs: memory stays flat, and nothing takes more than its share of time."""

from __future__ import annotations

import csv
import json
import sys
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import pytest
from watched import Watched, watched

from d2t.io.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

MODEL = str(data_root() / "model")
FLAT = 20.0
"""MB that a stream may grow in the second half of its records."""
FOODS = ("Italian", "Thai", "French", "Chinese", "Indian", "English", "Japanese")
AREAS = ("riverside", "city centre")


def records(n: int) -> Iterator[dict[str, Any]]:
    """Restaurants, each of its own name."""
    kinds = cycle((food, area) for food in FOODS for area in AREAS)
    for i, (food, area) in enumerate(islice(kinds, n)):
        yield {
            "id": f"r{i}",
            "mr": f"name[The Mill {i}], eatType[pub], food[{food}], area[{area}]",
            "text": f"The Mill {i} is a pub that serves {food} food in the {area}.",
        }


def json_lines(path: Path, n: int) -> Path:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in records(n))
    return path


def table(n: int) -> Iterator[dict[str, Any]]:
    """The same as columns."""
    for i, record in enumerate(records(n)):
        food, area = FOODS[i // 2 % len(FOODS)], AREAS[i % 2]
        yield {
            "id": record["id"], "name": f"The Mill {i}", "eatType": "pub", "food": food,
            "area": area, "text": record["text"],
        }  # fmt: skip


def told(what: str, n: int, ran: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\n{what}: {n:,} records in {ran.seconds:.1f} s ({ran.work:.1f} s of work), "
            f"{n / ran.work:,.0f} for a second of work; "
            f"memory {ran.first:.0f} MB in the first half, {ran.second:.0f} MB in the second"
        )


def ids(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["id"]


STREAMS = {
    "check": (200_000, ["check"]),
    "check of 500,000": (500_000, ["check"]),
    "parse": (200_000, ["parse", "--rules"]),
    "plan": (200_000, ["plan", "--planner", "bigram"]),
    "linearize": (200_000, ["linearize", "--model", MODEL]),
    "generate": (20_000, ["generate", "--threads", "1"]),
    "generate, not checked": (20_000, ["generate", "--threads", "1", "--verify", "off"]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_memory_is_flat_over_many_records(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n, command = STREAMS[name]
    source, output = json_lines(tmp_path / "in.jsonl", n), tmp_path / "out.jsonl"
    ran = watched([*command, str(source)], output)
    told(name, n, ran, capsys)
    assert ran.exit_code == 0, ran.stderr
    assert all(a == b for a, b in zip(ids(output), ids(source), strict=True))
    assert ran.growth < FLAT


COUNTS = {
    "evaluate": ["evaluate", "slots", "--n-resamples", "0", "--json"],
    "data validate": ["data", "validate", "--json"],
    "data stats": ["data", "stats", "--no-align", "--json"],
    "data convert": ["data", "convert", "--out", "-"],
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_reads_all_grows_with_the_records_and_no_faster(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = []
    for n in (25_000, 100_000):
        source = json_lines(tmp_path / f"{n}.jsonl", n)
        ran = watched([*COUNTS[name], str(source)], tmp_path / "out.json")
        told(name, n, ran, capsys)
        assert ran.exit_code in (0, 1), ran.stderr
        seconds.append(ran.work)
    assert seconds[1] < 8 * seconds[0], "four times the records"


def csv_file(path: Path, n: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["id", "name", "eatType", "food", "area", "text"])
        writer.writeheader()
        writer.writerows(table(n))


def excel_file(path: Path, n: int) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("data")
    for i, row in enumerate(table(n)):
        if not i:
            sheet.append(list(row))
        sheet.append(list(row.values()))
    book.save(path)


def parquet_file(path: Path, n: int) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(list(table(n))), path)


def json_file(path: Path, n: int) -> None:
    path.write_text(json.dumps(list(records(n)), indent=1), encoding="utf-8")


TABLES = {"csv": csv_file, "xlsx": excel_file, "parquet": parquet_file, "json": json_file}


@pytest.mark.parametrize("kind", TABLES)
def test_50_000_rows_of_a_table(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n, source, output = 50_000, tmp_path / f"in.{kind}", tmp_path / "out.jsonl"
    TABLES[kind](source, n)
    ran = watched(["check", str(source)], output)
    told(f"check of {kind}", n, ran, capsys)
    assert ran.exit_code == 0, ran.stderr
    assert list(ids(output)) == [record["id"] for record in records(n)]
    assert ran.growth < 4 * FLAT if kind == "json" else ran.growth < FLAT


def long_line(size: int) -> Iterator[tuple[str, str]]:
    """One line of ``size`` characters, of each kind that one can be."""
    words = "very " * (size // 5)
    yield "a long text", json.dumps({"mr": "name[Aromi]", "text": f"Aromi is {words}good."})
    yield "a long value", json.dumps({"name": words, "text": "Aromi"})
    yield "a long MR", f"name[{words}]"
    yield "a long list", json.dumps({"name": "Aromi", "food": ["Thai"] * (size // 8)})
    yield "a long array", json.dumps([{"name": f"A{i}", "text": "A"} for i in range(size // 30)])
    yield "long rubbish", words
    yield "long nesting", "[" * size
    yield "a long quote", 'id,text\n1,"' + words
    yield "long names", ",".join(f"name{i}" for i in range(size // 10))
    yield "many commas", "name" + "," * size
    yield "a long list in a cell", 'name,food\nAromi,"[' + "'Thai', " * (size // 8) + ']"'
    yield "an open list in a cell", 'name,food\nAromi,"[' + "'Thai', " * (size // 8) + '"'
    yield "a long dictionary", "{'name': '" + words + "'}"
    yield "many brackets", "name[" + "[" * size
    yield "many slots", ", ".join(f"name[A{i}]" for i in range(size // 12))


OF_MANY = (
    "a long list", "a long array", "long names", "many commas", "a long list in a cell",
    "an open list in a cell", "many slots",
)  # fmt: skip
"""Lines of very many small things, each of which costs more than its bytes."""
COMMANDS = {
    "check": ["check"],
    "parse": ["parse", "--rules"],
    "linearize": ["linearize", "--model", MODEL],
    "generate": ["generate", "--threads", "1"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", [kind for kind, _ in long_line(100)])
def test_one_long_line(
    kind: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = 50_000_000 if command == "check" and kind not in OF_MANY else 2_000_000
    source = tmp_path / "in.txt"
    source.write_text(dict(long_line(size))[kind], encoding="utf-8")
    ran = watched([*COMMANDS[command], str(source)], tmp_path / "out", seconds=600)
    told(f"{command} of {kind}, {size / 1e6:g} MB", 1, ran, capsys)
    assert ran.exit_code in (0, 1, 2, 3), ran.stderr
    assert "bug of d2t" not in ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_100_000_columns(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    n = 100_000
    source = tmp_path / "in.csv"
    head = ",".join(["name", "text", *(f"c{i}" for i in range(n))])
    row = ",".join(["Aromi", "Aromi", *("x" for _ in range(n))])
    source.write_text("\n".join([head, row, row, row]), encoding="utf-8")
    for options in ([], ["--ignore", "*"]):
        ran = watched([*COMMANDS[command], str(source), *options], tmp_path / "out", seconds=240)
        told(f"{command} of {n:,} columns {' '.join(options)}", 3, ran, capsys)
        assert ran.exit_code in (0, 2), ran.stderr
        assert len(ran.stderr) < 2000


SLOTS = 60


@pytest.fixture
def wide_domain(tmp_path: Path) -> Path:
    """A domain of 60 slots."""
    folder = tmp_path / "wide"
    folder.mkdir()
    slots = [f'[slots.slot{i}]\nkind = "open"\n' for i in range(SLOTS)]
    (folder / "domain.toml").write_text('name = "wide"\n\n' + "\n".join(slots), encoding="utf-8")
    return folder


def test_a_record_of_60_slots(
    wide_domain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {f"slot{i}": f"value{i}" for i in range(SLOTS)}
    text = " ".join(f"The slot{i} is value{i}." for i in range(SLOTS))
    source = tmp_path / "in.jsonl"
    n = 2_000
    source.write_text((json.dumps({**values, "text": text}) + "\n") * n, encoding="utf-8")
    ran = watched(["check", "--domain", str(wide_domain), str(source)], tmp_path / "out")
    told("check of 60 slots", n, ran, capsys)
    assert ran.exit_code == 0, ran.stderr


def test_many_slots_of_one_record_cost_no_more_each(tmp_path: Path) -> None:
    """A list of values is read, checked and planned in about its length."""
    seconds = []
    for n in (1_000, 8_000):
        source = tmp_path / f"{n}.jsonl"
        record = {"name": "Aromi", "food": [f"Food{i}" for i in range(n)], "text": "Aromi"}
        source.write_text(json.dumps(record) + "\n", encoding="utf-8")
        ran = watched(["check", str(source)], tmp_path / "out", seconds=600)
        assert ran.exit_code in (0, 3)
        seconds.append(ran.work)
    assert seconds[1] < 16 * seconds[0]
