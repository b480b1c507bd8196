"""Files that hypothesis makes: of bytes, JSON, CSV, and torn copies of the files of tests/world."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from world_table import WORLD

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True)
class MadeFile:
    """A file to be read.

    Attributes:
        ids: of its records, where the maker knows them; they are then records whatever they hold.
        options: the command's, as the file needs them.
    """

    content: bytes
    suffix: str
    ids: tuple[str, ...] | None = None
    options: tuple[str, ...] = ()


WORDS = (
    "Aromi", "The Mill", "Zizzi", "pub", "coffee shop", "Italian", "Thai, French", "riverside",
    "city centre", "yes", "no", "5 out of 5", "3.0", "4,5", "cheap", "Café", "東京", "N/A", "nan",
    "NULL", "?", "", " ", "-", "Thai|Lao", "[new] Thai", "a;b", "it's", 'say "x"', "<b>", "\\N",
    "{'a': 1}", '{"a": 1}', "['Thai', 'Lao']", '["Thai"]', "[1, 2]", "[", "]", "{", "name[Aromi]",
    "name[Aromi], eatType[pub], food[Italian]", "inform(name[Aromi])",
    "name[Aromi, food[", "x\x00y",
    "\x1b[31m", "\u200b", "\u2028", "\ud800", "e\u0301", "\ufeff", "😀", "-1", "1e5", "true",
    "0x1f", "Aromi is a pub.", "Aromi serves Italian food in the riverside area.", "\t",
    "area > food > name", "food, name", "name | food", "sep=;", "#REF!", "%s", "\\u0041",
    "A" * 300, "\r", "a\nb",
)  # fmt: skip
SLOT_NAMES = (
    "name", "eatType", "food", "priceRange", "customer rating", "area", "familyFriendly", "near",
)  # fmt: skip
ROLE_NAMES = ("mr", "MR", "text", "ref", "references", "plan", "output", "dialogue_act")
ODD_NAMES = ("", "foods", "phone", "Unnamed: 0", "Name", "label", "status", "extra", "\x1b", "a,b")
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252")
LINE_ENDS = ("\n", "\n", "\r\n", "\r")
DELIMITERS = (",", ",", ";", "\t", "|")
PLAIN_NAMES = (*SLOT_NAMES, "mr", "text", "ref", "plan")


def _value(random: Random, depth: int = 0) -> Any:
    kind = random.random()
    if kind < 0.72 or depth > 3:
        return random.choice(WORDS)
    if kind < 0.8:
        return [_value(random, depth + 1) for _ in range(random.randrange(4))]
    if kind < 0.86:
        return {random.choice(SLOT_NAMES): _value(random, depth + 1) for _ in range(2)}
    return random.choice(
        (None, True, False, 0, 1, -1, 4.0, 5.5, 1e300, 10**30, float("nan"), float("inf"), [], {})
    )


def _objects(random: Random, n: int, *, ids: bool) -> list[dict[str, Any]]:
    """Objects of plausible keys; many of the same ones, as in a file."""
    names = (*SLOT_NAMES, *SLOT_NAMES, *ROLE_NAMES, *(() if random.random() < 0.7 else ODD_NAMES))
    keys = random.sample(names, random.randrange(1, 6))
    made = []
    for i in range(n):
        if random.random() < 0.1:
            keys = random.sample(names, random.randrange(0, 6))
        item = {key: _value(random) for key in keys}
        if random.random() < 0.5:
            item["mr"] = random.choice(("name[Aromi], food[Thai]", {"name": "Zizzi", "area": "x"}))
        made.append(({"id": f"r{i}"} if ids else {}) | item)
    return made


def _encoded(random: Random, text: str, *, exact: bool) -> bytes:
    encoding = "utf-8" if exact and random.random() < 0.5 else random.choice(ENCODINGS)
    if exact and encoding in ("latin-1", "cp1252", "utf-16-le"):
        encoding = "utf-16"
    errors = "surrogatepass" if encoding.startswith("utf") else "replace"
    if encoding == "utf-8-sig":
        content = b"\xef\xbb\xbf" + text.encode("utf-8", errors)
    else:
        content = text.encode(encoding, errors)
    return gzip.compress(content, 1, mtime=0) if random.random() < 0.05 else content


def json_lines(random: Random) -> MadeFile:
    """Objects that all have an id, one a line."""
    n = random.randrange(1, 40)
    end = random.choice(("\n", "\n", "\r\n"))
    items = _objects(random, n, ids=True)
    ascii = random.random() < 0.5
    lines = [json.dumps(item, ensure_ascii=ascii) for item in items]
    if random.random() < 0.3:
        lines = [x for line in lines for x in (line, *([""] if random.random() < 0.2 else []))]
    text = end.join(lines) + random.choice(("", end, end * 3))
    ids = tuple(item["id"] for item in items)
    return MadeFile(_encoded(random, text, exact=True), ".jsonl", ids)


def json_document(random: Random) -> MadeFile:
    """A list of objects with ids, or an object that holds it."""
    items = _objects(random, random.randrange(1, 30), ids=True)
    document: Any = items
    if random.random() < 0.3:
        document = {random.choice(("data", "records", "rows")): items}
        if random.random() < 0.5:
            document |= {"version": 1, "more": None}
    # A document with a lone surrogate is not UTF-8, and bad as a whole.
    ascii = random.random() < 0.3 or "\\ud800" in json.dumps(document)
    text = json.dumps(document, indent=random.choice((None, 1, "\t")), ensure_ascii=ascii)
    # So it is where a number is none, which JSON lines tell of one line.
    known = None if "Infinity" in text else tuple(item["id"] for item in items)
    return MadeFile(_encoded(random, text, exact=True), random.choice((".json", ".txt")), known)


def csv_table(random: Random) -> MadeFile:
    """A table with a column of ids, by any delimiter and in any quotes."""
    odd = random.random() < 0.3
    names = (*PLAIN_NAMES, *(ODD_NAMES if odd else ()))
    header = ["id", *random.sample(names, random.randrange(1, 7))]
    rows = []
    for i in range(random.randrange(0, 40)):
        cells = [random.choice(WORDS) for _ in header[1:]]
        if odd and random.random() < 0.1:
            cells = cells[: random.randrange(len(cells) + 1)] + ["x"] * random.randrange(3)
        rows.append([f"r{i}", *cells])
    if random.random() < 0.3:
        random.shuffle(header)
    delimiter = random.choice(DELIMITERS)
    options: tuple[str, ...] = ()
    if random.random() < 0.2:
        delimiter = random.choice((":", "~", "^", *DELIMITERS))
        options = ("--delimiter", "tab" if delimiter == "\t" else delimiter)
    out = io.StringIO()
    # Before Python 3.13 the module quotes no line end in a cell but the writer's own.
    lines_in_cells = any("\n" in cell or "\r" in cell for row in rows for cell in row)
    quoting = csv.QUOTE_ALL if lines_in_cells or random.random() < 0.4 else csv.QUOTE_MINIMAL
    writer = csv.writer(
        out, delimiter=delimiter, quoting=quoting, lineterminator=random.choice(LINE_ENDS)
    )
    if random.random() < 0.05 and not options:
        out.write(f"sep={delimiter}\r\n")
    writer.writerows([header, *rows])
    known = None
    if not odd and header[0] == "id":
        known = tuple(row[0] for row in rows)
    content = _encoded(random, out.getvalue(), exact=known is not None)
    return MadeFile(content, random.choice((".csv", ".tsv", ".txt", ".csv")), known, options)


def json_rubble(random: Random) -> MadeFile:
    """JSON without ids, of any shape, whole or cut."""
    values = [_value(random) for _ in range(random.randrange(1, 12))]
    values += _objects(random, random.randrange(0, 12), ids=False)
    random.shuffle(values)
    if random.random() < 0.5:
        text = json.dumps(values, indent=random.choice((None, 2)))
    else:
        text = random.choice(("\n", "", ", ", "\n\n")).join(
            json.dumps(value, ensure_ascii=False) for value in values
        )
    if random.random() < 0.4:
        text = text[: random.randrange(len(text) + 1)]
    if random.random() < 0.02:
        text = "[" * random.choice((10, 2_000, 100_000)) + text
    return MadeFile(_encoded(random, text, exact=False), random.choice((".json", ".jsonl", "")))


PIECES = (
    b"\n", b"\r\n", b"\r", b",", b";", b"\t", b'"', b"'", b"[", b"]", b"{", b"}", b"\\", b":",
    b"id", b"mr", b"name", b"food", b"Aromi", b"name[Aromi]", b"name,food\n",
    b'{"name": "Aromi"}', b" ", b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf",
    b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\x80",
    "é".encode(), "😀".encode(), b"\xed\xa0\x80", b"sep=;\n", b"(", b")", b"|", b"null", b"1.0",
    b"#", b"<", b">", b"\x1b[0m", b"\x85", b"\xe2\x80\xa8", b"inform(", b"text",
)  # fmt: skip


def rubble(random: Random) -> MadeFile:
    """Bytes: any, or pieces of what files hold."""
    if random.random() < 0.3:
        content = random.randbytes(random.randrange(200))
    else:
        content = b"".join(random.choice(PIECES) for _ in range(random.randrange(60)))
    return MadeFile(content, random.choice(("", ".csv", ".json", ".jsonl", ".txt", ".xlsx", ".gz")))


FILES = [(path.suffix, path.read_bytes()) for path in sorted((WORLD / "files").iterdir())]


def torn(random: Random) -> MadeFile:
    """A file of tests/world with some bytes changed, doubled, moved or cut away."""
    suffix, content = random.choice(FILES)
    for _ in range(random.randrange(1, 5)):
        at, to = sorted(random.randrange(len(content) + 1) for _ in range(2))
        to = min(to, at + random.choice((1, 1, 4, 40, 10**6)))
        piece = random.choice((random.choice(PIECES), content[at:to], random.randbytes(2)))
        content = random.choice(
            (
                content[:at] + content[to:],
                content[:at] + piece + content[at:],
                content[:at] + piece + content[to:],
                content[:to] + content[at:],
            )
        )
        if len(content) > 20_000:
            content = content[:20_000]
    return MadeFile(content, suffix)


MAKERS = (
    json_lines, json_lines, json_document, csv_table, csv_table, csv_table, json_rubble, rubble,
    torn, torn, torn,
)  # fmt: skip


def made_files() -> st.SearchStrategy[MadeFile]:
    """Any of these. Their randomness is hypothesis' own, so that a failure comes again."""
    return st.builds(
        lambda maker, random: maker(random),
        st.sampled_from(MAKERS),
        st.randoms(use_true_random=True),
    )
