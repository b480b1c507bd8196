"""The reproduction: what builds on what, what is skipped, what the report says."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_table import SMALL, small

from d2t.errors import ConfigError
from experiments.engine.processes import Job, run_jobs
from experiments.engine.steps import write_compressed
from experiments.reproduction.claims import all_claims
from experiments.reproduction.config import Row, Samples, Stage, Table
from experiments.reproduction.jobs import open_jobs
from experiments.reproduction.report import write_report, write_samples
from experiments.reproduction.workspace import Workspace, add_scores, compact_json

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "experiments" / "reproduction" / "table.toml"


@dataclass(frozen=True)
class FakeState(Workspace):
    """What is done is what the test says."""

    done: set[str] = field(default_factory=set)

    def trained(self, row: Row) -> bool:
        return f"train:{row.name}" in self.done

    def scored(self, row: Row, stage: Stage) -> bool:
        return f"{stage}:{row.name}" in self.done

    def has_asset(self, asset: str) -> bool:
        return f"asset:{asset}" in self.done

    def assets(self, row: Row, stage: Stage) -> tuple[str, ...]:
        return ("phrases",) if stage == "train" and row.recipe == "phrases" else ()


def left(
    table: Table, *, done: set[str] | None = None, rows: Sequence[Row] = (), **options: bool
) -> list[Job]:
    """What is left of a table."""
    state = FakeState(table, Path("runs"), Path("out"), done or set())
    return open_jobs(state, rows or table.rows, **options)


def test_the_shipped_table_parses_and_its_rows_differ() -> None:
    table = Table.read(SHIPPED)
    assert len({row.name for row in table.rows}) == len(table.rows)
    assert len({table.digest(row) for row in table.rows}) == len(table.rows), "two rows are alike"
    labels = {row.label for row in table.rows}
    assert {"Transformer AT", "biGRU AT", "Transformer IF", "Transformer RND"} <= labels


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('base = "base"', 'base = "nobody"', "no row 'nobody'"),
        ('\nbase = "base"', "", "recipe self_training and base None"),
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
    jobs = left(table)
    order = [job.name for job in jobs]
    for job in jobs:
        later = order[order.index(job.name) :]
        assert not job.needs & set(later), f"{job.name} stands before what it needs"
    assert order[0] == "train:base"
    assert {job.name: job.priority for job in jobs}["train:base"] == 2  # row st is that urgent
    assert order.index("greedy:st") < order.index("greedy:base") < order.index("train:late")
    both = next(job for job in jobs if job.name == "train:both")
    assert both.needs == {"train:phrases"}
    phrases = next(job for job in jobs if job.name == "train:phrases")
    assert phrases.needs == {"asset:phrases"}
    beam = next(job for job in jobs if job.name == "beam:st")
    assert "greedy:st" in beam.needs  # both write the row's scores


def test_what_is_done_is_skipped_and_a_base_is_trained_again_only_for_another_row(
    tmp_path: Path,
) -> None:
    table = small(tmp_path)
    everything = {job.name for job in left(table)}
    assert left(table, done=everything) == []
    scores = {name for name in everything if name.startswith(("greedy", "beam"))}
    assert left(table, done=scores) == []  # a later session, without runs
    names = {job.name for job in left(table, done=scores - {"beam:st"})}
    assert names == {"beam:st", "train:st", "train:base"}
    again = left(table, done=everything, rows=[table.row("late")], refresh=True)
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
        return Job(name, frozenset(needs))

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
    for name in ("base", "st"):
        assert table.digest(table.row(name)) == titled.digest(titled.row(name))
        assert table.digest(table.row(name)) != reseeded.digest(reseeded.row(name))
    for name in ("late", "both"):
        assert table.digest(table.row(name)) == reseeded.digest(reseeded.row(name))


def test_only_alignment_rows_are_asked_for_a_planners_orders(tmp_path: Path) -> None:
    table = small(tmp_path)
    assert list(table.settings_of(table.row("base"), "greedy")) == ["own", "neural"]
    assert list(table.settings_of(table.row("base"), "beam")) == ["own"]
    assert list(table.settings_of(table.row("late"), "greedy")) == ["own"]
    assert table.settings_of(table.row("late"), "beam") == {}


def metrics(**scores: float) -> dict[str, object]:
    return {key: {"score": s, "low": s, "high": s, "n": 3} for key, s in scores.items()}


def put(workspace: Workspace, name: str, key: str, stats: list[list[int]], **scores: float) -> None:
    """Scores of one setting as if they had been made, with order statistics per MR."""
    row = workspace.table.row(name)
    setting = workspace.table.settings[key.split("/")[1]]
    entry = {
        "asked": workspace.table.asked(setting),
        "lexicon": "today",
        "generation": {"generation_s": 5.0, "sentences_per_s": 2.0},
        "n_records": 3,
        "metrics": metrics(**scores),
        "counts": dict.fromkeys(("missing", "added", "wrong", "repeated"), 1),
        "signatures": {"order_accuracy": "Order|x"},
    }
    errors = [[10 - n, 0, 0, 0, 50] for n, _ in stats]
    kept = {"requests": "r", "order_accuracy": stats, "slot_error_rate": errors}
    add_scores(workspace, row, key, entry, {**kept, "bleu": [[1] * 10 for _ in stats]})


def reporting(tmp_path: Path) -> Workspace:
    text = SMALL.replace(
        "[train]",
        '[claims]\ncontrol = ["Base", "Late"]\naugmentation = ["Base", "ST", "Both"]\n'
        'greedy = ["Base", "ST"]\n[targets]\nbase = "Base"\nsystems = ["ST", "Both"]\n'
        'items = [{ name = "order", metric = "order_accuracy", settings = ["own"], '
        "at_least = 99.0 }]\n"
        '[settings.random]\ntitle = "random"\nplans = "random"\npermutations = 10\n'
        '[settings.random-1]\ntitle = "random, first"\nplans = "random"\n'
        'stages = ["greedy", "beam"]\n[train]',
        1,
    )
    workspace = Workspace(small(tmp_path, text), tmp_path / "runs", tmp_path / "results" / "t")
    for row in workspace.table.rows:
        run = workspace.folder(row) / "training"
        (run / "bundle").mkdir(parents=True)
        (run / "bundle" / "d2t.json").write_text("{}")
        dev = {"score": 40.0 + len(row.name), "best_step": 3}
        (run / "run.json").write_text(json.dumps({"metrics": dev, "seeds": [1]}))
        workspace.finish_training(row, bundle="training/bundle", run="training/run.json")
    return workspace


MANY = 40


def test_the_report_confirms_a_claim_from_statistics_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    workspace = reporting(tmp_path)
    good, bad, better = [[9, 10]] * MANY, [[1, 10]] * MANY, [[10, 10]] * MANY
    put(workspace, "base", "mini/random/greedy", good, order_accuracy=90.0, slot_error_rate=2.0)
    put(workspace, "late", "mini/random/greedy", bad, order_accuracy=10.0)
    claims = all_claims(workspace)
    assert [claim.verdict for claim in claims] == ["confirmed", "open", "open"]
    assert "90.00 → 10.00 (-80.00" in claims[0].evidence[0]
    assert "Not scored yet: ST; Both." in claims[1].evidence
    put(workspace, "st", "mini/random/greedy", better, order_accuracy=100.0)
    for name in ("base", "st"):
        put(workspace, name, "mini/own/greedy", better, order_accuracy=100.0)
    assert all_claims(workspace)[1].verdict == "confirmed, as far as it goes"
    write_report(workspace, started=0.0)
    text = (workspace.out / "table.md").read_text(encoding="utf-8")
    assert "| Base\\* | greedy | - | 2.00 |" not in text  # empty columns are left out
    assert "| Base\\* | greedy | 2.00 | 90.00 | 1 | 1 | 1 | 1 | 3 | 5 |" in text
    assert "| order | greedy | ≥ 99 | **100.00 (own)** |" in text
    results = json.loads((workspace.out / "results.json").read_text(encoding="utf-8"))
    assert results["targets"][0]["reached"]["ST"]["met"] is True
    assert "both (greedy, beam)" in results["missing"]
    assert results["rows"]["base"]["complete"] is False


def test_a_lost_control_refutes_and_other_requests_are_never_compared(tmp_path: Path) -> None:
    workspace = reporting(tmp_path)
    bad = [[1, 10]] * MANY
    put(workspace, "base", "mini/random/greedy", bad, order_accuracy=10.0)
    put(workspace, "late", "mini/random/greedy", bad, order_accuracy=10.0)
    assert all_claims(workspace)[0].verdict == "refuted"
    late = workspace.table.row("late")
    statistics = workspace.statistics(late)
    statistics["mini/random/greedy"]["requests"] = "others"
    write_compressed(workspace.statistics_path(late), statistics)
    assert all_claims(workspace)[0].verdict == "open"


def test_scores_of_another_recipe_or_other_requests_do_not_count(tmp_path: Path) -> None:
    workspace = reporting(tmp_path)
    put(workspace, "base", "mini/random/greedy", [[9, 10]], order_accuracy=90.0)
    base = workspace.table.row("base")
    assert workspace.entry(base, "mini", "random", "greedy") is not None
    reseeded = workspace.table.model_copy(update={"plan_seed": 1})
    other = Workspace(reseeded, workspace.runs, workspace.out)
    assert other.scores(base)
    assert other.entry(base, "mini", "random", "greedy") is None
    retrained = workspace.table.model_copy(update={"train": {"seed": 9}})
    assert Workspace(retrained, workspace.runs, workspace.out).scores(base) == {}


def test_scores_are_one_line_each_and_read_back() -> None:
    content = {"name": "a", "scores": {"x": {"y": [1, {"z": "£"}]}, "v": {}}, "n": None}
    text = compact_json(content)
    assert json.loads(text) == content
    assert '    "x": {"y": [1, {"z": "£"}]},\n' in text


def test_statistics_are_the_same_bytes_for_the_same_numbers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_compressed(tmp_path / name, {"k": {"x": [[1, 2]], "requests": "r"}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_samples_keep_what_was_read_of_the_same_text(tmp_path: Path) -> None:
    workspace = reporting(tmp_path)
    wanted = Samples(rows=("st", "base"), setting="random", n=2, seed=1)
    table = workspace.table.model_copy(update={"samples": wanted})
    workspace = Workspace(table, workspace.runs, workspace.out)
    readings = tmp_path / "readings.jsonl"
    assert not write_samples(workspace, tmp_path / "s.md", readings)
    report = {"missing": [], "added": [], "wrong": [], "repeated": [], "plan": ["area", "name"]}
    lines = [
        {"id": f"t#{i}", "mr": {"name": "A", "area": ["x", "y"]}, "plan": ["name", "area"],
         "text": f"Text {i}.", "report": report, "status": "ok", "order_kept": i != 1}
        for i in range(2)
    ]  # fmt: skip
    path = workspace.outputs(table.row("base"), "mini", "random", "greedy")
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    read = [
        {"row": "base", "id": "t#0", "text": "Text 0.", "verdict": "broken", "note": "no verb"},
        {"row": "base", "id": "t#1", "text": "Another text.", "verdict": "ok"},
    ]
    readings.write_text("".join(json.dumps(line) + "\n" for line in read))
    assert write_samples(workspace, tmp_path / "s.md", readings)
    text = (tmp_path / "s.md").read_text(encoding="utf-8")
    assert "Read by eye: 1: 0 ok, 0 awkward, 1 broken" in text
    assert "MR `t#0`: name[A], area[x], area[y]" in text
    assert "checker: ok; reader: broken (no verb)" in text
    assert "checker: ok; said in the order area > name; reader: not read" in text
