"""The shipped experiment files parse; the table runner asks, collects and writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from d2t.errors import ConfigError
from d2t.train.config.load import load_config
from experiments.engine.table import spread
from experiments.table import SETTINGS, TableConfig, write_results

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda p: p.stem
)
def test_every_shipped_table_parses(path: Path) -> None:
    table = TableConfig.read(path)
    configs = [table.train_config(row) for row in table.rows]
    assert len({config.digest() for config in configs}) == len(configs), "two rows are the same"
    assert len({row.name for row in table.rows}) == len(table.rows)


def test_the_quickstart_configuration_parses() -> None:
    assert load_config(ROOT / "data" / "restaurant" / "quickstart.toml").strategy == "alignment"


def test_an_unknown_key_of_a_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(
        'title = "t"\nresults = "t"\n[train]\n[[rows]]\nname = "a"\nlabel = "A"\n'
        "train.train.epoch = 3\n"
    )
    with pytest.raises(ConfigError, match=r"row a: unknown key 'train.epoch'.*epochs"):
        TableConfig.read(path)


def shipped() -> TableConfig:
    raw = tomllib.loads((ROOT / "experiments" / "strategies.toml").read_text(encoding="utf-8"))
    return TableConfig.model_validate(raw)


RUN = {
    "data_sha256": {"train": "f00"},
    "git": {"sha": "0123456789abcdef", "dirty": False},
    "machine": {"processor": "a processor", "cores": 2},
    "metrics": {"best_step": 200, "dev_order": 99.0, "dev_ser": 0.1},
    "steps": 300,
    "train_wall_s": 120.0,
    "device": "cpu",
    "precision": "bf16",
    "seeds": [1],
}


def _metric(label: str, score: float) -> dict[str, object]:
    return {"label": label, "score": score, "low": score, "high": score, "signature": f"{label}|x"}


def test_the_table_holds_complete_rows_and_names_the_others(tmp_path: Path) -> None:
    table = shipped()
    done = table.rows[0]
    folder = tmp_path / done.name
    (folder / "training").mkdir(parents=True)
    (folder / "training" / "run.json").write_text(json.dumps(RUN))
    report = {
        "n_records": 2,
        "metrics": {
            "slot_error_rate": _metric("SER", 0.25),
            "order_accuracy": _metric("Order", 97.5),
        },
        "counts": {"missing": 1, "added": 2, "wrong": 3, "repeated": 4},
    }
    for setting in SETTINGS:
        scores = json.dumps({"report": report})
        (folder / f"scores-{setting}.json").write_text(scores)
    missing = write_results(table, tmp_path, tmp_path / "out", started=0.0)
    assert missing == [row.name for row in table.rows[1:]]
    markdown = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    row = f"| {done.label} | 0.25 [0.25, 0.25] | 97.5 [97.5, 97.5] | 1 | 2 | 3 | 4 |"
    assert markdown.count(row) == len(SETTINGS)
    assert f"| {done.label} | 1 | - | - | 0.25 | - | 97.50 | 97.50 | 0.25 | 97.50 |" in markdown
    assert "`SER|x`" in markdown
    assert f"| {done.label} | 1 | 300 | 200 | 2.0 | cpu, bf16 | 01234567 |" in markdown
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["rows"][done.name]["own"]["report"]["counts"]["wrong"] == 3
    assert results["manifest"]["data_sha256"] == {"train": "f00"}


def test_scores_of_several_seeds_are_a_mean_and_a_sample_deviation() -> None:
    assert spread([{"score": 1.0}, {"score": 3.0}]) == "2.00 ± 1.41"
    assert spread([{"score": 1.0}]) == "1.00"
    assert spread([None]) == "-"


def test_the_page_of_results_shows_the_committed_summary() -> None:
    table = (ROOT / "experiments" / "results" / "strategies" / "table.md").read_text("utf-8")
    summary = table.split("\n\n")[1]
    assert summary in (ROOT / "experiments" / "results" / "README.md").read_text(encoding="utf-8")
