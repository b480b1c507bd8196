"""Rounds and contrastive trainings of a tiny model: files, resuming, refusals, the command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import save_random_bundle
from safetensors.torch import load_file
from tiny_qa import tiny_model

from d2t.cli.main import main
from d2t.corpus.types import Example
from d2t.errors import ConfigError, DataError
from d2t.generate.load import load
from d2t.model.bundle.network import Bundle
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.recipes.conseq import objective as contrastive_parts
from d2t.recipes.conseq.objective import ConseqObjective, apart
from d2t.recipes.conseq.round import RoundFolder, Row, TextScorer, groups_of, make_round
from d2t.recipes.run import train
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import load_config
from d2t.train.data.prepare import training_pairs
from d2t.train.loop import checkpoint
from d2t.train.loop.progress import Reporter, TrainingInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from d2t.train.config.options import TrainConfig

SMALL = Path(__file__).parents[1] / "support" / "train_small"
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
MR = parse_mr("name[Aromi], eatType[pub], food[Italian]", DOMAIN)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps: it has learnt nothing, but says what it is."""
    folder = tmp_path_factory.mktemp("base") / "run"
    sets = [
        f"data.train={SMALL}/train.csv", f"data.dev={SMALL}/dev.csv", "data.vocab_size=400",
        "data.limit=60", "data.correct=false", "strategy=fp", "model.width=16", "model.ffn=16",
        "model.heads=2", "model.encoder_layers=1", "model.decoder_layers=1", "train.batch_size=8",
        "train.max_steps=4", "select.n_mrs=0", "select.metric=dev_loss", "select.n_pairs=8",
        "run.threads=1", "run.device=cpu",
    ]  # fmt: skip
    train(load_config(None, sets=sets), folder)
    return folder


def conseq(base: Path, *sets: str) -> TrainConfig:
    common = [
        f"init={base}", "objective.name=conseq", "objective.n_samples=2", "objective.block=8",
        "train.max_steps=6", "select.every=3", "select.n_mrs=0", "select.metric=dev_loss",
        "select.n_pairs=8", "run.threads=1", "run.device=cpu",
        "objective.rule=rank", "objective.positive_share=1.0", "objective.negative_share=1.0",
    ]  # fmt: skip
    return load_config(None, sets=[*common, *sets])


@pytest.fixture(scope="module")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conseq") / "whole"
    train(conseq(base), folder)
    return folder


def final_tensors(folder: Path) -> dict[str, Tensor]:
    state = checkpoint.read_state(folder / "checkpoint")
    assert state is not None
    return dict(load_file(folder / "checkpoint" / state["tensors"]))


def test_scores_are_the_selectors_own() -> None:
    scorer = TextScorer(CHECKER, None)
    good, poor = "Aromi is an Italian pub.", "Aromi is a pub."
    rows = [Row(MR, good, (good,)), Row(MR, poor, (good,)), Row(MR, good, ())]
    scores = scorer.score(rows)
    assert [s["ser"] for s in scores] == [0.0, -1.0, 0.0]
    assert scores[0]["overlap"] == pytest.approx(100.0)
    assert 0 < (scores[1]["overlap"] or 0.0) < 100
    assert scores[2]["overlap"] is None
    assert scores[0].keys() == {"ser", "overlap"}


def test_a_qa_model_adds_quals_one_row_at_a_time_or_together() -> None:
    from d2t.judges.qa.contexts import context_pair
    from d2t.judges.qa.quals import quals
    from d2t.judges.qa.reader import QAReader

    reader = QAReader(tiny_model())
    scorer = TextScorer(CHECKER, reader)
    rows = [Row(MR, text, ("Aromi.",)) for text in ("Aromi is a pub.", "Cheap food.")]
    together, alone = scorer.score(rows), [scorer.score([row])[0] for row in rows]
    assert rows
    for row, one, other in zip(rows, together, alone, strict=True):
        [expected] = quals([context_pair(MR, row.text, DOMAIN, reader.questions)], reader)
        for name, value in (("quals", expected.precision), ("quals2", expected.total)):
            assert one[name] == pytest.approx(value, abs=1e-5)
            assert other[name] == pytest.approx(value, abs=1e-5)


def make(folder: Path, bundle: Path, stop: Callable[[], bool], **changes: Any) -> bool:
    """A round of six MRs in blocks of two."""
    how = ConseqObjective.model_validate({"name": "conseq", "n_samples": 3, "block": 2})
    texts = [f"name[Aromi], food[{food}]" for food in ("Italian", "French", "English")]
    texts += [f"name[Zizzi], area[{area}]" for area in ("riverside", "city centre")]
    examples = [
        Example(f"{k}-{n}", parse_mr(text, DOMAIN), (f"Text {n} of {k}.",))
        for k, text in enumerate(texts)
        for n in range(2)
    ]
    wanted: dict[str, Any] = {"identity": {"a": 1}, "resume": False, **changes}
    return make_round(
        how, RoundFolder(folder), groups_of(examples, None, 1), load(bundle, engine="torch"),
        TextScorer(CHECKER, None), wanted["identity"], seed=1, command=["test"],
        resume=wanted["resume"], say=lambda _: None, stop=stop,
    )  # fmt: skip


def test_sampling_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    bundle = save_random_bundle(tmp_path / "bundle", "fp")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert make(whole, bundle, lambda: False)
    answers = iter([False, True])
    assert not make(cut, bundle, lambda: next(answers))
    with pytest.raises(DataError, match="--resume"):
        make(cut, bundle, lambda: False)
    with pytest.raises(ConfigError, match="was started with"):
        make(cut, bundle, lambda: False, resume=True, identity={"a": 2})
    assert make(cut, bundle, lambda: False, resume=True)
    names = ("samples.jsonl",)
    assert all((whole / name).read_bytes() == (cut / name).read_bytes() for name in names)
    records = list(RoundFolder(whole).read(DOMAIN))
    facts = RoundFolder(whole).facts()
    assert (facts["mrs"], facts["references"]) == (5, 10)
    assert [r.references[0].id for r in records] == [f"{k}-0" for k in range(5)]
    assert all(1 <= len(r.samples) <= 3 for r in records)
    for record in records:
        for text in record.samples:
            assert text.scores["ser"] == -CHECKER.check(text.text, record.mr).n_errors
            assert text.plan is not None
            assert sorted(text.plan.slots) == sorted(record.mr.slots)
    assert make(whole, bundle, lambda: True)  # finished: nothing is done
    with pytest.raises(DataError, match="another folder"):
        make(whole, bundle, lambda: False, identity={"a": 2})


def test_only_some_mrs_are_drawn_in_their_order() -> None:
    examples = [Example(str(k), parse_mr(f"name[N{k // 2}]", DOMAIN), ("x",)) for k in range(20)]
    some = groups_of(examples, 4, seed=3)
    assert [len(group) for group in some] == [2, 2, 2, 2]
    ids = [int(group[0].id) for group in some]
    assert ids == sorted(ids)
    assert groups_of(examples, 4, seed=3) == some
    assert len(groups_of(examples, None, seed=3)) == 10


def test_pairs_that_read_alike_are_no_negatives(base: Path) -> None:
    linearizer = Bundle.load(base / "bundle").linearizer

    def pair(mr: str, text: str) -> Any:
        return training_pairs([Example(text, parse_mr(mr, DOMAIN), (text,))], CHECKER, DOMAIN)[0]

    good = pair("name[Cotto], food[French]", "Cotto serves French food.")
    same = pair("food[French], name[Zizzi]", "Zizzi serves french food.")
    other = pair("name[Zizzi], food[French]", "Zizzi is French.")
    assert apart([same, other], [good], linearizer) == [other]


def test_a_negative_that_is_left_out_takes_a_reference_of_its_mr_along(
    finished: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = conseq(base, f"objective.round={finished / 'round'}", "train.max_steps=1")
    whole = json.loads((finished / "run.json").read_text(encoding="utf-8"))["counts"]
    monkeypatch.setattr(contrastive_parts, "apart", lambda pairs, *_: pairs[2:])
    train(given, tmp_path / "run")
    counts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["counts"]
    assert counts["conseq_negatives"] == whole["conseq_negatives"] - 2
    assert counts["conseq_positives"] == counts["conseq_negatives"]


def test_a_run_says_what_it_was_taught(finished: Path, base: Path) -> None:
    manifest = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["conseq_positives"] == manifest["counts"]["conseq_negatives"] > 5
    assert manifest["data_sha256"].keys() >= {"train", "init", "conseq_samples"}
    assert manifest["config"]["objective"]["name"] == "conseq"
    assert manifest["config"]["train"]["lr"] == pytest.approx(1e-4)
    assert (finished / "round" / "round.json").is_file()
    before, after = Bundle.load(base / "bundle"), Bundle.load(finished / "bundle")
    assert after.linearizer.state() == before.linearizer.state()
    weights = [dict(b.model.named_parameters()) for b in (before, after)]
    assert any(not weights[0][name].equal(weights[1][name]) for name in weights[0])
    written = load_config(finished / "config.toml")
    assert written.digest() == conseq(base).digest()


class StopAt(Reporter):
    """Presses Ctrl-C after a step, or when it is told of a block."""

    def __init__(self, step: int = -1, said: str = "never") -> None:
        self.at, self.said = step, said

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGINT)

    def say(self, message: str) -> None:
        if self.said in message:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("stop", [StopAt(step=2), StopAt(said="scored 8 of")])
def test_resumed_equals_uninterrupted(
    finished: Path, base: Path, tmp_path: Path, stop: StopAt
) -> None:
    folder = tmp_path / "cut"
    with pytest.raises(TrainingInterrupted, match="--resume"):
        train(conseq(base), folder, progress=stop)
    assert not (folder / "run.json").exists()
    train(conseq(base), folder, resume=True)
    whole, resumed = final_tensors(finished), final_tensors(folder)
    assert whole.keys() == resumed.keys()
    assert all(tensor.equal(resumed[name]) for name, tensor in whole.items())
    for name in ("round/samples.jsonl", "bundle/model.safetensors"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


def test_many_runs_choose_from_one_round(finished: Path, base: Path, tmp_path: Path) -> None:
    given = f"objective.round={finished / 'round'}"
    config = conseq(base, given, "train.max_steps=1", "objective.negatives=none")
    train(config, tmp_path / "positives")
    manifest = json.loads((tmp_path / "positives" / "run.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["conseq_negatives"] == 0
    assert not (tmp_path / "positives" / "round").exists()
    with pytest.raises(DataError, match="other training data"):
        train(conseq(base, given, "data.limit=50"), tmp_path / "other")
    with pytest.raises(ConfigError, match=r"no 'quals' scores, only ser, overlap"):
        train(conseq(base, given, "objective.negatives=quals"), tmp_path / "quals")
    with pytest.raises(DataError, match="no finished round"):
        train(conseq(base, f"objective.round={tmp_path}"), tmp_path / "none")
    trained = conseq(base, given, f"init={finished / 'bundle'}")
    with pytest.raises(DataError, match="drawn by another model"):
        train(trained, tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "damage", "line"),
    [
        ("round.json", b"{", None),
        ("round.json", b'{"metrics": {}}', None),
        ("samples.jsonl", b'{"id": "1"}\n', 1),
        ("samples.jsonl", b"\xff\n", 1),
    ],
)
def test_a_damaged_round_is_named(
    finished: Path, base: Path, tmp_path: Path, name: str, damage: bytes, line: int | None
) -> None:
    folder = tmp_path / "round"
    shutil.copytree(finished / "round", folder)
    (folder / name).write_bytes(damage)
    with pytest.raises(DataError, match=f"{name} is damaged") as raised:
        train(conseq(base, f"objective.round={folder}"), tmp_path / "run")
    assert raised.value.line == line


def test_a_training_goes_on_from_init_without_an_objective(base: Path, tmp_path: Path) -> None:
    config = load_config(None, sets=[f"init={base}", "train.max_steps=1", "run.device=cpu"])
    assert config.objective is None
    assert (config.strategy, config.model.architecture) == ("fixed_position", "transformer")
    assert (config.data.limit, config.train.schedule) == (60, "linear")
    train(config.model_copy(update={"select": conseq(base).select}), tmp_path / "run")
    with pytest.raises(ConfigError, match="holds no bundle"):
        load_config(None, sets=[f"init={tmp_path}"])
    with pytest.raises(ConfigError, match="give init"):
        load_config(None, sets=["objective.name=conseq"])
    wider = load_config(None, sets=[f"init={base}", "model.width=32", "run.device=cpu"])
    with pytest.raises(ConfigError, match="another model"):
        train(wider, tmp_path / "wider")


def test_ordinary_configurations_do_not_know_of_it() -> None:
    assert not {"init", "objective"} & load_config(None).as_dict().keys()


def test_the_command(
    finished: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "run"
    sets = ["train.max_steps=1", "select.n_mrs=0", "select.metric=dev_loss", "select.n_pairs=8",
            "run.device=cpu", f"objective.round={finished / 'round'}", "objective.rule=rank",
            "objective.positive_share=1.0", "objective.negative_share=1.0"]  # fmt: skip
    options = ["--objective", "conseq", "--init", str(base), "--out", str(out), "--threads", "1"]
    command = ["d2t", "train", *options, *(part for s in sets for part in ("--set", s))]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    said = capsys.readouterr()
    assert said.out == f"{out / 'bundle'}\n"
    assert "S+" in said.err
    assert (out / "run.json").is_file()
