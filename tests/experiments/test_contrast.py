"""The contrast experiment: its arms, its sets, what it counts, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import save_random_bundle

from d2t.errors import ConfigError
from d2t.mr.domain import load_domain
from experiments.engine.command import Places
from experiments.faithfulness import contrast
from experiments.faithfulness.contrast import ContrastExperiment, Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

SHIPPED = Path(contrast.__file__).with_name("contrast.toml")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


def config(bundle: Path, **changes: Any) -> ContrastExperiment:
    grid = {"contrasts": ["dropped", "wrong"], "betas": [0.5], "plausibilities": [0.1]}
    values = {
        "title": "Test", "bundle": str(bundle), "results": "test", "corpus": "mini", "split": "dev",
        "training": "mini", "pairs": [["eatType", "food"]], "n_mrs": 4, "max_length": 8,
        "beams": [2], "grids": {"some": grid},
    }  # fmt: skip
    return ContrastExperiment.model_validate({**values, **changes})


def test_the_shipped_file_is_read() -> None:
    experiment = ContrastExperiment.read(SHIPPED)
    assert experiment.parser is not None  # reranking and dynamic contrasts look at the checker
    assert (experiment.split, experiment.report) == ("dev", "test")
    arms = experiment.arms()
    names = [arm.name for arm in arms]
    assert names[0] == "greedy"
    assert len(set(names)) == len(names) > 30
    assert {"rerank2", "dropped-b0.5-a0-beam1", "wrong-dynamic-b0.5-a0.3-beam1"} <= set(names)
    assert dict(zip(names, (arm.passes for arm in arms), strict=True))["rerank2"] == "2"


def test_a_grid_is_every_combination() -> None:
    grid = Grid(
        contrasts=("null",), betas=(0.1, 0.2), plausibilities=(0.0, 0.3), dynamic=(False, True)
    )
    assert len(grid.arms()) == 8
    assert [arm.passes for arm in grid.arms()].count("2") == 4
    assert [arm.passes for arm in grid.arms() if not arm.eligible] == ["2+"] * 4


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(SHIPPED.read_text("utf-8").replace("pairs = ", "pears = "))
    with pytest.raises(ConfigError, match="pears"):
        ContrastExperiment.read(path)
    with pytest.raises(ConfigError):
        ContrastExperiment.read(tmp_path / "none.toml")


def test_the_shortcut_set_has_only_unseen_pairs(bundle: Path) -> None:
    from d2t.corpus.load import load_split

    experiment, domain = config(bundle, n_mrs=None, pairs=[["name", "food"]]), load_domain()
    sets = contrast.mr_sets(experiment, "dev", domain)
    seen = {
        (name, food)
        for example in load_split("mini", "train", domain)
        for name in example.mr.values("name")
        for food in example.mr.values("food")
    }
    shortcut = sets["unseen name with food"]
    assert len(sets["all"]) > len(shortcut) > 0
    for example in shortcut:
        [name], [food] = example.mr.values("name"), example.mr.values("food")
        assert (name, food) not in seen


def test_a_run_is_kept_and_gone_on_with(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    run_arm = contrast.run_arm

    def noted(arm: Any, *rest: Any, **options: Any) -> dict[str, Any]:
        made.append(arm.name)
        return run_arm(arm, *rest, **options)

    monkeypatch.setattr(contrast, "run_arm", noted)
    experiment = config(bundle)
    places = Places(tmp_path, tmp_path / "runs")
    first = contrast.run(experiment, places, only="greedy")
    assert (list(first), made) == (["greedy"], ["greedy"])
    found = contrast.run(experiment, places, only=None)
    names = ["greedy", "beam2", "rerank2", "dropped-b0.5-a0.1-beam1", "wrong-b0.5-a0.1-beam1"]
    assert (list(found), made) == (names, names)
    assert contrast.run(experiment, places, only=None) == found
    assert made == names
    assert found["greedy"]["all"]["n"] == 4
    greedy = found["greedy"]["all"]["against_greedy"]["missing"]
    assert (greedy["difference"], greedy["p"]) == (0, 1)
    rows = contrast.table(experiment, found).splitlines()
    assert rows[0] == "# Test"
    assert sum(row.startswith("| rerank2") for row in rows) == len(found["greedy"]) - 1


def test_what_dev_chose_and_the_sources_rule_say_the_test_mrs(bundle: Path, tmp_path: Path) -> None:
    grid = {"contrasts": ["dropped"], "betas": [0.25, 1.0], "plausibilities": [0.1]}
    experiment = config(bundle, grids={"some": grid}, pairs=[], report="test", n_mrs=3)
    found = contrast.run(experiment, Places(tmp_path, tmp_path / "runs"), only=None)
    reported = [name for name, scores in found.items() if "test: all" in scores]
    chosen = experiment.chosen(found)
    assert reported == ["greedy", "beam2", "rerank2", chosen, "dropped-b0.5-a0-beam1"]
    assert "all" not in found["dropped-b0.5-a0-beam1"]
    assert found["greedy"]["test: all"]["samples"] != found["greedy"]["all"]["samples"]
    said = contrast.table(experiment, found)
    assert f"Chosen on dev: `{chosen}`." in said
    assert "## test: all: 3 MRs" in said
    tests = found[chosen]["test: all"]["against"]
    assert tests["rerank2"]["missing"]["low"] <= tests["rerank2"]["missing"]["difference"]
    assert found["rerank2"]["test: all"]["against"] == {}
    assert "against" not in found[chosen]["all"]
    assert "rows" not in found[chosen]["test: all"]
    assert "### test: all: difference to a rival" in said


def test_differences_to_rivals() -> None:
    def arm(missing: list[int]) -> dict[str, Any]:
        rows = " ".join(f"{n}/4" for n in missing)
        return {"passes": "1", "all": {"n": 2, "rows": {"missing": rows, "parser missing": rows}}}

    found = contrast.with_tests({"rival": arm([1, 3]), "ours": arm([0, 2])}, ["rival"])
    assert found["rival"] == {"passes": "1", "all": {"n": 2, "against": {}}}
    [(name, tests)] = found["ours"]["all"]["against"].items()
    assert name == "rival"
    assert tests["missing"]["difference"] == tests["parser missing"]["difference"] == -25.0


def test_a_changed_judge_makes_an_arm_stale(bundle: Path) -> None:
    experiment = config(bundle)
    arm = experiment.arms()[0]
    one, other = (
        contrast.identity_of(arm, experiment, "dev", {"lexicon": digest, "parser": None})
        for digest in ("a", "b")
    )
    assert one != other


def test_the_command_writes_a_manifest_and_a_table(bundle: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "x.toml", tmp_path / "out"
    path.write_text(
        f'title = "T"\nbundle = "{bundle}"\nresults = "t"\ncorpus = "mini"\ntraining = "mini"\n'
        'pairs = [["eatType", "food"]]\nn_mrs = 2\nmax_length = 5\n'
        '[grids.x]\ncontrasts = ["null"]\n'
        "betas = [0.5]\nplausibilities = [0.1]\n"
    )
    arguments: Sequence[str] = ["--config", str(path), "--out", str(out), "--only", "greedy"]
    assert contrast.main(arguments) == 0
    manifest = json.loads((out / "results.json").read_text("utf-8"))
    assert list(manifest["metrics"]) == ["greedy"]
    assert "| greedy" in (out / "table.md").read_text("utf-8")
    assert contrast.main(["--config", str(tmp_path / "none.toml")]) == 2
