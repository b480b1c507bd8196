"""The rows of the reproduction: what each trains on, what survives, how outputs are scored."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from echo_bundle import echo_bundle
from small_table import SMALL, small

from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest, check_text
from d2t.language.ngram import NgramLanguageModel
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Plan
from d2t.score.tasks import GenerationTask, generation_tasks
from d2t.slots.checker import SlotChecker
from d2t.train.loop.progress import Reporter
from experiments.engine.rows import read_outputs
from experiments.reproduction import scoring, training
from experiments.reproduction.scoring import score_records
from experiments.reproduction.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.recipes.self_training.config import SelfTrainingConfig
    from d2t.train.config.options import TrainConfig
    from experiments.reproduction.scoring import Answer


def fake_generator() -> SimpleNamespace:
    return SimpleNamespace(domain=load_domain("restaurant"))


def answers(tasks: Sequence[GenerationTask], checker: SlotChecker) -> Answer:
    made = []
    for task in tasks:
        text = " ".join(slot.value for slot in task.mr.slots)
        plan = task.plan or Plan(task.mr.slots)
        request = GenerationRequest(task.id, task.mr, task.plan)
        made.append(check_text(text, request, plan, checker, score=0.0))
    return {"greedy": made}


def test_a_killed_generation_goes_on_at_its_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "CHUNK", 10)
    generator = fake_generator()
    examples = load_split("mini", "dev", generator.domain)
    tasks = generation_tasks(examples, generator.domain, "random", n_permutations=1, limit=25)
    checker = SlotChecker.for_domain(generator.domain)
    calls: list[int] = []

    def answer(chunk: Sequence[GenerationTask]) -> Answer:
        if len(calls) == 2:
            calls.append(0)
            raise KeyboardInterrupt
        calls.append(len(chunk))
        return answers(chunk, checker)

    paths = {"greedy": tmp_path / "e.jsonl"}
    with pytest.raises(KeyboardInterrupt):
        scoring.write_answers(answer, tasks, paths, {"bundle": "1"})
    assert not paths["greedy"].exists()
    scoring.write_answers(answer, tasks, paths, {"bundle": "1"})
    scoring.write_answers(answer, tasks, paths, {"bundle": "1"})  # nothing to do
    assert calls == [10, 10, 0, 5]
    records = read_outputs(paths["greedy"], tasks, generator.domain)
    assert [record.id for record in records] == [task.id for task in tasks]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.json", "e.jsonl"]
    scoring.write_answers(answer, tasks, paths, {"bundle": "2"})
    assert calls[-3:] == [10, 10, 5]  # another model: all of it again


def test_scores_and_statistics_of_outputs_agree(tmp_path: Path) -> None:
    generator = fake_generator()
    domain = generator.domain
    checker = SlotChecker.for_domain(domain)
    tasks = generation_tasks(load_split("mini", "dev", domain), domain, "random", limit=12)
    paths = {"greedy": tmp_path / "e.jsonl"}
    scoring.write_answers(lambda c: answers(c, checker), tasks, paths, {})
    records = read_outputs(paths["greedy"], tasks, domain)
    lm = NgramLanguageModel.fit([text for task in tasks for text in task.references])
    scores, kept = score_records(records, domain, checker, lm, several=True, text=False)
    assert "bleu" not in scores["metrics"]
    assert len(kept["slot_error_rate"]) == 12  # one row per MR, not per plan
    total = [sum(column) for column in zip(*kept["slot_error_rate"], strict=True)]
    assert total[:4] == [scores["counts"][e] for e in ("missing", "added", "wrong", "repeated")]
    ser = 100 * sum(total[:4]) / total[4]
    assert scores["metrics"]["slot_error_rate"]["score"] == pytest.approx(ser, abs=1e-4)
    assert scores["metrics"]["lm"]["score"] < 0


def test_each_recipe_trains_on_its_files_and_self_training_begins_with_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(small(tmp_path), tmp_path / "runs", tmp_path / "out")
    table = workspace.table
    trained: dict[str, TrainConfig] = {}
    begun: dict[str, SelfTrainingConfig] = {}

    def fake_train(config: TrainConfig, folder: Path, **_: object) -> Path:
        trained[folder.parent.name] = config
        return fake_bundle(folder)

    def fake_rounds(config: SelfTrainingConfig, folder: Path, **_: object) -> Path:
        begun[folder.parent.name] = config
        return fake_bundle(folder / "round-1" / "training")

    monkeypatch.setattr(training, "train", fake_train)
    monkeypatch.setattr("d2t.recipes.self_training.rounds.run_self_training", fake_rounds)
    with pytest.raises(DataError, match="row base is not trained yet"):
        training.train_row(workspace, table.row("st"), threads=1, progress=Reporter())
    for name in ("base", "phrases", "st", "both"):
        training.train_row(workspace, table.row(name), threads=1, progress=Reporter())
        assert workspace.trained(table.row(name))
    assert trained["base"].data.augment == ()
    assert trained["base"].run.threads == 1
    (phrases,) = trained["phrases"].data.augment
    assert Path(phrases) == workspace.asset(workspace.made_of_data("phrases", table.row("phrases")))
    for name, base in (("st", "base"), ("both", "phrases")):
        run = workspace.folder(table.row(base)) / "training"
        assert begun[name].base_model == run.as_posix()
        assert begun[name].base.digest() == trained[base].digest()


def test_samples_are_judged_by_a_classifier_of_the_rows_own_texts(tmp_path: Path) -> None:
    plain = Workspace(small(tmp_path), tmp_path / "runs", tmp_path / "out")
    st = plain.table.row("st")
    assert not any(name.startswith("fluency") for name in plain.assets(st, "train"))
    workspace = Workspace(small(tmp_path, SMALL + "\n[fluency]\n"), plain.runs, plain.out)
    (name,) = (name for name in workspace.assets(st, "train") if name.startswith("fluency"))
    assert name.startswith("fluency-mini-1-0-")
    assert workspace.assets(workspace.table.row("base"), "train") == ()
    fake_bundle(workspace.folder(workspace.table.row("base")) / "training")
    workspace.finish_training(
        workspace.table.row("base"), bundle="training/bundle", run="training/run.json"
    )
    config = training.self_training_config(workspace, st, threads=1)
    assert config.filter.classifier == workspace.asset(name).as_posix()


def test_a_row_scored_on_two_corpora_is_trained_without_the_test_mrs_of_either(
    tmp_path: Path,
) -> None:
    text = SMALL.replace('name = "late"', 'name = "late"\nscore_on = ["mini", "e2e"]')
    workspace = Workspace(small(tmp_path, text), tmp_path / "runs", tmp_path / "out")
    late, base = workspace.table.row("late"), workspace.table.row("base")
    assert workspace.tests(late) == "tests-mini-e2e"
    assert workspace.assets(late, "train") == ("tests-mini-e2e",)
    assert workspace.tests(base) is None
    assert workspace.assets(base, "train") == ()


def fake_bundle(run: Path) -> Path:
    (run / "bundle").mkdir(parents=True)
    (run / "bundle" / "d2t.json").write_text("{}")
    return run / "bundle"


@pytest.mark.parametrize(("strategy", "n_read"), [("rnd", 1 + 5), ("if", 1)])
def test_where_no_order_is_asked_for_several_shuffles_are_reranked(
    strategy: str, n_read: int
) -> None:
    bundle = echo_bundle(strategy)
    mr = parse_mr(
        "name[Aromi], eatType[pub], area[riverside], food[Italian], priceRange[cheap]",
        bundle.domain,
    )
    answers = scoring.beam(ModelGenerator(bundle, beam_size=2), [GenerationTask("7", mr, None, ())])
    assert sum(bundle.model.batches) == n_read
    assert {len(answers["beam"]), len(answers["reranked"])} == {1}
    assert answers["reranked"][0].status == "ok"
