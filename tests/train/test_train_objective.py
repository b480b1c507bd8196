"""Objectives are looked up in their registry: other packages add them, the core names none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest
from plugins import install, undo_registrations
from pydantic import Field

from d2t.errors import ConfigError
from d2t.recipes.run import train
from d2t.train.config.load import load_config, to_toml
from d2t.train.config.options import OBJECTIVES, ObjectiveOptions
from d2t.train.loop.objective import Objective, objective_of
from d2t.train.loop.parts import Part, StepParts

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.config.options import TrainConfig

SMALL = {
    "data.limit": 20, "data.vocab_size": 400, "model.width": 16, "model.ffn": 16, "model.heads": 2,
    "model.encoder_layers": 1, "model.decoder_layers": 1, "train.batch_size": 8,
    "train.max_steps": 2, "select.n_mrs": 2, "select.n_pairs": 4, "run.threads": 1,
    "run.device": "cpu",
}  # fmt: skip


class Halves(Objective):
    """Both halves of the training pairs weigh the same."""

    name: Literal["halves"]
    first: float = Field(default=0.5, gt=0, lt=1)

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        if architecture == "bigru":
            raise ValueError("halves are for transformers")

    def prepare(self, config, data, say):
        return replace(data, train=data.train[:10], counts={**data.counts, "halved": 1})

    def parts(self, run):
        pairs = run.data.pairs
        return StepParts(
            [Part(pairs[:5], self.first), Part(pairs[5:], 1 - self.first)], {"first": 5}, {"x": "y"}
        )


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> None:
    undo_registrations(monkeypatch, OBJECTIVES)
    install(monkeypatch, "d2t.objectives", {"halves": Halves})


@pytest.mark.usefixtures("halves")
def test_an_objective_of_another_package_trains(tmp_path: Path) -> None:
    config = load_config(None, flags={**SMALL, "objective.name": "halves", "objective.first": 0.25})
    assert isinstance(config.objective, Halves)
    assert config.as_dict()["objective"] == {"name": "halves", "first": 0.25}
    train(config, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["halved"] == 1
    assert manifest["counts"]["first"] == 5
    assert manifest["data_sha256"]["x"] == "y"
    again = load_config(tmp_path / "run" / "config.toml")
    assert again.objective == config.objective
    assert again.digest() == config.digest()


@pytest.mark.usefixtures("halves")
def test_options_of_an_objective_are_checked_and_part_of_the_identity() -> None:
    def given(**changes: object) -> TrainConfig:
        return load_config(None, flags={"objective.name": "halves", **changes})

    assert given().digest() != load_config(None).digest()
    assert given(**{"objective.first": 0.25}).digest() != given().digest()
    with pytest.raises(ConfigError, match=r"unknown key 'objective\.frist'.*'first'"):
        given(**{"objective.frist": 0.25})
    with pytest.raises(ConfigError, match=r"objective\.first.*less than 1; got 2"):
        given(**{"objective.first": 2})
    with pytest.raises(ConfigError, match="halves are for transformers"):
        given(**{"model.architecture": "bigru"})


def test_unknown_names_are_told_the_neighbour() -> None:
    with pytest.raises(ConfigError, match=r"objective: unknown training objective 'conseqq'.*mean"):
        load_config(None, sets=["objective.name=conseqq"])
    with pytest.raises(ConfigError, match=r"give objective\.name, one of counterfactual, conseq"):
        load_config(None, sets=["objective.alpha=0.5"])


def test_without_an_objective_the_likelihood_is_learnt() -> None:
    assert type(objective_of(load_config(None))) is Objective


def test_options_alone_do_not_train(monkeypatch: pytest.MonkeyPatch) -> None:
    class OptionsOnly(ObjectiveOptions):
        pass

    undo_registrations(monkeypatch, OBJECTIVES)
    install(monkeypatch, "d2t.objectives", {"options_only": OptionsOnly})
    config = load_config(None, sets=["objective.name=options_only"])
    with pytest.raises(ConfigError, match="'options_only' cannot train"):
        objective_of(config)


@pytest.mark.parametrize(
    ("sets", "digest"),
    [
        (["objective.name=counterfactual"], "c9ad978ef539e773"),
        (["objective.name=counterfactual", "objective.pairs=[]", "seed=3"], "bc1d475ecf7c8793"),
    ],
)
def test_identities_of_kept_results_stay(sets: list[str], digest: str) -> None:
    """These digests stand in manifests of runs: the options' dump must not change."""
    config = load_config(None, sets=sets)
    assert config.digest()[:16] == digest
    assert "objective" in to_toml(config.as_dict())
