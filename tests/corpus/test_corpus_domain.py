"""Commands that read a corpus take its domain, unless another is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from d2t.cli.main import build_app
from d2t.train.config.load import load_config

if TYPE_CHECKING:
    from pathlib import Path


def test_a_training_takes_the_domain_of_its_corpus(tmp_path: Path) -> None:
    assert load_config(flags={"data.corpus": "viggo"}).data.domain == "viggo"
    assert load_config(sets=["data.corpus=e2e_cleaned"]).data.domain == "restaurant"
    assert load_config().data.domain == "restaurant"
    file = tmp_path / "c.toml"
    file.write_text('[data]\ncorpus = "viggo"\ndomain = "restaurant"\n', encoding="utf-8")
    assert load_config(file).data.domain == "restaurant", "a named domain counts"


@pytest.mark.parametrize(
    "command",
    ["plan", "linearize", "train-lm", "train-parser", "train-fluency", "train-qa", "train-planner"],
)
def test_the_help_says_whose_domain_it_is(command: str) -> None:
    result = CliRunner().invoke(build_app(command), [command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    text = " ".join(result.stdout.replace("│", " ").split())
    assert "Default: the domain of the corpus" in text


def test_records_of_a_corpus_are_read_in_its_domain() -> None:
    line = "request(specifier[fun])\n"
    arguments = ["plan", "--planner", "display", "--corpus", "viggo"]
    result = CliRunner().invoke(build_app("plan"), arguments, input=line)
    assert result.exit_code == 0, result.stderr
    assert '"specifier": "fun"' in result.stdout
