"""The reproduction from nothing to its table: two tiny systems on the embedded corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from experiments.reproduction.__main__ import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]

TINY = """
title = "Tiny"
results = "tiny"
limit = 6
[settings.own]
title = "own"
plans = "own"
stages = ["greedy", "beam"]
text = true
[settings.random]
title = "random"
plans = "random"
permutations = 3
[settings.random-sentences]
title = "random with sentences"
plans = "random_sentences"
alignment_only = true
[train]
[train.data]
corpus = "mini"
limit = 300
[train.model]
architecture = "transformer"
encoder_layers = 1
decoder_layers = 1
width = 32
ffn = 64
heads = 2
[train.train]
max_steps = 20
[train.select]
n_mrs = 5
n_pairs = 20
[claims]
control = ["AT + phrases", "RND"]
[samples]
rows = ["at-phrases"]
setting = "random"
n = 5
[phrases]
limit = 200
[[rows]]
name = "rnd"
label = "RND"
priority = 2
train.strategy = "random"
[[rows]]
name = "at-phrases"
label = "AT + phrases"
priority = 1
recipe = "phrases"
"""


def test_two_rows_from_nothing_to_the_table_and_a_session_without_runs_skips_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    table = tmp_path / "table.toml"
    table.write_text(TINY, encoding="utf-8")
    runs, out = tmp_path / "runs", tmp_path / "results" / "tiny"
    where = [str(table), "--runs", str(runs), "--out", str(out)]
    assert main([*where, "--jobs", "2", "--threads", "1"]) == 0, capsys.readouterr().err
    text = (out / "table.md").read_text(encoding="utf-8")
    assert "| AT + phrases | beam |" in text
    assert "| RND | reranked |" in text
    assert "Not done yet" not in text
    control = next(line for line in text.splitlines() if "controls order" in line)
    assert "Not scored yet" not in control
    assert (out / "samples.md").read_text(encoding="utf-8").startswith("# 5 outputs for random")
    scores = json.loads((out / "rows" / "at-phrases.json").read_text(encoding="utf-8"))
    assert sorted(scores["scores"]) == [
        "mini/own/beam", "mini/own/greedy", "mini/own/reranked", "mini/random-sentences/greedy",
        "mini/random/greedy",
    ]  # fmt: skip
    assert scores["training"]["adopted"] is False
    shutil.rmtree(runs)
    assert main([*where, "--list"]) == 0
    assert "0 jobs" in capsys.readouterr().err
