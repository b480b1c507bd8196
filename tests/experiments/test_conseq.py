"""The CONSEQ experiment: its files, its sums and tests, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import save_random_bundle

from d2t.errors import ConfigError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.score.records import EvaluationRecord
from d2t.score.text import corpus_bleu
from d2t.slots.checker import SlotChecker
from experiments.engine.command import Places
from experiments.engine.steps import StepResult
from experiments.faithfulness import conseq, judges
from experiments.faithfulness.conseq import ConseqExperiment
from experiments.faithfulness.judges import (
    SINGLE,
    compared,
    judged_rows,
    score,
    with_single,
)

if TYPE_CHECKING:
    from d2t.train.config.options import TrainConfig

FOLDER = Path(conseq.__file__).parent
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    save_random_bundle(folder / "bundle", "fp")
    return folder


@pytest.mark.parametrize("name", ["conseq.toml", "conseq_pilot.toml"])
def test_every_arm_of_the_shipped_files_is_possible(name: str, base: Path) -> None:
    experiment = ConseqExperiment.read(FOLDER / name)
    assert experiment.base_config(1).strategy == "fixed_position"
    assert not experiment.base_config(1).data.correct
    configs = [
        experiment.arm_config(arm, 1, base, round=Path("round"), qa=Path("qa"))
        for arm in experiment.arms
        if arm.kind != "base"
    ]
    assert len({config.train.max_steps for config in configs}) == 1
    assert len({config.digest() for config in configs}) == len(configs)
    chosen = {(c.objective.positives, c.objective.negatives) for c in configs
              if c.objective is not None and c.objective.name == "conseq"}  # fmt: skip
    assert chosen >= {("ser", "ser"), ("ser", "none"), ("ser", "random"), ("overlap", "overlap"),
                      ("quals", "quals"), ("quals2", "quals2")}  # fmt: skip
    assert {arm.kind for arm in experiment.arms} == {"base", "continued", "conseq"}
    assert any(arm.beam > 1 for arm in experiment.arms)
    if name == "conseq.toml":  # SER chooses, so that the checker alone may not judge
        assert experiment.parser is not None


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    text = (FOLDER / "conseq_pilot.toml").read_text("utf-8")
    path.write_text(text.replace('"splus"]', '"nobody"]'))
    with pytest.raises(ConfigError, match="against names no arm"):
        ConseqExperiment.read(path)
    path.write_text(text + '\n[[arms]]\nname = "mle"\nlabel = "again"\n')
    with pytest.raises(ConfigError, match="one name"):
        ConseqExperiment.read(path)


def records(texts: list[str]) -> list[EvaluationRecord]:
    mr = parse_mr("name[Aromi], eatType[pub], food[Italian]", DOMAIN)
    return [
        EvaluationRecord(str(k), mr, text, None, ("Aromi is an Italian pub.",))
        for k, text in enumerate(texts)
    ]


def test_sums_are_rates_and_bleu() -> None:
    texts = ["Aromi is an Italian pub.", "Aromi is a pub.", "Aromi is a French pub by the river."]
    rows = judged_rows(records(texts), CHECKER, None, None, n_wordings=1)
    assert score("missing", rows["missing"]) == pytest.approx(100 * 1 / 9)
    assert score("wrong", rows["wrong"]) == pytest.approx(100 * 1 / 9)
    assert score("added", rows["added"]) == pytest.approx(100 * 1 / 9)
    assert score("ser", rows["ser"]) == pytest.approx(100 * 3 / 9)
    assert score("exact", rows["exact"]) == pytest.approx(100 / 3)
    assert score("words", rows["words"]) == pytest.approx((5 + 4 + 8) / 3)
    references = [("Aromi is an Italian pub.",)] * 3
    assert score("bleu", rows["bleu"]) == pytest.approx(corpus_bleu(texts, references))


def test_records_with_a_slot_twice_are_left_out_of_single_values() -> None:
    mrs = [parse_mr(text, DOMAIN) for text in (
        "name[A], eatType[pub], eatType[restaurant]", "name[A], food[Thai]", "name[A]",
    )]  # fmt: skip
    kept = with_single(StepResult({}, {"missing": [[2.0, 3.0], [1.0, 2.0], [0.0, 1.0]]}), mrs)
    assert kept.rows[SINGLE] == [[0.0, 0.0], [1.0, 2.0], [0.0, 1.0]]
    assert score(SINGLE, kept.rows[SINGLE]) == pytest.approx(100 / 3)
    assert score("missing", kept.rows["missing"]) == 50.0


def test_what_two_judges_have_said_is_not_compared() -> None:
    def arm(missing: float, qa: str, lexicon: str = "l") -> StepResult:
        rows = {name: [[missing, 10.0]] * 3 for name in ("missing", "qa_missing", "parser_missing")}
        return StepResult({"judges": {"qa": qa, "parser": "p", "lexicon": lexicon}}, rows)

    keys = ("missing", "qa_missing", "parser_missing", "bleu")
    plain = {1: arm(1.0, "a"), 2: arm(2.0, "a")}
    same = judges.tested(plain, {1: arm(2.0, "a"), 2: arm(2.0, "a")}, keys)
    assert (set(same), same["seeds"]) == ({"seeds", *keys[:3]}, 2)
    assert same["missing"]["by_seed"] == [10.0, 0.0]
    assert same["missing"]["difference"] == pytest.approx(5.0)
    other = judges.tested(plain, {1: arm(2.0, "a"), 2: arm(2.0, "b")}, keys)
    assert set(other) == {"seeds", "missing", "parser_missing"}
    assert set(judges.tested(plain, {1: arm(2.0, "b", "m")}, keys)) == {
        "seeds",
        "parser_missing",
    }
    assert judges.tested(plain, {3: arm(2.0, "a")}, keys) == {}


def test_differences_add_seeds_up_mr_by_mr() -> None:
    plain = [[[1.0, 2.0]] * 20, [[1.0, 2.0]] * 20]
    other = [[[0.0, 2.0]] * 20, [[1.0, 2.0]] * 20]
    found = compared("missing", plain, other)
    assert found["difference"] == -25.0
    assert found["p"] < 0.01
    same = compared("missing", plain, plain)
    assert (same["difference"], same["p"]) == (0.0, 1.0)


def small(**changes: Any) -> ConseqExperiment:
    arms = [
        {"name": "mle", "label": "MLE", "kind": "base"},
        {"name": "rerank", "label": "Reranked", "kind": "base", "beam": 2},
        {"name": "ser", "label": "SER"},
        {"name": "splus", "label": "S+", "objective": {"negatives": "none"}},
    ]
    return ConseqExperiment.model_validate(
        {"title": "T", "results": "t", "corpus": "mini", "split": "dev", "n_mrs": 3, "arms": arms,
         "seeds": [1, 2], "against": ["splus"], "base": {"strategy": "fp"}, **changes}
    )  # fmt: skip


def test_a_run_is_kept_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Path
) -> None:
    asked: list[tuple[str, Any]] = []

    def train(config: TrainConfig, folder: Path, *, resume: bool, **_: Any) -> Path:
        objective = config.objective
        rounds = getattr(objective, "round", None)
        asked.append((str(folder.relative_to(tmp_path)), rounds))
        if not resume:
            save_random_bundle(folder / "bundle", "fp")
            (folder / "config.toml").write_text("")
            facts = {"steps": 7, "counts": {"conseq_positives": 5}, "train_wall_s": 1.0}
            (folder / "run.json").write_text(json.dumps(facts))
        return folder / "bundle"

    monkeypatch.setattr(conseq, "train", train)
    places = Places(tmp_path / "out", tmp_path / "run")
    path = tmp_path / "x.toml"
    found = conseq.run(small(), places, only=None)
    rounds = dict(asked)
    assert rounds["run/seed-2/ser"] is None
    assert rounds["run/seed-2/splus"] == str(tmp_path / "run" / "seed-2" / "ser" / "round")
    assert list(found["arms"]) == ["mle", "rerank", "ser", "splus"]
    scores = found["arms"]["mle"]["scores"]
    assert len(scores["missing"]) == len(scores["distinct2"]) == 2
    assert scores["copied"] == [0, 0], "random weights say nothing that people say"
    assert found["arms"]["ser"]["against"]["splus"]["missing"]["p"] == 1.0  # one model, all arms
    outputs = sorted((tmp_path / "run").rglob("*.scores.json"))
    assert len(outputs) == 8
    times = [path.stat().st_mtime_ns for path in outputs]
    assert conseq.run(small(), places, only=None) == found
    assert [path.stat().st_mtime_ns for path in outputs] == times
    trained = len(asked)
    elsewhere = Places(tmp_path / "out", tmp_path / "another machine")
    assert conseq.run(small(), elsewhere, only=None) == found
    assert len(asked) == trained, "what is kept is not trained again"
    one_seed = conseq.run(small(seeds=[1]), elsewhere, only="nothing")
    assert {arm["seeds"][0] for arm in one_seed["arms"].values()} == {1}
    others = conseq.run(small(n_mrs=2), elsewhere, only="nothing")
    assert others["arms"] == {}, "of other MRs nothing is kept"
    path.write_text('title = "T"\nresults = "t"\ncorpus = "mini"\nsplit = "dev"\nn_mrs = 3\n'
                    'seeds = [1, 2]\nbase = {strategy = "fp"}\n[[arms]]\nname = "mle"\n'
                    'label = "MLE"\nkind = "base"\n')  # fmt: skip
    arguments = ["--config", str(path), "--runs", str(tmp_path / "run"), "--out", str(tmp_path)]
    assert conseq.main(arguments) == 0
    [row] = [r for r in (tmp_path / "table.md").read_text("utf-8").splitlines() if "| MLE" in r]
    assert [cell.strip() for cell in row.split("|")[1:6]] == ["MLE", "2", "-", "-", "-"]
