from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from d2t.cli.main import app

MR = "name[Aromi], eatType[pub], area[riverside], near[The Rice Boat], food[Ethiopian]"

CORPUS = """mr,ref
"name[Aromi], eatType[pub], area[riverside]",Aromi is a pub by the riverside.
"name[Cotto], eatType[pub], food[French]",Cotto is a French pub.
"name[Cotto], near[Aromi], area[riverside]",Cotto is by the riverside near Aromi.
"name[The Mill], eatType[pub], area[riverside]",The Mill is a riverside pub.
"name[The Mill], eatType[pub], area[riverside]",The Mill is a riverside pub.
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("linearize") / "train.csv"
    path.write_text(CORPUS, encoding="utf-8")
    return str(path)


def run(*args: str, stdin: str = MR + "\n") -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, ["linearize", *args], input=stdin)
    return (
        result.exit_code,
        [json.loads(line) for line in result.stdout.splitlines()],
        result.stderr,
    )


@pytest.mark.parametrize("alias", ["at", "rnd", "if", "fp"])
def test_each_strategy_writes_every_slot(alias, corpus):
    code, (answer,), _ = run("--strategy", alias, "--corpus", corpus)
    assert code == 0
    assert sorted(answer["plan"]) == sorted(answer["mr"])
    assert answer["bindings"] == {
        "<val:name>": "Aromi", "<val:near>": "The Rice Boat", "<val:food>": "Ethiopian",
    }  # fmt: skip
    assert ("<absent>" in answer["source"]) == (alias == "fp")


def test_the_order_asked_for():
    code, (answer,), _ = run("--plan", "area,food,name,near,eatType")
    assert code == 0
    assert answer["plan"] == ["area", "food", "name", "near", "eatType"]
    assert answer["source"].startswith("<slot:area> riverside <slot:food> <val:food>")


def test_random_follows_the_seed(corpus):
    def order(seed: int) -> list[str]:
        _, (answer,), _ = run("--strategy", "rnd", "--corpus", corpus, "--seed", str(seed))
        return list(answer["plan"])

    orders = [order(seed) for seed in range(6)]
    assert len(set(map(tuple, orders))) > 2
    assert order(3) == orders[3]


def test_align_reads_the_order_from_the_text(corpus):
    record = {
        "id": "a",
        "mr": "name[Aromi], eatType[pub], area[riverside]",
        "ref": "By the riverside is a pub. It is Aromi.",
    }
    code, (answer,), _ = run("--align", "--corpus", corpus, stdin=json.dumps(record))
    assert code == 0
    assert answer["id"] == "a"
    assert answer["plan"] == ["area", "eatType", "|", "name"]


def test_bad_lines_are_answered_in_place_and_the_stream_goes_on(corpus):
    lines = ["name[Aromi]", "colour[red]", "name[Aromi", "name[Cotto]"]
    code, answers, stderr = run("--corpus", corpus, stdin="\n".join(lines))
    assert code == 3
    assert ["error" in answer for answer in answers] == [False, True, True, False]
    assert [answer["error"]["line"] for answer in answers[1:3]] == [2, 3]
    assert "2 bad lines" in stderr


@pytest.mark.parametrize(
    ("args", "stdin", "code", "says"),
    [
        (["--strategy", "alignmet"], MR, 2, "did you mean 'alignment'"),
        (["--corpus", "nowhere"], MR, 1, "nowhere"),
        (["--model", "x", "--strategy", "at"], MR, 2, "--model"),
        (["--model", "no-such-bundle"], MR, 1, "no-such-bundle"),
        (["no-such-file"], "", 1, "no-such-file"),
        (["--strict"], "colour[red]", 1, "unknown slot"),
        (["--align"], MR, 3, "1 bad line"),
    ],
)
def test_what_cannot_be_done_says_so(args, stdin, code, says):
    found, _, stderr = run(*args, stdin=stdin)
    assert found == code
    assert says in stderr
    assert "Traceback" not in stderr


def test_torch_is_never_imported():
    code = (
        "import sys; sys.argv = ['d2t', 'linearize', '--strategy', 'if']\n"
        "from d2t.cli.main import app\n"
        "try: app()\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], input=MR, text=True, check=True)
