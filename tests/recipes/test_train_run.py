"""A whole run on a handful of pairs: files, resuming, refusing, interruptions, a full disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from d2t.errors import ConfigError, DataError
from d2t.model.bundle.network import Bundle
from d2t.recipes.run import train
from d2t.train.config.load import load_config
from d2t.train.loop import checkpoint
from d2t.train.loop.progress import Reporter, TrainingInterrupted

if TYPE_CHECKING:
    from d2t.train.config.options import TrainConfig

SMALL = Path(__file__).parents[1] / "support" / "train_small"
TINY = [
    f"data.train={SMALL}/train.csv", f"data.dev={SMALL}/dev.csv", "data.vocab_size=400",
    "model.width=16", "model.ffn=16", "model.heads=2", "model.encoder_layers=1",
    "model.decoder_layers=1", "train.batch_size=8", "train.max_steps=24", "select.every=8",
    "select.n_mrs=3", "select.n_pairs=20", "run.threads=1", "run.device=cpu",
]  # fmt: skip


def tiny(*sets: str) -> TrainConfig:
    return load_config(None, sets=[*TINY, *sets])


class StopAt(Reporter):
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def final_tensors(folder: Path) -> dict[str, object]:
    state = checkpoint.read_state(folder / "checkpoint")
    assert state is not None
    return dict(load_file(folder / "checkpoint" / state["tensors"]))


def without_times(path: Path) -> list[dict[str, object]]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in r.items() if k not in ("pairs_per_s", "wall_s")} for r in records]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    train(tiny("strategy=rnd"), folder)
    return folder


def test_a_run_leaves_what_the_design_says(finished: Path) -> None:
    manifest = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert manifest["steps"] == 24
    assert manifest["config"]["strategy"] == "random"
    assert manifest["data_sha256"].keys() >= {"train", "dev", "lexicon"}
    assert manifest["metrics"]["signature"].startswith("dev|dom:restaurant")
    assert [r["step"] for r in without_times(finished / "metrics.jsonl")] == [8, 16, 24]
    samples = [json.loads(s) for s in (finished / "samples.jsonl").read_text().splitlines()]
    assert len(samples) == 9
    assert samples[0].keys() >= {"step", "id", "text", "plan", "report"}
    assert load_config(finished / "config.toml").digest() == tiny("strategy=rnd").digest()
    bundle = Bundle.load(finished / "bundle")
    assert bundle.linearizer.strategy.name == "random"
    assert not list(finished.rglob("*.tmp"))


# 5 steps are in the middle of the first epoch (8 batches), 13 in the middle of the second.
def test_training_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    train(tiny("train.max_steps=2", f"run.threads={before + 1}"), tmp_path / "run")
    assert torch.get_num_threads() == before
    smallest = float("5e-324")  # a literal would be computed by the compiler
    assert smallest * float(before) > 0.0, "denormal numbers are still flushed to zero"


@pytest.mark.parametrize("stop", [5, 13])
def test_resumed_equals_uninterrupted(finished: Path, tmp_path: Path, stop: int) -> None:
    folder = tmp_path / "cut"
    with pytest.raises(TrainingInterrupted, match=rf"step {stop} of 24.*--resume") as caught:
        train(tiny("strategy=rnd"), folder, progress=StopAt(stop))
    assert caught.value.exit_code == 130
    assert not (folder / "run.json").exists()
    train(tiny("strategy=rnd"), folder, resume=True)
    whole, resumed = final_tensors(finished), final_tensors(folder)
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert tensor.equal(resumed[name]), name  # type: ignore[attr-defined]
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert without_times(folder / name) == without_times(finished / name)
    weights = "bundle/model.safetensors"
    assert (folder / weights).read_bytes() == (finished / weights).read_bytes()


def test_a_finished_run_is_not_overwritten(finished: Path) -> None:
    before = (finished / "run.json").read_bytes()
    with pytest.raises(DataError, match=r"finished run.*another --out"):
        train(tiny("strategy=rnd"), finished)
    assert train(tiny("strategy=rnd"), finished, resume=True) == finished / "bundle"
    assert (finished / "run.json").read_bytes() == before


def test_resuming_a_finished_run_touches_nothing(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "checkpoint")  # somebody saved space
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert train(tiny("strategy=rnd", "run.log_every=7"), folder, resume=True) == folder / "bundle"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_resume_refuses_another_configuration(finished: Path) -> None:
    with pytest.raises(ConfigError, match="another configuration"):
        train(tiny("strategy=rnd", "train.lr=0.5"), finished, resume=True)


def test_resume_refuses_a_corpus_that_has_changed(tmp_path: Path) -> None:
    corpus = tmp_path / "train.csv"
    rows = (SMALL / "train.csv").read_text(encoding="utf-8")
    corpus.write_text(rows, encoding="utf-8")
    config, folder = tiny(f"data.train={corpus}"), tmp_path / "run"
    with pytest.raises(TrainingInterrupted):
        train(config, folder, progress=StopAt(2))
    before = (folder / "checkpoint" / "state.json").read_bytes()
    corpus.write_text(rows + '"name[Aromi], eatType[pub]",Aromi is a pub.\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"changed since it began \(train\).*another --out"):
        train(config, folder, resume=True)
    assert (folder / "checkpoint" / "state.json").read_bytes() == before
    corpus.write_text(rows, encoding="utf-8")
    (folder / "data.json").unlink()  # as in runs of earlier versions
    train(config, folder, resume=True)


def test_unfinished_runs_and_foreign_folders_are_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted):
        train(tiny(), tmp_path / "half", progress=StopAt(2))
    with pytest.raises(DataError, match=r"unfinished run.*--resume"):
        train(tiny(), tmp_path / "half")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(DataError, match="does not hold a run"):
        train(tiny(), tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is a file"):
        train(tiny(), tmp_path / "file")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted):
        train(tiny(), tmp_path, progress=StopAt(2))
    tensors = next((tmp_path / "checkpoint").glob("*.safetensors"))
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        train(tiny(), tmp_path, resume=True)
    (tmp_path / "checkpoint" / "state.json").write_text("{")
    with pytest.raises(DataError, match="not a checkpoint"):
        train(tiny(), tmp_path, resume=True)


def test_a_full_disk_is_an_error_with_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingInterrupted):
        train(tiny(), tmp_path, progress=StopAt(2))
    before = sorted((p.name, p.read_bytes()) for p in (tmp_path / "checkpoint").iterdir())

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="disk is full"):
        train(tiny(), tmp_path, resume=True)
    monkeypatch.undo()
    after = sorted((p.name, p.read_bytes()) for p in (tmp_path / "checkpoint").iterdir())
    assert after == before
    train(tiny(), tmp_path, resume=True)  # and it can go on


def test_early_stopping_and_the_best_weights(tmp_path: Path) -> None:
    config = tiny("select.metric=dev_loss", "select.patience=2", "select.every=2",
                  "train.lr=3.0", "train.average=0", "select.n_mrs=0")  # fmt: skip
    bundle = train(config, tmp_path / "run")
    records = without_times(tmp_path / "run" / "metrics.jsonl")
    losses = [record["dev_loss"] for record in records]
    assert len(losses) < 12, "a rate of 3 diverges, so patience must have ended the run"
    best = min(range(len(losses)), key=losses.__getitem__)
    assert len(losses) == best + 3
    assert Bundle.load(bundle).info["step"] == records[best]["step"]


def test_empty_corpora_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mr,ref\nname[X],Nothing to see here.\n", encoding="utf-8")
    config = tiny(f"data.train={tmp_path}/a.csv", f"data.dev={tmp_path}/a.csv")
    with pytest.raises(DataError, match="no training pairs are left"):
        train(config, tmp_path / "run")
