"""The LAS experiment: its systems, people among them, its table, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from echo_bundle import save_random_bundle

from d2t.errors import ConfigError
from d2t.mr.domain import load_domain
from experiments.faithfulness import las
from experiments.faithfulness.judges import records_of
from experiments.faithfulness.las import LasExperiment

if TYPE_CHECKING:
    from d2t.score.records import EvaluationRecord

FOLDER = Path(las.__file__).parent
SMALL = """
title = "T"
results = "t"
corpus = "mini"
n_mrs = 8
folds = 2
systems = [
  {name = "people", label = "People", references = "mini"},
  {name = "model", label = "A model", bundle = "BUNDLE"},
  {name = "gone", label = "Gone", bundle = "nowhere/bundle"},
]
"""


@pytest.mark.parametrize("name", ["las.toml", "las_pilot.toml"])
def test_the_shipped_files_have_people_and_four_systems(name: str) -> None:
    experiment = LasExperiment.read(FOLDER / name)
    assert sum(system.bundle is not None for system in experiment.systems) >= 4
    assert any(system.references == experiment.corpus for system in experiment.systems)
    assert experiment.split == "dev"
    assert set(experiment.targets) == {"value", "verbalised"}


def test_a_system_is_a_bundle_or_people(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(SMALL.replace('references = "mini"', 'references = "mini", bundle = "b"'))
    with pytest.raises(ConfigError, match="either a bundle or references"):
        LasExperiment.read(path)
    path.write_text(SMALL.replace('"gone"', '"model"'))
    with pytest.raises(ConfigError, match="one name"):
        LasExperiment.read(path)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observers that learn next to nothing: the numbers are tested elsewhere."""
    monkeypatch.setattr("d2t.judges.observer.simulator._FEWEST_STEPS", 2)


def small(tmp_path: Path) -> LasExperiment:
    bundle = save_random_bundle(tmp_path / "bundle")
    path = tmp_path / "x.toml"
    path.write_text(SMALL.replace("BUNDLE", str(bundle)))
    return LasExperiment.read(path)


def test_people_say_one_text_an_mr_and_their_plan_is_an_order_of_it(tmp_path: Path) -> None:
    experiment, domain = small(tmp_path), load_domain("restaurant")

    def said_by_people() -> list[EvaluationRecord]:
        people, runs = experiment.systems[0], tmp_path / "runs"
        return records_of(people, "mini", "dev", domain, runs, n_mrs=experiment.n_mrs, seed=1)

    records = said_by_people()
    assert len(records) == 8
    for record in records:
        assert record.plan is not None
        assert sorted(record.plan.slots) == sorted(dict.fromkeys(record.mr.slots))
        assert record.plan.breaks is None
    assert records == said_by_people()


@pytest.mark.usefixtures("hasty")
def test_a_run_is_kept_and_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small(tmp_path)
    arguments = ["--config", str(tmp_path / "x.toml"), "--out", str(tmp_path / "out"),
                 "--runs", str(tmp_path / "runs")]  # fmt: skip
    assert las.main(arguments) == 1  # a model is not there
    assert "failed: gone: nowhere/bundle holds no bundle" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["metrics"]
    assert list(metrics) == ["people", "model"]
    value = metrics["model"]["value"]
    assert value["leaking"]["n"] + value["nonleaking"]["n"] == value["n_items"] > 8
    assert "y:verbalised|folds:2" in metrics["model"]["verbalised"]["signature"]
    assert set(metrics["people"]["value"]["by_slot"]) >= {"eatType", "food"}
    rows = (tmp_path / "out" / "table.md").read_text("utf-8").splitlines()
    assert sum(row.startswith("| People") for row in rows) == 2
    files = sorted((tmp_path / "out" / "systems").iterdir())
    assert len(files) == 4
    times = [file.stat().st_mtime_ns for file in files]
    assert las.main(arguments) == 1
    assert [file.stat().st_mtime_ns for file in files] == times
    (tmp_path / "bundle" / "d2t.json").unlink()  # on another machine, the model is not there
    arguments[-1] = str(tmp_path / "elsewhere")
    assert las.main(arguments) == 1
    again = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["metrics"]
    assert again == metrics
