"""What ``d2t check`` writes for people: explanations, a table, a page."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from d2t.cli.main import app

ATTACK = "</script><script>alert(1)</script><!--"
RECORDS = [
    {"id": "fine", "mr": "name[Aromi], eatType[pub]", "text": "Aromi is a pub."},
    {
        "id": f"bad {ATTACK}",
        "mr": "name[Aromi], eatType[pub], food[Thai]",
        "text": f"=Aromi 😀 is a coffee shop {ATTACK} by the river; Aromi.",
    },
    {"id": "unreadable", "mr": "name[Aromi", "text": "x"},
]


def invoke(*words: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A file with a good text, one with all kinds of errors, and a bad record."""
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS), encoding="utf-8")
    return str(path)


def test_a_table_has_a_column_for_each_kind_of_error(source: str) -> None:
    result = invoke("check", source, "--format", "csv")
    assert result.exit_code == 3
    fine, bad, unreadable = csv.DictReader(io.StringIO(result.stdout))
    assert (fine["id"], fine["ok"], fine["ser"], fine["error"]) == ("fine", "yes", "0.0", "")
    assert bad["ok"] == "no"
    assert bad["missing"] == "food[Thai]"
    assert bad["added"] == "area[riverside]"
    assert bad["wrong"] == "eatType[coffee shop] for eatType[pub]"
    assert bad["repeated"] == "name[Aromi]"
    assert bad["text"] == "'" + RECORDS[1]["text"]  # no formula for a spreadsheet
    assert "not closed" in unreadable["error"]


@pytest.mark.parametrize("others", [["--show"], ["--json"], ["--explain"]])
def test_a_table_goes_with_no_other_form(source: str, others: list[str]) -> None:
    assert invoke("check", source, "--format", "csv", *others).exit_code == 2


def data_of(page: str) -> list[dict[str, object]]:
    """The texts in a page."""
    found = re.search(r'<script type="application/json" id="data">\n(.*?)</script>', page, re.S)
    assert found is not None
    return [json.loads(line) for line in found[1].splitlines()]


def test_the_page_holds_every_text_and_runs_nothing_of_them(source: str, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = invoke("check", source, "--html", str(target), "--explain")
    assert result.exit_code == 3
    page = target.read_text(encoding="utf-8")
    assert page.count("<script") == 3 == page.count("</script>")
    assert "<!--" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    texts = data_of(page)
    assert [text["id"] for text in texts] == [record["id"] for record in RECORDS]
    for text, record in zip(texts[:2], RECORDS, strict=False):
        parts: list[list[str]] = text["parts"]  # type: ignore[assignment]
        assert "".join(part[0] for part in parts) == record["text"]
    kinds = [error[0] for error in texts[1]["errors"]]  # type: ignore[attr-defined]
    assert list(dict.fromkeys(kinds)) == ["missing", "added", "wrong", "repeated", "unsupported"]
    assert "letter for letter" in str(texts[0]["why"])
    assert len(invoke("check", source).stdout.splitlines()) == len(RECORDS)


def test_the_policy_allows_the_script_and_style_of_the_page_only(
    source: str, tmp_path: Path
) -> None:
    import base64
    import hashlib

    target = tmp_path / "page.html"
    invoke("check", source, "--html", str(target))
    page = target.read_text(encoding="utf-8")
    for name in ("style", "script"):
        block = re.search(rf"<{name}>(.*?)</{name}>", page, re.S)
        assert block is not None
        digest = base64.b64encode(hashlib.sha256(block[1].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in page
    assert not re.search(r" on[a-z]+=| style=| src=| href=", page)


@pytest.mark.parametrize(
    ("repeats", "ok", "shown"), [("error", 0, 1), ("warn", 1, 1), ("ignore", 1, 0)]
)
def test_repeats_are_errors_warnings_or_nothing(
    tmp_path: Path, repeats: str, ok: int, shown: int
) -> None:
    file, target = tmp_path / "one.jsonl", tmp_path / "page.html"
    text = "Aromi is a pub. It has good beer, Aromi."
    file.write_text(json.dumps({"mr": "name[Aromi], eatType[pub]", "text": text}))
    result = invoke(
        "check", str(file), "--repeats", repeats, "--html", str(target), "--format", "csv"
    )
    (line,) = csv.DictReader(io.StringIO(result.stdout))
    assert (line["ok"], line["repeated"]) == (["no", "yes"][ok], ["", "name[Aromi]"][shown])
    (one,) = data_of(target.read_text(encoding="utf-8"))
    assert one["ok"] == bool(ok)
    kinds = [error[0] for error in one["errors"]]  # type: ignore[attr-defined]
    assert kinds == ["repeated"] * shown + ["unsupported"]


def test_the_page_never_takes_the_place_of_the_texts(source: str) -> None:
    before = Path(source).read_bytes()
    assert invoke("check", source, "--html", source).exit_code == 2
    assert Path(source).read_bytes() == before


def test_a_page_with_json_counts_bad_records(source: str, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = invoke("check", source, "--html", str(target), "--json")
    assert json.loads(result.stdout)["bad_lines"] == 1
    assert len(data_of(target.read_text(encoding="utf-8"))) == len(RECORDS)


def test_every_span_is_explained_by_its_entry_or_value(source: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '\n[[entry]]\nslot = "food"\nvalues = ["Thai"]\nsay = [\n  "pad thai",\n  "tom yum",\n]\n'
    )
    text = "Zorro is not family friendly and serves tom yum."
    record = {"mr": "name[Zorro], food[Thai], familyFriendly[no]", "text": text}
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(record))
    result = invoke("check", str(file), "--explain", "--lexicon", str(mine))
    name, family, food = (span["sources"] for span in json.loads(result.stdout)["spans"])
    assert name == [{"why": "the MR's value, letter for letter"}]
    assert family[0]["marks"] == ["negated"]
    assert family[0]["file"].endswith("lexicon.toml")
    assert food == [
        {
            "why": "wording of the lexicon", "pattern": "tom yum", "file": str(mine), "line": 7,
            "values": ["Thai"],
        }
    ]  # fmt: skip
    shown = invoke("check", str(file), "--explain", "--show", "--lexicon", str(mine)).stdout
    assert f"{mine}:7: tom yum" in shown
