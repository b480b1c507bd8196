"""Values that the domain does not list are accepted and flagged; domains without a lexicon work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from echo_bundle import echo_bundle
from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.generate.pipeline import ModelGenerator

if TYPE_CHECKING:
    from pathlib import Path

THAI = [{"slot": "food", "value": "Thai"}]

HOTEL = """
name = "hotel"
dialogue_acts = ["inform"]
default_dialogue_act = "inform"
[slots.name]
kind = "open"
[slots.stars]
kind = "ordinal"
values = ["three stars", "four stars"]
[slots.pool]
kind = "categorical"
values = ["indoor pool", "outdoor pool"]
"""


def test_check_flags_unseen_values() -> None:
    records = [
        {"mr": "name[Aromi], food[Thai]", "text": "Aromi serves Thai food."},
        {"mr": "name[Aromi], food[French]", "text": "Aromi serves French food."},
    ]
    lines = "\n".join(map(json.dumps, records))
    result = CliRunner().invoke(app, ["check"], input=lines)
    assert result.exit_code == 0
    unseen, listed = map(json.loads, result.stdout.splitlines())
    assert unseen["unseen"] == THAI
    assert unseen["missing"] == []
    assert listed["unseen"] == []


def test_generation_flags_unseen_values() -> None:
    bundle = echo_bundle()
    hypothesis = ModelGenerator(bundle).generate_one("name[Aromi], food[Thai]", "name,food")
    assert hypothesis.as_dict()["report"]["unseen"] == THAI


def test_linearize_keeps_what_a_domain_without_lexicon_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "domain.toml").write_text(HOTEL, encoding="utf-8")
    pairs = tmp_path / "pairs.csv"
    # A paraphrased value: correction would delete it, and a value never seen becomes a placeholder.
    rows = ['"name[Ritz], stars[four stars]","Ritz, a four-star house, is great."'] * 4
    rows += ['"name[Ritz], pool[indoor pool]","Ritz has an indoor pool."'] * 8
    pairs.write_text("mr,ref\n" + "\n".join(rows) + "\n", encoding="utf-8")
    command = ["linearize", "--strategy", "if", "--corpus", str(pairs), "--domain", str(tmp_path)]
    mr = "name[Ritz], pool[indoor pool], stars[four stars]"
    result = CliRunner().invoke(app, command, input=mr)
    assert result.exit_code == 0, result.stderr
    source = json.loads(result.stdout)["source"]
    assert "four stars" in source
    assert "<val:stars>" not in source
