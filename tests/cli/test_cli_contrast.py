"""`d2t generate --contrast`: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import save_random_bundle
from typer.testing import CliRunner

from d2t.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

MRS = "name[Aromi], eatType[pub], food[Italian]\nname[Zizzi], food[Chinese], area[riverside]\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


def run(model: Path, *args: str, stdin: str = MRS) -> Result:
    return CliRunner().invoke(app, ["generate", "--model", str(model), *args], input=stdin)


def texts(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["text"] for line in result.stdout.splitlines()]


def test_each_contrast_says_something_else(model: Path) -> None:
    plain = texts(run(model, "--verify", "off"))
    for contrast in ("dropped", "wrong", "null"):
        found = texts(
            run(model, "--verify", "off", "--contrast", contrast, "--contrast-beta", "0.9")
        )
        assert len(found) == 2
        assert found != plain


def test_without_weight_and_mask_nothing_changes(model: Path) -> None:
    settings = ("--contrast", "wrong", "--contrast-beta", "0", "--plausibility", "0")
    assert run(model, *settings).stdout == run(model).stdout


@pytest.mark.parametrize("verify", ["strict", "rerank", "off"])
def test_composes_with_verification(model: Path, verify: str) -> None:
    result = run(model, "--contrast", "dropped", "--contrast-dynamic", "--verify", verify)
    assert len(texts(result)) == 2


def test_beams_plans_and_bad_lines(model: Path) -> None:
    result = run(
        model, "--contrast", "null", "--beam-size", "3", "--plan", "food,...", "--verify", "off",
        stdin=MRS + "name[\n",
    )  # fmt: skip
    assert result.exit_code == 3
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in line for line in found] == [False, False, True]
    assert found[0]["plan"][0] == "food"


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--contrast", "wronk"], "wronk"),
        (["--contrast-beta", "0.5"], "--contrast dropped"),
        (["--plausibility", "0.5"], "--contrast dropped"),
        (["--contrast-dynamic"], "--contrast dropped"),
        (["--contrast", "null", "--contrast-beta", "-1"], "--contrast-beta"),
        (["--contrast", "null", "--contrast-beta", "nan"], "beta"),
        (["--contrast", "null", "--plausibility", "1.5"], "--plausibility"),
    ],
)
def test_bad_settings(model: Path, args: list[str], word: str) -> None:
    result = run(model, *args)
    assert result.exit_code == 2
    assert word in result.stderr
    assert not result.stdout


def test_ctranslate2_cannot_contrast() -> None:
    command = ["generate", "--engine", "ctranslate2", "--contrast", "dropped"]
    result = CliRunner().invoke(app, command, input=MRS)
    assert result.exit_code == 2
    assert "use --engine torch" in result.stderr


def test_auto_takes_torch_for_a_contrast() -> None:
    """The model that ships has a CTranslate2 export, which `auto` would take."""
    command = ["generate", "--contrast", "wrong", "--verify", "off"]
    result = CliRunner().invoke(app, command, input=MRS)
    assert "Aromi" in texts(result)[0]


def test_a_contrast_is_part_of_what_is_resumed(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.with_name("out.jsonl.partial").write_text("")
    out.with_name("out.jsonl.partial.run.json").write_text("{}")
    resumed = ("--output", str(out), "--resume")
    assert "contrast =" not in run(model, *resumed).stderr
    refused = run(model, *resumed, "--contrast", "wrong")
    assert refused.exit_code == 2
    assert "contrast = None" in refused.stderr
