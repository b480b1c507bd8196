"""``d2t lexicon``: wordings are shown, added, taken back and tested."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import d2t
from d2t.cli.main import app

WORDS = "for a wuffle of glimps"  # no lexicon will ever know these words
MR = "name[Aromi], eatType[pub], priceRange[cheap]"


def lexicon(*words: str | Path) -> Result:
    """Run ``d2t lexicon``."""
    return CliRunner().invoke(app, ["lexicon", *map(str, words)])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lexicon of one's own, which does not exist yet, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "my-lexicon.toml"


def test_show_names_file_line_and_marks_of_each_wording(mine: Path) -> None:
    assert lexicon("add", "priceRange=cheap", WORDS).exit_code == 0
    assert lexicon("add", "priceRange=cheap", "mostly glimps", "--weak").exit_code == 0
    shown = lexicon("show", "priceRange=cheap", "--lexicon", mine).stdout.splitlines()
    at = mine.read_text().splitlines().index(f'say = ["{WORDS}"]') + 1
    assert f"{mine}:{at}: {WORDS}" in shown
    assert any("mostly glimps  (weak)" in line for line in shown)
    assert any("inexpensive" in line and "also less than £20" in line for line in shown)
    rows = json.loads(lexicon("show", "price range[cheap]", "--json").stdout)
    assert {"pattern", "slot", "values", "marks", "file", "line"} == set(rows[0])
    assert all(Path(row["file"]).is_file() and row["line"] for row in rows)


def test_show_alone_counts_the_wordings_of_every_value() -> None:
    rows = json.loads(lexicon("show", "--json").stdout)
    assert {"slot": "priceRange", "value": "cheap"}.items() <= rows[0].items() or any(
        row["slot"] == "priceRange" and row["value"] == "cheap" and row["wordings"] > 20
        for row in rows
    )
    assert "priceRange=cheap" in lexicon("show").stdout
    assert "[high" in lexicon("show", "priceRange").stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("priceRange=cheap", WORDS),
        ("priceRange=cheap", "for (glimps|a wuffle)"),
        ("area=riverside", "# wuffles from the glimp"),
        ("familyFriendly=no", "strictly over glimps"),
        ("food=Thai", "pad see wuffle"),
    ],
)
def test_what_is_added_is_read_where_the_file_is_named(mine: Path, target: str, words: str) -> None:
    result = lexicon("add", target, words)
    assert result.exit_code == 0
    slot, value = target.split("=")
    said = words.replace("(glimps|a wuffle)", "a wuffle").replace("#", "five")
    text, mr = f"Zorro, {said}.", f"name[Zorro], {slot}[{value}]"
    assert not d2t.check(text, mr).ok  # no hidden state: the file is used where it is named
    assert d2t.check(text, mr, lexicon=mine).ok
    before = mine.read_text()
    again = lexicon("add", target, words)
    assert again.exit_code == 0
    assert "nothing is written" in again.stderr
    assert mine.read_text() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["priceRange=cheep", "x y"], "did you mean 'cheap'"),
        (["priceRnge=cheap", "x y"], "did you mean 'priceRange'"),
        (["priceRange", "x y"], "names no value"),
        (["priceRange=cheap", "(x y"], "is not closed"),
        (["priceRange=cheap", ""], "holds no word"),
        (["priceRange=cheap", "#"], "holds no word"),
        (["priceRange=cheap", "!!!"], "holds no word"),
        (["priceRange=high", "inexpensive"], "is read as priceRange[cheap] today"),
        (["priceRange=cheap", "a glimpy pub"], "'pub' is read as eatType[pub] today"),
    ],
)
def test_what_cannot_be_added_is_not_written(mine: Path, words: list[str], message: str) -> None:
    result = lexicon("add", *words)
    assert result.exit_code != 0
    assert message in result.stderr
    assert not mine.exists()


def test_a_new_value_needs_a_word(mine: Path) -> None:
    assert lexicon("add", "food=Wuffian", "a plate of glimps").exit_code != 0
    assert lexicon("add", "food=Wuffian", "a plate of glimps", "--new-value").exit_code == 0
    assert d2t.check("Zorro, a plate of glimps", "name[Zorro], food[Wuffian]", lexicon=mine).ok


def test_what_is_read_wrongly_is_taken_back(mine: Path, tmp_path: Path) -> None:
    text, mr = "Aromi is for glimps only, says nobody.", "name[Aromi]"
    base = tmp_path / "base.toml"
    assert lexicon("add", "familyFriendly=no", "for glimps", "--lexicon", base).exit_code == 0
    assert d2t.check(text, mr, lexicon=base).added
    layers = ["--lexicon", base, "--lexicon", mine]
    result = lexicon("remove", "familyFriendly=no", "for glimps only", *layers)
    assert result.exit_code == 0, result.stderr
    assert not d2t.check(text, mr, lexicon=[base, mine]).added
    assert d2t.check("Aromi is for glimps.", mr, lexicon=[base, mine]).added
    idle = lexicon("remove", "familyFriendly=no", "blue wuffle", *layers)
    assert "not read so today" in idle.stderr


def test_layers_below_are_named_before_the_file_that_is_written(mine: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.toml"
    assert lexicon("add", "priceRange=cheap", WORDS, "--lexicon", base).exit_code == 0
    result = lexicon("add", "priceRange=cheap", WORDS, "--lexicon", base, "--lexicon", mine)
    assert "nothing is written" in result.stderr
    assert not mine.exists()


CASES = [
    ({"text": "Aromi is a pub.", "gold": "name[Aromi], eatType[pub]"}, []),
    ({"text": "Zorro is a pub.", "mr": "name[Zorro]", "gold": "name[Zorro], eatType[pub]"}, []),
    ({"text": "Nothing at all.", "gold": ""}, []),
    ({"text": f"Aromi is a pub {WORDS}.", "gold": MR}, ["not read: priceRange[cheap]"]),
    (
        {"text": "Aromi is a cheap pub.", "gold": "name[Aromi]"},
        ["read, but not said: priceRange[cheap] ('cheap')", "eatType[pub] ('pub')"],
    ),
    ({"text": "Aromi is a pub.", "mr": MR, "expect": {"missing": ["priceRange=cheap"]}}, []),
    ({"text": "Aromi is a pub.", "mr": MR, "expect": {"missing": ["priceRange"]}}, []),
    ({"text": "Aromi is a pub.", "mr": MR, "expect": {"ok": True}}, ["expected ok = true"]),
    (
        {"text": "Aromi is a pub.", "mr": MR, "expect": {"missing": [], "added": ["food"]}},
        ["missing priceRange[cheap], which is not expected", "expected added food"],
    ),
]


@pytest.mark.parametrize(("case", "faults"), CASES)
def test_a_case_fails_with_what_is_not_as_it_should_be(
    tmp_path: Path, case: dict[str, object], faults: list[str]
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(case) + "\n")
    result = lexicon("test", file)
    assert result.exit_code == (4 if faults else 0), result.output
    for fault in faults:
        assert fault in result.stdout
    found = json.loads(lexicon("test", file, "--json").stdout)
    assert found["cases"] == 1
    assert len(found["failed"]) == bool(faults)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"text": "x"}, "no right reading"),
        ({"text": "x", "gold": "name[A"}, "not closed"),
        ({"text": "x", "expect": {"ok": True}}, "add the `mr`"),
        ({"text": "x", "mr": MR, "expect": {"mising": []}}, "did you mean 'missing'"),
        ({"text": "x", "mr": MR, "expect": {"ok": 3}}, "true or false"),
        ({"text": "x", "mr": MR, "expect": ["missing"]}, "must be an object"),
    ],
)
def test_a_bad_case_is_named_and_exits_with_3(
    tmp_path: Path, case: dict[str, object], message: str
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(case) + "\n" + json.dumps(CASES[0][0]) + "\n")
    result = lexicon("test", file)
    assert result.exit_code == 3
    assert "line 1" in result.stderr
    assert message in result.stderr


def test_a_mended_lexicon_passes_its_cases(mine: Path, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(case) + "\n" for case, _ in CASES[:4]))
    assert lexicon("test", file).exit_code == 4
    assert lexicon("add", "priceRange=cheap", WORDS).exit_code == 0
    assert lexicon("test", file, "--lexicon", mine).exit_code == 0
