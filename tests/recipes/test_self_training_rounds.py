"""The whole loop: base, samples, retraining, again; killed anywhere it goes on to the same end."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from grammar_writer import GrammarWriter

from d2t.corpus.load import load_split
from d2t.errors import ConfigError, DataError
from d2t.mr.domain import load_domain
from d2t.recipes.self_training import rounds
from d2t.recipes.self_training.config import checked, load_self_training_config
from d2t.recipes.self_training.rounds import run_self_training
from d2t.train.config.load import to_toml

if TYPE_CHECKING:
    from d2t.recipes.self_training.config import SelfTrainingConfig
    from d2t.train.config.options import TrainConfig

ROOT = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).parents[1] / "support" / "train_small"
RAW: dict[str, Any] = {
    "rounds": 2,
    "base": {
        "data": {"train": f"{SMALL}/train.csv", "dev": f"{SMALL}/dev.csv", "vocab_size": 400},
        "model": {"width": 16, "ffn": 16, "heads": 2, "encoder_layers": 1, "decoder_layers": 1},
        "train": {"batch_size": 8, "max_steps": 2},
        "select": {"n_mrs": 2, "n_pairs": 8},
        "run": {"threads": 1, "device": "cpu"},
    },
    "sample": {"target": 12, "block": 12, "max_size": 5, "min_value_share": 0},
    "filter": {
        "rare_share": 0, "telling_share": 1, "bound_share": 1, "fluency_quantile": 0,
        "window_quantile": 0, "confidence_quantile": 0,
    },
    "retrain": {"train": {"max_steps": 3}},
}  # fmt: skip


def config(**changes: Any) -> SelfTrainingConfig:
    return checked({**RAW, **changes}, "test")


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No model samples, the grammar does; returns the bundles that were asked for samples."""
    asked: list[Path] = []

    def load(bundle: Path, **_: Any) -> GrammarWriter:
        asked.append(bundle)
        return GrammarWriter(path=bundle)

    monkeypatch.setattr(rounds, "load", load)
    return asked


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that only write down what would be trained, and resume as real ones do."""

    def train(what: TrainConfig, folder: Path, *, resume: bool, **_: Any) -> Path:
        assert resume == (folder / "config.toml").is_file()
        (folder / "bundle").mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(to_toml(what.as_dict()))
        files = {"model.safetensors": what.digest()}
        (folder / "bundle" / "d2t.json").write_text(json.dumps({"files": files}))
        (folder / "run.json").write_text(json.dumps({"metrics": {}}))
        return folder / "bundle"

    monkeypatch.setattr(rounds, "train", train)


def outcome(folder: Path) -> dict[str, Any]:
    """What a finished run decided."""
    manifest = json.loads((folder / "run.json").read_text())
    weights = {
        name: json.loads((folder / name / "bundle" / "d2t.json").read_text())["files"]
        for name in ("base", "round-1/training", "round-2/training")
    }
    return {
        "samples": manifest["data_sha256"],
        "weights": {name: files["model.safetensors"] for name, files in weights.items()},
    }


def test_rounds_build_on_each_other(writer: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    bundle = run_self_training(config(), folder)
    assert bundle == folder / "round-2" / "training" / "bundle"
    assert writer == [folder / "base" / "bundle", folder / "round-1" / "training" / "bundle"]
    samples = [folder / f"round-{n}" / "samples.jsonl" for n in (1, 2)]
    texts = [{e.references for e in load_split(str(p), "train", load_domain())} for p in samples]
    assert not texts[0] & texts[1], "a text of the first round came again in the second"
    last = tomllib.loads((folder / "round-2" / "training" / "config.toml").read_text())
    assert last["data"]["augment"] == [str(path) for path in samples]
    assert last["train"]["max_steps"] == 3
    report = json.loads((folder / "round-1" / "report.json").read_text())
    assert report["retrained"]["select_metric"] == "score"
    assert report["accepted"] >= 12
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["metrics"]["round-1"] == report


def test_killed_anywhere_it_goes_on_to_the_same_end(
    writer: list[Path], quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    # One name for both, as the paths of samples are part of a training's configuration.
    here = tmp_path / "run"
    run_self_training(config(), here)
    whole = here.rename(whole)
    real_train, real_load = rounds.train, rounds.load
    deaths = iter(["base", "round-1", "retrain", "round-2"])
    pending = {"at": next(deaths)}

    def dying_train(what: Any, folder: Path, **rest: Any) -> Path:
        if pending["at"] == ("base" if folder.name == "base" else "retrain"):
            pending["at"] = next(deaths)
            raise KeyboardInterrupt
        return real_train(what, folder, **rest)

    def dying_load(bundle: Path, **rest: Any) -> GrammarWriter:
        generator = real_load(bundle, **rest)
        number = "round-1" if "base" in bundle.parts else "round-2"
        if pending["at"] == number:
            pending["at"] = next(deaths, "")
            generator.die_at = 1
        return generator  # type: ignore[return-value]

    monkeypatch.setattr(rounds, "train", dying_train)
    monkeypatch.setattr(rounds, "load", dying_load)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            run_self_training(config(), here, resume=True)
    run_self_training(config(), here, resume=True)
    broken = here.rename(broken)
    assert outcome(broken) == outcome(whole)


def test_a_folder_belongs_to_one_configuration(
    writer: list[Path], quick: None, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    once = config(rounds=1)
    run_self_training(once, folder)
    with pytest.raises(DataError, match="holds a finished self-training"):
        run_self_training(once, folder)
    assert run_self_training(once, folder, resume=True).is_dir()
    assert len(writer) == 1, "a finished run is not run again"
    with pytest.raises(ConfigError, match="another configuration"):
        run_self_training(config(rounds=1, seed=9), folder, resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        run_self_training(once, tmp_path / "other")


def test_a_trained_model_can_be_the_base(writer: list[Path], quick: None, tmp_path: Path) -> None:
    first = tmp_path / "first"
    run_self_training(config(rounds=1), first)
    raw = {**RAW, "rounds": 1, "base_model": str(first / "base")}
    del raw["base"]
    taken = checked(raw, "test")
    assert taken.base.data.train == f"{SMALL}/train.csv", "the run's configuration is taken over"
    run_self_training(taken, tmp_path / "second")
    assert writer[-1] == first / "base" / "bundle"
    assert not (tmp_path / "second" / "base").exists()
    with pytest.raises(ConfigError, match="holds no bundle"):
        run_self_training(config(base_model=str(tmp_path / "none")), tmp_path / "third")


def test_a_round_without_samples_says_so(writer: list[Path], quick: None, tmp_path: Path) -> None:
    strict = {**RAW["filter"], "rare_share": 0.99}
    with pytest.raises(DataError, match=r"no sample .* passed the filters"):
        run_self_training(
            config(filter=strict, sample={**RAW["sample"], "max_proposals": 12}), tmp_path / "run"
        )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"sampel": {}}, "unknown key 'sampel'; did you mean 'sample'"),
        ({"sample": {"targt": 3}}, "unknown key 'sample.targt'; did you mean 'target'"),
        ({"filter": {"agree": "maybe"}}, "filter.agree: .*'none', 'mr' or 'plan'"),
        ({"sample": {"min_size": 9}}, "min_size 9 is above max_size 8"),
        ({"base": {"trian": {}}}, r"\[base\]: unknown key 'trian'; did you mean 'train'"),
        ({"base": 3}, "base must be a table"),
        ({"retrain": {"train": {"epoch": 3}}}, r"\[retrain\]: unknown key 'train.epoch'"),
        ({"rounds": 0}, "rounds: .*greater than or equal to 1; got 0"),
    ],
)
def test_mistakes_in_a_configuration_are_named(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(raw, "file.toml")


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "experiments" / "self_training").glob("*.toml")),
    ids=lambda path: path.stem,
)
def test_every_shipped_configuration_parses_and_comes_back(path: Path) -> None:
    loaded = load_self_training_config(path)
    assert checked(tomllib.loads(loaded.to_toml()), "again").digest() == loaded.digest()
    changed = load_self_training_config(path, sets=("sample.target=7", "base.run.threads=2"))
    assert changed.sample.target == 7
    assert changed.digest() != loaded.digest()
    same = load_self_training_config(path, sets=("base.run.threads=2",))
    assert same.digest() == loaded.digest(), "threads are not part of what is computed"
