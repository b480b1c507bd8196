"""Every committed table is made again from committed data and compared byte for byte.

Exceptions: the tables that only go to the terminal (``sampling``, ``clauses``, ``fluency``) need
models or outputs that are not committed; ``verified`` has its own test (``test_verified_table``).
"""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import experiments
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.io.resources import shipped_model
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import bundle_digest

FOLDER = Path(experiments.__file__).parent
RESULTS = FOLDER / "results"
FAITHFULNESS = (
    ("conseq", "conseq.toml", "conseq/table.md"),
    ("contrast", "contrast.toml", "contrast-noisy/table.md"),
    ("counterfactual", "counterfactual.toml", "counterfactual/table.md"),
    ("counterfactual", "counterfactual_noisy.toml", "counterfactual-noisy/table.md"),
    ("together", "together.toml", "together/table.md"),
    ("las", "las.toml", "las/table.md"),
    ("qa", "qa.toml", "qa/report.md"),
)
KEPT = (
    ("conseq", "conseq.toml", "conseq"),
    ("counterfactual", "counterfactual.toml", "counterfactual"),
    ("counterfactual", "counterfactual_noisy.toml", "counterfactual-noisy"),
    ("together", "together.toml", "together"),
)
"""Experiments whose statistics of each record are committed."""


def content(path: Path) -> dict[str, Any]:
    """A JSON file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


KEPT_LEXICON = "f3db51caff4b29b1b968e4456aff73a13a83d00d9b3cd7a20df5d6917c3e1863"
"""The restaurant lexicon with which the committed statistics were counted, ``lex:f3db``."""

KEPT_BUNDLE = "ca56d3b8738f840e489beb249094f727a91af23b5a526baeaea701ab3b0eef9e"
"""The shipped bundle that they were counted of; its network is today's, its other files are not."""


@pytest.fixture
def _with_the_kept_lexicon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lexicon and the bundle have grown since; kept statistics answer for those of then."""
    monkeypatch.setattr(SlotChecker, "lexicon_digest", KEPT_LEXICON)
    shipped = shipped_model()

    def digest(path: Path) -> str:
        same = path.is_dir() and path.resolve() == shipped.resolve()
        return KEPT_BUNDLE if same else bundle_digest(path)

    monkeypatch.setattr("experiments.faithfulness.together.bundle_digest", digest)


@pytest.mark.parametrize(("name", "toml", "table"), FAITHFULNESS)
def test_faithfulness(name: str, toml: str, table: str, tmp_path: Path) -> None:
    committed = RESULTS / "faithfulness" / table
    shutil.copytree(committed.parent, tmp_path / "out")
    (tmp_path / "out" / committed.name).unlink()
    command = import_module(f"experiments.faithfulness.{name}").COMMAND
    config = FOLDER / "faithfulness" / toml
    options = ["--config", str(config), "--report", "--out", str(tmp_path / "out")]
    assert command.main(options) == 0
    assert (tmp_path / "out" / committed.name).read_bytes() == committed.read_bytes()


@pytest.mark.usefixtures("_with_the_kept_lexicon")
@pytest.mark.parametrize(("name", "toml", "results"), KEPT)
def test_numbers_from_kept_statistics(name: str, toml: str, results: str, tmp_path: Path) -> None:
    """Every step answers today's identity, and the tests between the arms come out the same."""
    if name != "counterfactual":  # which counts no texts
        try:
            load_split("e2e_cleaned", "test", load_domain("restaurant"))
        except DataError:
            pytest.skip("the cleaned E2E corpus is not fetched")
    shutil.copytree(RESULTS / "faithfulness", tmp_path / "results")
    command = import_module(f"experiments.faithfulness.{name}").COMMAND
    out = tmp_path / "results" / results
    config = FOLDER / "faithfulness" / toml
    options = ["--config", str(config), "--only", "no step"]
    assert command.main([*options, "--out", str(out), "--runs", str(tmp_path / "runs")]) == 0
    committed = content(RESULTS / "faithfulness" / results / "results.json")
    assert content(out / "results.json")["metrics"] == committed["metrics"]


def test_conseq_identities(tmp_path: Path) -> None:
    """Needs no corpus: every kept step answers what is asked today."""
    from experiments.engine.command import Places
    from experiments.engine.steps import kept
    from experiments.faithfulness.conseq import COMMAND, Workspace, arm_file

    experiment = COMMAND.load(FOLDER / "faithfulness" / "conseq.toml")
    out = RESULTS / "faithfulness" / "conseq"
    space = Workspace(experiment, Places(out, tmp_path / "runs"))
    for arm in experiment.arms:
        for seed in experiment.seeds:
            assert kept(arm_file(out, arm, seed), space.identity(arm, seed)) is not None


@pytest.mark.usefixtures("_with_the_kept_lexicon")
def test_together_numbers(tmp_path: Path) -> None:
    """Needs no corpus: the kept rows are today's, and scores and differences come out the same."""
    from experiments.engine.command import Places
    from experiments.engine.steps import StepResult, kept
    from experiments.faithfulness.together import (
        COMMAND,
        Models,
        results_of,
        row_file,
    )

    experiment = COMMAND.load(FOLDER / "faithfulness" / "together.toml")
    out = RESULTS / "faithfulness" / "together"
    models = Models(experiment, Places(out, tmp_path / "runs" / "together"))
    domain = load_domain("restaurant").digest
    done: dict[str, dict[int, StepResult]] = {}
    for row in experiment.rows:
        for seed in models.seeds(row.model):
            identity = {**models.identity(row, seed), "domain": domain}
            step = kept(row_file(out, row, seed), identity)
            if step is None:
                assert not row_file(out, row, seed).is_file()
                continue
            done.setdefault(row.name, {})[seed] = step
    committed = content(out / "results.json")["metrics"]["rows"]
    assert json.loads(json.dumps(results_of(experiment, done))) == committed


def test_las_identities() -> None:
    from experiments.faithfulness.las import COMMAND, identity_of, scores_file

    experiment = COMMAND.load(FOLDER / "faithfulness" / "las.toml")
    out = RESULTS / "faithfulness" / "las"
    for system in experiment.systems:
        for target in experiment.targets:
            kept = content(scores_file(out, system, target))["identity"]
            assert kept == identity_of(system, experiment, kept["lexicon"])


def test_contrast_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.faithfulness import contrast

    experiment = contrast.COMMAND.load(FOLDER / "faithfulness" / "contrast.toml")
    monkeypatch.setattr(contrast, "existing_bundle", Path)
    out = RESULTS / "faithfulness" / "contrast-noisy"
    found = content(out / "results.json")["metrics"]
    for split, arms in (
        ("dev", experiment.arms()),
        ("test", experiment.reported_arms(experiment.chosen(found))),
    ):
        for arm in arms:
            kept = content(contrast.arm_file(out, arm, split))["identity"]
            monkeypatch.setattr(contrast, "bundle_digest", lambda _, k=kept: k["bundle_sha256"])
            assert kept == contrast.identity_of(arm, experiment, split, kept["judges"])


def test_blind() -> None:
    from experiments.engine.command import HERE, RUNS, Places
    from experiments.faithfulness.blind import FOLDER as folder
    from experiments.faithfulness.blind import report
    from experiments.faithfulness.conseq import ConseqExperiment

    experiment = ConseqExperiment.read(HERE / "conseq.toml")
    places = Places(RESULTS / "faithfulness" / "conseq", RUNS / "conseq")
    assert report(experiment, places, folder) == (folder / "table.md").read_text(encoding="utf-8")


def test_reproduction(tmp_path: Path) -> None:
    from experiments.reproduction.__main__ import main

    for name in ("reproduction", "strategies"):
        shutil.copytree(RESULTS / name, tmp_path / name)
    (tmp_path / "reproduction" / "table.md").unlink()
    out = tmp_path / "reproduction"
    assert main(["--report", "--out", str(out), "--runs", str(tmp_path / "runs")]) == 0
    assert (out / "table.md").read_bytes() == (RESULTS / "reproduction" / "table.md").read_bytes()
    here, there = (content(place / "results.json") for place in (out, RESULTS / "reproduction"))
    for part in ("rows", "missing", "claims", "targets"):
        assert here[part] == there[part]


@pytest.mark.parametrize("name", ["strategies", "shapes"])
def test_table(name: str) -> None:
    from experiments.table import TableConfig, markdown

    results = content(RESULTS / name / "results.json")
    table = TableConfig.model_validate(results["manifest"]["config"])
    text = markdown(table, results["rows"])
    assert text == (RESULTS / name / "table.md").read_text(encoding="utf-8")


def test_shapes_speed() -> None:
    from experiments.shapes.__main__ import markdown

    speed = content(RESULTS / "shapes" / "speed.json")
    text = markdown(speed["config"]["table"]["title"], speed["metrics"]["shapes"])
    assert text == (RESULTS / "shapes" / "speed.md").read_text(encoding="utf-8")


def test_bench() -> None:
    from experiments.bench.table import as_markdown, goals

    metrics = content(RESULTS / "bench" / "bench.json")["metrics"]
    assert goals(metrics["parts"]) == metrics["goals"]
    text = as_markdown(metrics)
    assert text == (RESULTS / "bench" / "table.md").read_text(encoding="utf-8")


def test_samples(tmp_path: Path) -> None:
    """Samples are drawn from outputs that are not here: the readings are all found in the file."""
    text = (FOLDER / "reproduction" / "samples.md").read_text(encoding="utf-8")
    lines = (FOLDER / "reproduction" / "readings.jsonl").read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    assert sum(f"{one['text']}\n   - MR `{one['id']}`" in text for one in read) >= 100
