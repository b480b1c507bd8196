"""``d2t data``: stdout is data, stderr is talk, exit codes as in the house rules."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from d2t.cli.main import app
from d2t.corpus.mini.grammar import mini_folder

if TYPE_CHECKING:
    from pathlib import Path

runner = CliRunner()


def d2t(*args: object) -> Result:
    return runner.invoke(app, ["data", *map(str, args)])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("D2T_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(
        'mr,ref\n"name[Aromi], eatType[pub]",Aromi is a cheap pub.\n'
        "name[Zizzi],Zizzi is by the river.\n",
        encoding="utf-8",
    )
    return path


def test_list_and_info() -> None:
    result = d2t("list", "--json")
    names = {entry["name"]: entry["here"] for entry in json.loads(result.stdout)}
    assert names["mini"] is True
    assert names["e2e_cleaned"] is False
    assert "not fetched" in d2t("list").stdout
    report = json.loads(d2t("info", "e2e_cleaned", "--json").stdout)
    assert report["licence"] == "CC BY-SA 4.0"
    assert report["splits"]["dev"]["url"].startswith("https://")
    assert "fetch it with: d2t data fetch viggo" in d2t("info", "viggo").stdout


def test_unknown_corpus_is_a_failure_with_a_hint() -> None:
    result = d2t("info", "e2e_clean")
    assert result.exit_code == 1
    assert "did you mean 'e2e' or 'e2e_cleaned'?" in result.stderr
    assert result.stdout == ""


def test_fetch_from_a_wrong_copy_leaves_nothing(tmp_path: Path, home: Path) -> None:
    (tmp_path / "copy" / "viggo").mkdir(parents=True)
    (tmp_path / "copy" / "viggo" / "train.csv").write_text("mr,ref\n")
    result = d2t("fetch", "viggo", "--from", tmp_path / "copy")
    assert result.exit_code == 1
    assert "not the expected file" in result.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_fetch_of_the_embedded_corpus_is_a_usage_error() -> None:
    result = d2t("fetch", "mini")
    assert result.exit_code == 2
    assert "ships with d2t" in result.stderr


def test_stats(corpus: Path) -> None:
    report = json.loads(d2t("stats", corpus, "--json").stdout)
    assert report["examples"] == 2
    assert report["alignment"]["mrs_changed"] == 100.0
    assert "alignment" not in json.loads(d2t("stats", corpus, "--no-align", "--json").stdout)
    plain = d2t("stats", "mini", "--split", "test", "--limit", 50)
    assert plain.exit_code == 0
    assert "order entropy" in plain.stdout
    missing = d2t("stats", "e2e")
    assert missing.exit_code == 1
    assert "d2t data fetch e2e" in missing.stderr


def test_validate(corpus: Path) -> None:
    good = d2t("validate", corpus)
    assert (good.exit_code, good.stdout) == (0, "")
    assert "2 records, 0 bad" in good.stderr
    with corpus.open("a", encoding="utf-8") as stream:
        stream.write("naem[X],X.\nfood[Thai],Thai food.\n")
    bad = d2t("validate", corpus)
    assert bad.exit_code == 3
    objects = [json.loads(line) for line in bad.stdout.splitlines()]
    assert [(o["line"], o["severity"], o["code"]) for o in objects] == [
        (4, "error", "unknown_slot"),
        (5, "warning", "unseen_value"),
    ]
    summary = json.loads(d2t("validate", corpus, "--json").stdout)
    assert (summary["records"], summary["bad_records"]) == (4, 1)


def test_validate_can_make_warnings_count(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mr,ref\nfood[Thai],Thai food.\n")
    assert d2t("validate", path).exit_code == 0
    assert d2t("validate", path, "--warnings-as-errors").exit_code == 3


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_validate_of_no_file(tmp_path: Path, name: str) -> None:
    result = d2t("validate", tmp_path / name)
    assert result.exit_code == 1
    assert result.stderr.startswith("d2t: error: ")


def test_correct_writes_what_the_text_says(corpus: Path, tmp_path: Path) -> None:
    result = d2t("correct", corpus, "--split", "dev")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["mr"] == {"name": "Aromi", "eatType": "pub", "priceRange": "cheap"}
    assert first["plan"] == ["name[Aromi]", "priceRange[cheap]", "eatType[pub]"]
    assert second["mr"] == {"name": "Zizzi", "area": "riverside"}
    assert "2 MRs changed" in result.stderr
    out = tmp_path / "new" / "c.csv"
    assert d2t("correct", corpus, "-o", out).exit_code == 0
    assert out.read_text(encoding="utf-8").splitlines()[0] == "mr,ref"


def test_correct_then_removes_overlap(corpus: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held.csv"
    held_out.write_text('mr,ref\n"area[riverside], name[Zizzi]",x\n')
    result = d2t("correct", corpus, "--remove-overlap", held_out)
    assert [json.loads(line)["mr"]["name"] for line in result.stdout.splitlines()] == ["Aromi"]
    assert "1 overlap" in result.stderr


def test_correct_refuses_test_sets_by_name_split_and_bytes(corpus: Path, tmp_path: Path) -> None:
    disguised = tmp_path / "train.csv"
    disguised.write_bytes((mini_folder() / "test.csv").read_bytes())
    for args in (("mini", "--split", "test"), (corpus, "--split", "test"), (disguised,)):
        result = d2t("correct", *args, "-o", tmp_path / "out.jsonl")
        assert result.exit_code == 2
        assert "never changed" in result.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_correct_refuses_a_domain_whose_texts_cannot_be_read(tmp_path: Path) -> None:
    domain = tmp_path / "toy"
    domain.mkdir()
    (domain / "domain.toml").write_text('name = "toy"\n[slots.name]\nkind = "open"\n')
    path = tmp_path / "x.csv"
    path.write_text("mr,ref\nname[A],A.\n")
    result = d2t("correct", path, "--domain", domain)
    assert result.exit_code == 1
    assert "lexicon.toml" in result.stderr


def test_convert_there_and_back(corpus: Path, tmp_path: Path) -> None:
    jsonl, again = tmp_path / "x.jsonl", tmp_path / "y.csv"
    assert d2t("convert", corpus, "-o", jsonl).exit_code == 0
    assert d2t("convert", jsonl, "-o", again).exit_code == 0
    assert again.read_text(encoding="utf-8") == corpus.read_text(encoding="utf-8")
    viggo = d2t("convert", corpus, "--to", "csv", "--mr-form", "viggo").stdout
    assert '"inform(name[Aromi], eatType[pub])"' in viggo


def test_convert_to_a_saved_dataset_and_back(corpus: Path, tmp_path: Path) -> None:
    folder, again = tmp_path / "own", tmp_path / "y.csv"
    made = d2t("convert", corpus, "--to", "hf", "--split", "dev", "-o", folder)
    assert (made.exit_code, made.stderr) == (0, "2 examples written\n")
    assert d2t("convert", folder, "-o", again).exit_code == 0
    assert again.read_text(encoding="utf-8") == corpus.read_text(encoding="utf-8")
    assert "2 records, 0 bad" in d2t("validate", folder).stderr
    report = json.loads(d2t("stats", folder, "--split", "dev", "--json").stdout)
    assert report["examples"] == 2
    missing = d2t("stats", folder)
    assert (missing.exit_code, "it has dev" in missing.stderr) == (1, True)


def test_a_dataset_has_all_splits_of_a_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    assert "2400 examples" in d2t("convert", "mini", "--to", "hf", "-o", folder).stderr
    given, made = (
        json.loads(d2t("stats", source, "--split", "test", "--json").stdout)
        for source in ("mini", folder)
    )
    assert {**made, "corpus": "mini", "input": given["input"]} == given
    for command in ("convert", "validate"):
        result = d2t(command, folder)
        assert result.exit_code == 2
        assert "train, dev, test; choose one with --split" in result.stderr
    nowhere = d2t("convert", "mini", "--to", "hf")
    assert (nowhere.exit_code, "--out FOLDER" in nowhere.stderr) == (2, True)


def test_convert_leaves_bad_lines_out_and_says_so(corpus: Path, tmp_path: Path) -> None:
    with corpus.open("a", encoding="utf-8") as stream:
        stream.write("name[,X.\n")
    result = d2t("convert", corpus)
    assert result.exit_code == 3
    assert len(result.stdout.splitlines()) == 2
    assert "line 4" in result.stderr
    strict = d2t("convert", corpus, "--strict", "-o", tmp_path / "z.jsonl")
    assert strict.exit_code == 1
    assert not (tmp_path / "z.jsonl").exists()


def test_make_mini_writes_the_shipped_bytes(tmp_path: Path) -> None:
    assert d2t("make-mini", "--out", tmp_path / "m").exit_code == 0
    for name in ("train.csv", "dev.csv", "test.csv"):
        assert (tmp_path / "m" / name).read_bytes() == (mini_folder() / name).read_bytes()
    assert d2t("make-mini", "--out", tmp_path / "m", "--seed", 3).exit_code == 0
    assert (tmp_path / "m" / "dev.csv").read_bytes() != (mini_folder() / "dev.csv").read_bytes()


def test_every_help_ends_with_an_example() -> None:
    commands = ["list", "info", "fetch", "stats", "validate", "correct", "convert", "make-mini"]
    assert commands
    for command in commands:
        assert "Example:" in d2t(command, "--help").stdout, command


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; sys.argv = ['d2t', 'data', 'stats', 'mini', '--split', 'dev', '--json'];"
        "from d2t.cli.main import app; app(standalone_mode=False);"
        "print('torch' in sys.modules, 'datasets' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.split()[-2:] == ["False", "False"], done.stderr


@pytest.mark.parametrize("command", ["convert", "correct"])
def test_the_input_is_not_written_over(corpus: Path, command: str) -> None:
    before = corpus.read_bytes()
    result = d2t(command, corpus, "--out", corpus)
    assert result.exit_code == 2
    assert "is also the input file" in result.stderr
    assert corpus.read_bytes() == before


def test_half_a_surrogate_pair_in_a_text_is_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(
        r'{"mr": "name[Aromi]", "text": "Aromi \ud83d."}' '\n{"mr": "name[A]", "text": "A."}\n'
    )
    result = d2t("convert", path, "--out", tmp_path / "s.csv")
    assert result.exit_code == 3
    assert "line 1" in result.stderr
    assert "half of a surrogate pair (U+D83D) in the text" in result.stderr
    assert '"code": "lone_surrogate"' in d2t("validate", path).stdout
