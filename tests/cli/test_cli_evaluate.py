"""`d2t evaluate` and `d2t compare`: stdout, stderr, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app

GOOD = "In the riverside area, Aromi is a coffee shop."
MR = "name[Aromi], eatType[coffee shop], area[riverside]"


def line(text=GOOD, **fields):
    record = {"mr": MR, "text": text, "plan": ["area", "name", "eatType"], **fields}
    return json.dumps({key: value for key, value in record.items() if value is not None})


@pytest.fixture
def write(tmp_path):
    def make(*lines, name="out.jsonl"):
        path = tmp_path / name
        path.write_text("".join(text + "\n" for text in lines), encoding="utf-8")
        return str(path)

    return make


def run(*arguments, input=None):
    return CliRunner().invoke(app, list(arguments), input=input, catch_exceptions=True)


def report(*arguments, **options):
    result = run(*arguments, "--json", **options)
    return result, json.loads(result.stdout)


@pytest.mark.parametrize(
    ("part", "there", "absent"),
    [
        ("slots", "slot_error_rate", "order_accuracy"),
        ("order", "order_accuracy", "slot_error_rate"),
        ("text", "bleu", "slot_error_rate"),
    ],
)
def test_each_command_gives_its_family(write, part, there, absent):
    result, data = report(
        "evaluate", part, write(line(references=[GOOD, "Aromi."]), line(ref=GOOD))
    )
    assert result.exit_code == 0, result.stderr
    assert there in data["metrics"]
    assert absent not in data["metrics"]


def test_all_gives_what_the_records_allow(write):
    result, data = report("evaluate", "all", write(line(), line(ref=GOOD), line(text="Aromi.")))
    assert result.exit_code == 0
    assert data["metrics"]["slot_error_rate"]["score"] == pytest.approx(100 * 2 / 9, abs=1e-3)
    assert data["metrics"]["order_accuracy"]["score"] == pytest.approx(100 * 2 / 3, abs=1e-3)
    assert data["metrics"]["bleu"]["n"] == 1
    assert data["metrics"]["slot_error_rate"]["signature"].startswith("SER|dom:restaurant@")


def test_table_on_stdout_from_standard_input():
    result = run("evaluate", "slots", "-", input=line() + "\n")
    assert result.exit_code == 0, result.stderr
    assert "| SER " in result.stdout
    assert "SER|dom:restaurant@" in result.stdout
    assert result.stderr == ""


def test_same_seed_same_report(write):
    path = write(*(line(text=GOOD if i % 3 else "Aromi.", id=str(i)) for i in range(9)))
    runs = [
        run("evaluate", "all", path, "--json", "--unit", "record", "--seed", s).stdout
        for s in "778"
    ]
    assert runs[0] == runs[1] != runs[2]


def test_csv_in(write):
    path = write("mr,text,ref", f'"{MR}","{GOOD}","{GOOD}"', name="out.csv")
    result, data = report("evaluate", "all", path)
    assert result.exit_code == 0, result.stderr
    assert data["metrics"]["bleu"]["score"] == 100.0


def test_bad_lines_are_listed_and_the_exit_code_is_3(write):
    path = write(line(), "{not json", line(mr="nam[x]"), line(text=None))
    result, data = report("evaluate", "slots", path)
    assert result.exit_code == 3
    assert (data["n_records"], data["n_bad"]) == (1, 3)
    assert [bad["line"] for bad in data["bad"]] == [2, 3, 4]
    assert "line 3 (id 2): unknown slot 'nam'" in result.stderr
    assert run("-q", "evaluate", "slots", path).stderr == ""
    assert run("evaluate", "slots", path, "--strict").exit_code == 1


def test_order_without_plans(write):
    result = run("evaluate", "order", write(line(plan=None)))
    assert result.exit_code == 1
    assert "no field 'plan'" in result.stderr
    mixed = run("evaluate", "order", write(line(plan=None), line()))
    assert mixed.exit_code == 3
    assert "line 1 (id 0): no field 'plan'" in mixed.stderr


def test_text_without_references(write):
    result = run("evaluate", "text", write(line()))
    assert result.exit_code == 1
    assert "--corpus" in result.stderr


def test_references_from_a_corpus_file(write, tmp_path):
    corpus = write("mr,ref", f'"area[riverside], {MR[:-17]}","{GOOD}"', name="corpus.csv")
    outputs = write(line(), line(mr="name[Zizzi]", plan=None))
    result, data = report("evaluate", "text", outputs, "--corpus", corpus)
    assert result.exit_code == 0, result.stderr
    assert data["metrics"]["bleu"] | {"n": 1, "score": 100.0} == data["metrics"]["bleu"]
    assert "1 of 2 records have no references" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--max-ser", "50"], 0),
        (["--max-ser", "1.0"], 4),
        (["--min-order", "50"], 0),
        (["--min-order", "99"], 4),
    ],
)
def test_gates(write, arguments, code):
    path = write(line(), line(text="Aromi is a coffee shop."))
    assert run("evaluate", "slots", path, *arguments).exit_code == code


def test_a_missed_gate_outweighs_bad_lines(write):
    assert run("evaluate", "slots", write(line(text=""), "{"), "--max-ser", "1").exit_code == 4


def test_a_gate_that_cannot_be_computed_is_no_pass(write):
    result = run("evaluate", "slots", write(line(plan=None)), "--min-order", "50")
    assert result.exit_code == 1
    assert "order_accuracy" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["evaluate", "slots"], 2, "give a FILE"),
        (["evaluate", "slots", "no-such-file.jsonl"], 1, "no-such-file.jsonl"),
        (["evaluate", "slots", "."], 1, ""),
        (["evaluate", "all", "--model", "somewhere"], 2, "--corpus"),
        (["evaluate", "all", "--max-ser", "high"], 2, "--max-ser"),
        (["compare", "no-such-a.jsonl", "no-such-b.jsonl"], 1, "no-such-a.jsonl"),
        (["evaluate", "slots", "-", "--domain", "restaurants"], 1, "did you mean 'restaurant'"),
    ],
)
def test_usage_and_file_errors_are_one_message(arguments, code, what):
    result = run(*arguments, input="")
    assert result.exit_code == code
    assert what in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_empty_file(write):
    result = run("evaluate", "all", write())
    assert result.exit_code == 1
    assert "no records" in result.stderr


class TestCompare:
    def test_side_by_side(self, write):
        first = write(*(line(id=str(i), ref=GOOD) for i in range(8)), name="a.jsonl")
        second = write(
            *(
                line(id=str(i), text="Aromi." if i % 2 else GOOD, ref=GOOD)
                for i in reversed(range(8))
            ),
            name="b.jsonl",
        )
        result = run("compare", first, second, "--n-pairs", "1")
        assert result.exit_code == 0, result.stderr
        assert "8 records, 4 with the same text" in result.stdout
        assert "missing eatType[coffee shop]; missing area[riverside]" in result.stdout
        _, data = report("compare", first, second, "--test", "randomization", "--unit", "record")
        row = data["metrics"]["slot_error_rate"]
        assert (row["score_a"], row["difference"]) == (0.0, pytest.approx(100 / 3, abs=1e-3))
        assert row["p_value"] < 0.2
        assert len(data["pairs"]) == 4

    def test_identical_files(self, write):
        path = write(*(line(id=str(i)) for i in range(4)))
        result, data = report("compare", path, path)
        assert result.exit_code == 0
        assert {row["p_value"] for row in data["metrics"].values()} == {1.0}
        assert data["pairs"] == []

    def test_different_inputs_are_refused(self, write):
        first, second = (
            write(line(), name="a.jsonl"),
            write(line(mr="name[Zizzi]", plan=None), name="b.jsonl"),
        )
        result = run("compare", first, second)
        assert result.exit_code == 1
        assert "different MRs" in result.stderr

    def test_records_without_a_partner_and_bad_lines_give_exit_code_3(self, write):
        first = write(line(id="x"), line(id="y"), name="a.jsonl")
        second = write(line(id="x"), "{", name="b.jsonl")
        result, data = report("compare", first, second)
        assert result.exit_code == 3
        assert (data["n_bad"], data["n_unmatched"], data["n_records"]) == (1, 1, 1)
        assert "in one file only" in result.stderr


@pytest.fixture(scope="module")
def bundle():
    from echo_bundle import echo_bundle

    return echo_bundle()


class TestModel:
    @pytest.fixture(autouse=True)
    def echo(self, monkeypatch, bundle):
        import d2t.generate.load
        from d2t.generate.pipeline import ModelGenerator

        def load(path, *, engine, device, threads, lexicon, **settings):
            return ModelGenerator(bundle, **settings)

        monkeypatch.setattr(d2t.generate.load, "load", load)

    @pytest.fixture
    def corpus(self, write):
        mrs = (
            "name[Aromi], eatType[coffee shop], food[Italian], area[riverside]",
            "name[Cotto], eatType[restaurant], priceRange[moderate], near[The Portland Arms]",
        )
        refs = ("Aromi is an Italian coffee shop by the river.", "Cotto is near The Portland Arms.")
        rows = [f'"{mr}","{ref}"' for mr, ref in zip(mrs, refs, strict=True)]
        return write("mr,ref", *rows, name="corpus.csv")

    @pytest.mark.parametrize(
        ("plans", "n"), [("own", 2), ("display", 2), ("random", 8), ("oracle", 2)]
    )
    def test_generates_then_scores(self, corpus, tmp_path, plans, n):
        saved = tmp_path / "saved.jsonl"
        result, data = report(
            "evaluate", "all", "--model", "bundle", "--corpus", corpus, "--plans", plans,
            "--n-permutations", "4", "--save", str(saved), "--device", "cpu",
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
        assert (data["n_records"], data["n_mrs"], data["n_plans"]) == (n, 2, n)
        assert data["metrics"]["bleu"]["n"] == n
        again, from_file = report("evaluate", "all", str(saved))
        assert again.exit_code == 0, again.stderr
        assert from_file["metrics"] == data["metrics"]

    def test_another_lexicon_can_do_the_scoring(self, corpus, tmp_path):
        (tmp_path / "domain.toml").write_text(
            'name = "plain"\n[slots.name]\nkind = "open"\n[slots.eatType]\nkind = "open"\n'
            '[slots.food]\nkind = "open"\n[slots.area]\nkind = "open"\n[slots.priceRange]\n'
            'kind = "open"\n[slots.near]\nkind = "open"\n',
            encoding="utf-8",
        )
        result, data = report(
            "evaluate", "slots", "--model", "bundle", "--corpus", corpus, "--device", "cpu",
            "--domain", str(tmp_path),
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
        assert data["metrics"]["slot_error_rate"]["signature"].startswith("SER|dom:plain@")

    def test_limit_counts_mrs(self, corpus):
        result, data = report(
            "evaluate", "slots", "--model", "bundle", "--corpus", corpus, "--plans", "random",
            "--limit", "1", "--device", "cpu",
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
        assert (data["n_records"], data["n_mrs"]) == (3, 1)


@pytest.mark.parametrize("command", [["evaluate"], ["evaluate", "all"], ["compare"]])
def test_help_ends_with_an_example_where_there_is_one(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    if command != ["evaluate"]:
        assert "Example:" in result.stdout


def test_scoring_a_file_never_imports_torch(write):
    code = (
        "import sys; from typer.testing import CliRunner; from d2t.cli.main import app;"
        f"r = CliRunner().invoke(app, ['evaluate', 'all', {write(line(ref=GOOD))!r}]);"
        "assert r.exit_code == 0, r.output;"
        "heavy = {'torch', 'transformers', 'nltk', 'scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
