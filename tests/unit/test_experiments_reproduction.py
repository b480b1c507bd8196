"""The reproduction: what builds on what, what is skipped, what survives, what the report says."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from d2t.errors import ConfigError
from experiments.reproduction.config import Row, Stage, Table, load_table
from experiments.reproduction.jobs import Job, open_jobs, run_jobs
from experiments.reproduction.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "experiments" / "reproduction" / "table.toml"

SMALL = """
title = "t"
results = "t"
[settings.own]
title = "own"
plans = "own"
stages = ["greedy", "beam"]
[settings.neural]
title = "neural"
plans = "planner"
alignment_only = true
[train]
seed = 1
[[rows]]
name = "late"
label = "Late"
priority = 9
stages = ["greedy"]
train.strategy = "random"
[[rows]]
name = "base"
label = "Base"
priority = 5
[[rows]]
name = "st"
label = "ST"
priority = 2
recipe = "self_training"
base = "base"
[[rows]]
name = "both"
label = "Both"
priority = 3
recipe = "both"
base = "st"
"""


def small(tmp_path: Path, text: str = SMALL) -> Table:
    path = tmp_path / "table.toml"
    path.write_text(text, encoding="utf-8")
    return load_table(path)


@dataclass
class FakeState:
    """What is done is what the test says."""

    done: set[str] = field(default_factory=set)

    def trained(self, row: Row) -> bool:
        return f"train:{row.name}" in self.done

    def scored(self, row: Row, stage: Stage) -> bool:
        return f"{stage}:{row.name}" in self.done

    def has_asset(self, asset: str) -> bool:
        return f"asset:{asset}" in self.done

    def assets(self, row: Row, stage: Stage) -> tuple[str, ...]:
        return ("phrases",) if stage == "train" and row.recipe == "both" else ()


def test_the_shipped_table_parses_and_its_rows_differ() -> None:
    table = load_table(SHIPPED)
    assert len({row.name for row in table.rows}) == len(table.rows)
    assert len({table.digest(row) for row in table.rows}) == len(table.rows), "two rows are alike"
    labels = {row.label for row in table.rows}
    assert {"Transformer AT", "biGRU AT", "Transformer IF", "Transformer RND"} <= labels


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('base = "st"', 'base = "base"', "base is no self_training row"),
        ('base = "base"', 'base = "nobody"', "no row 'nobody'"),
        ('recipe = "both"\nbase = "st"', 'recipe = "both"', "recipe both and base None"),
        ('stages = ["greedy"]', 'settings = ["owm"]', "no setting 'owm'"),
        ("priority = 9", "priorty = 9", "priorty"),
    ],
)
def test_a_table_that_cannot_be_run_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        small(tmp_path, SMALL.replace(old, new))


def test_jobs_come_after_what_they_need_and_urgent_rows_pull_their_base_forward(
    tmp_path: Path,
) -> None:
    table = small(tmp_path)
    jobs = open_jobs(table, table.rows, FakeState())
    order = [job.name for job in jobs]
    for job in jobs:
        later = order[order.index(job.name) :]
        assert not job.needs & set(later), f"{job.name} stands before what it needs"
    assert order[0] == "train:base"
    assert {job.name: job.priority for job in jobs}["train:base"] == 2  # row st is that urgent
    assert order.index("greedy:st") < order.index("greedy:base") < order.index("train:late")
    both = next(job for job in jobs if job.name == "train:both")
    assert both.needs == {"train:st", "asset:phrases"}
    beam = next(job for job in jobs if job.name == "beam:st")
    assert "greedy:st" in beam.needs  # both write the row's scores


def test_what_is_done_is_skipped_and_a_base_is_trained_again_only_for_another_row(
    tmp_path: Path,
) -> None:
    table = small(tmp_path)
    everything = {job.name for job in open_jobs(table, table.rows, FakeState())}
    assert open_jobs(table, table.rows, FakeState(everything)) == []
    scores = {name for name in everything if name.startswith(("greedy", "beam"))}
    assert open_jobs(table, table.rows, FakeState(scores)) == []  # a later session, without runs
    names = {job.name for job in open_jobs(table, table.rows, FakeState(scores - {"beam:st"}))}
    assert names == {"beam:st", "train:st", "train:base"}
    again = open_jobs(table, [table.row("late")], FakeState(everything), refresh=True)
    assert [job.name for job in again] == ["greedy:late"]


def test_jobs_run_in_order_at_most_so_many_at_a_time_and_not_after_a_failure() -> None:
    running, most, seen = 0, 0, []
    lock = threading.Lock()

    def launch(job: Job) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            seen.append(job.name)
        time.sleep(0.01)
        with lock:
            running -= 1
        return 1 if job.name == "bad" else 0

    def job(name: str, *needs: str) -> Job:
        return Job(name, name, "train", 1, frozenset(needs))

    jobs = [job("a"), job("bad"), job("c", "a"), job("d", "bad"), job("e", "d"), job("f")]
    codes = run_jobs(jobs, launch, workers=2)
    assert codes == {"a": 0, "bad": 1, "c": 0, "d": None, "e": None, "f": 0}
    assert most == 2
    assert seen.index("a") < seen.index("c")
    assert not {"d", "e"} & set(seen)


def test_a_row_is_trained_when_its_bundle_is_there_and_made_for_this_table(tmp_path: Path) -> None:
    table = small(tmp_path)
    workspace = Workspace(table, tmp_path / "runs", tmp_path / "out")
    row = table.row("base")
    assert not workspace.trained(row)
    bundle = workspace.folder(row) / "training" / "bundle"
    bundle.mkdir(parents=True)
    workspace.finish_training(row, bundle="training/bundle", run="training/run.json")
    assert not workspace.trained(row)  # the bundle is gone, say
    (bundle / "d2t.json").write_text("{}")
    assert workspace.trained(row)
    other = small(tmp_path, SMALL.replace("seed = 1", "seed = 2"))
    assert not Workspace(other, tmp_path / "runs", tmp_path / "out").trained(other.row("base"))


def test_the_identity_of_a_row_is_its_recipe_and_all_that_it_builds_on(tmp_path: Path) -> None:
    table = small(tmp_path)
    titled = small(tmp_path, SMALL.replace('label = "Base"', 'label = "Other"'))
    reseeded = small(tmp_path, SMALL.replace('label = "Base"', 'label = "Base"\ntrain.seed = 7'))
    for name in ("base", "st", "both"):
        assert table.digest(table.row(name)) == titled.digest(titled.row(name))
        assert table.digest(table.row(name)) != reseeded.digest(reseeded.row(name))
    assert table.digest(table.row("late")) == reseeded.digest(reseeded.row("late"))


def test_only_alignment_rows_are_asked_for_a_planners_orders(tmp_path: Path) -> None:
    table = small(tmp_path)
    assert list(table.settings_of(table.row("base"), "greedy")) == ["own", "neural"]
    assert list(table.settings_of(table.row("base"), "beam")) == ["own"]
    assert list(table.settings_of(table.row("late"), "greedy")) == ["own"]
    assert table.settings_of(table.row("late"), "beam") == {}
