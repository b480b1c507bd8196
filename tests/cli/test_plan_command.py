from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import save_random_bundle
from typer.testing import CliRunner

from d2t.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

MR = "name[Aromi], eatType[pub], area[riverside], food[Ethiopian]"
CORPUS = """mr,ref
"name[Aromi], eatType[pub], area[riverside]",Aromi is a pub by the riverside.
"name[Cotto], eatType[pub], food[French]",Cotto is a French pub.
"name[Cotto], near[Aromi], area[riverside]",Cotto is by the riverside near Aromi.
"name[The Mill], eatType[pub], area[riverside]",A riverside pub. It is The Mill.
"""


def run(*args: str, stdin: str = MR + "\n") -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, [*args], input=stdin)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.exit_code, lines, result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A planner of 400 embedded pairs, trained for a moment."""
    path = tmp_path_factory.mktemp("planner") / "planner"
    args = ["--limit", "400", "--epochs", "1", "--width", "8", "--out", str(path)]
    result = CliRunner().invoke(app, ["train-planner", *args])
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{path}\n"
    assert "epoch 1:" in result.stderr
    return str(path)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("corpus") / "train.csv"
    path.write_text(CORPUS, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return save_random_bundle(tmp_path_factory.mktemp("bundle") / "b")


@pytest.mark.parametrize("planner", ["bigram", "random", "display"])
def test_each_planner_orders_every_slot(planner, corpus):
    args = ["plan", "--planner", planner, "--corpus", corpus]
    code, (answer,), _ = run(*args)
    assert code == 0
    assert sorted(answer["plan"]) == sorted(answer["mr"])
    assert answer["breaks"] is None
    assert run(*args)[1] == [answer]


def test_without_options_the_shipped_model_s_planner_plans():
    code, (answer,), stderr = run("plan")
    assert (code, stderr) == (0, "")
    assert sorted(answer["plan"]) == sorted(answer["mr"])
    assert run("plan", "--planner", "neural")[1] == [answer]
    assert run("plan", "--sentences", "--first", "area")[1][0]["breaks"] is not None


def test_another_domain_has_no_shipped_planner():
    line = "inform(name[Crysis], genres[shooter])\n"
    code, _, stderr = run("plan", "--domain", "viggo", "--planner", "neural", stdin=line)
    assert code == 2
    assert "train-planner" in stderr
    assert run("plan", "--domain", "viggo", "--planner", "display", stdin=line)[0] == 0


def test_a_trained_planner_plans_sentences_too(folder):
    code, (answer,), _ = run("plan", "--planner", folder)
    assert (code, answer["breaks"]) == (0, None)
    code, (answer,), _ = run("plan", "--planner", folder, "--sentences")
    slots = [entry for entry in answer["plan"] if entry != "|"]
    assert sorted(slots) == sorted(answer["mr"])
    assert len(answer["breaks"]) == answer["plan"].count("|") or answer["plan"][-1] == "|"


def test_the_beginning_of_a_plan_is_kept(folder):
    for planner in ("display", folder):
        _, (answer,), _ = run("plan", "--planner", planner, "--first", "area")
        assert answer["plan"][0] == "area"
        _, (answer,), _ = run("plan", "--planner", planner, "--plan", "food,area | ...")
        assert answer["plan"][:3] == ["food", "area", "|"]
        assert answer["breaks"][0] == 2


def test_a_record_s_own_plan_goes_first():
    record = json.dumps({"id": "x", "mr": MR, "plan": "food,..."})
    _, (answer,), _ = run("plan", "--planner", "display", "--first", "area", stdin=record + "\n")
    assert (answer["id"], answer["plan"][0]) == ("x", "food")


def test_a_prefix_that_one_record_lacks_is_its_error():
    lines = f"{MR}\n{MR}, near[Cotto]\n"
    code, answers, stderr = run("plan", "--planner", "random", "--first", "near", stdin=lines)
    assert code == 3
    assert answers[0]["error"]["code"] == "plan_mismatch"
    assert "near" in answers[0]["error"]["message"]
    assert answers[1]["plan"][0] == "near"
    assert "1 bad line" in stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--first", "area", "--plan", "food,...", "--planner", "random"], "one of the two"),
        (["--first", "colour", "--planner", "random"], "--first: unknown slot 'colour'"),
        (["--planner", "bigrams"], "expected one of bigram"),
        (["--planner", "neural", "--corpus", "mini"], "train-planner"),
        (["--sentences", "--planner", "random"], "does not plan sentences"),
        (["--model", "x", "--corpus", "mini"], "leave out --corpus"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(args, words):
    code, answers, stderr = run("plan", *args)
    assert (code, answers) == (2, [])
    assert words in stderr


def test_random_plans_differ_by_seed_and_record():
    lines = "\n".join([MR] * 6) + "\n"
    plans = [answer["plan"] for answer in run("plan", "--planner", "random", stdin=lines)[1]]
    assert len({tuple(plan) for plan in plans}) > 1
    other = run("plan", "--planner", "random", "--seed", "1", stdin=lines)[1]
    assert plans != [answer["plan"] for answer in other]


def test_a_bundle_plans_with_its_tables_and_then_with_what_is_put_into_it(bundle, folder):
    _, (before,), _ = run("plan", "--model", str(bundle))
    assert run("plan", "--model", str(bundle), "--planner", "bigram")[1] == [before]
    code, _, stderr = run("plan", "--model", str(bundle), "--planner", "neural")
    assert code == 2
    assert "--into" in stderr
    args = ["--limit", "200", "--epochs", "1", "--width", "8", "--into", str(bundle)]
    assert run("train-planner", *args)[0] == 0
    assert (
        "planner          neural, bigram" in CliRunner().invoke(app, ["info", str(bundle)]).stdout
    )
    for planner in ("neural", "bigram", str(bundle)):
        assert run("plan", "--model", str(bundle), "--planner", planner)[0] == 0
    code, (answer,), _ = run(
        "generate", "--model", str(bundle), "--first", "food", "--sentences", "--device", "cpu"
    )
    assert code == 0
    assert answer["plan"][0] == "food"
    assert "|" in answer["plan"]
    _, (answer,), _ = run(
        "generate", "--model", str(bundle), "--planner", "random", "--plan", "area,food,..."
    )
    assert answer["plan"][:2] == ["area", "food"]
    code, _, stderr = run("generate", "--model", str(bundle), "--planner", "bigrams")
    assert code == 2
    assert "expected one of" in stderr


def test_planners_are_compared_with_the_references(folder):
    args = ["--limit", "20", "--n-resamples", "20", "--json"]
    planners = ["--planner", "oracle", "--planner", folder, "--planner", "random"]
    result = CliRunner().invoke(app, ["evaluate", "plans", *args, *planners])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["n_mrs"], report["split"]) == (20, "dev")
    oracle, neural, random = (item["scores"] for item in report["planners"])
    assert oracle["kendall_tau"]["score"] > random["kendall_tau"]["score"]
    assert "exact_sentence_plan" in oracle
    assert "exact_sentence_plan" in neural
    assert "exact_sentence_plan" not in random
    table = CliRunner().invoke(
        app, ["evaluate", "plans", "--limit", "5", "--planner", "display", "--n-resamples", "5"]
    )
    assert "| display |" in table.stdout
    assert "plans|dom:restaurant@" in table.stdout


def test_no_planner_is_fitted_on_what_it_is_compared_with(tmp_path: Path):
    texts = tmp_path / "texts.csv"
    texts.write_text('mr,ref\n"name[Aromi], eatType[pub]",Aromi is a pub.\n')
    command = ["evaluate", "plans", "--corpus", str(texts), "--n-resamples", "5"]
    refused = CliRunner().invoke(app, [*command, "--planner", "bigram"])
    assert refused.exit_code == 2
    assert "--model BUNDLE" in refused.stderr
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert "| oracle " in result.stdout
    assert "| bigram " not in result.stdout


def test_train_planner_refuses_what_it_would_regret(tmp_path: Path, folder):
    (tmp_path / "notes.txt").write_text("mine")
    code, _, stderr = run("train-planner", "--out", str(tmp_path))
    assert code == 1
    assert "not overwritten" in stderr
    assert run("train-planner", "--out", "a", "--into", "b")[0] == 2
    assert run("train-planner", "--train", "a.csv")[0] == 2


def test_planning_needs_no_torch(folder):
    script = (
        "import sys; sys.argv = ['d2t', 'plan', '--planner', sys.argv[1]]\n"
        "from d2t.cli.main import app\n"
        "app(standalone_mode=False)\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, folder], input=MR, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["plan"]
    assert done.stderr.strip().endswith("False")
