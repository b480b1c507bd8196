"""Observers: what they can know from what they are shown, and that they never saw an MR twice."""

from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from d2t.errors import DataError
from d2t.judges.observer.items import SimulationItem
from d2t.judges.observer.simulatability import simulatability
from d2t.judges.observer.simulator import SimulatorConfig, _shown, simulate, train_simulator
from d2t.judges.parser.classifier import ClassifierConfig
from d2t.score.bootstrap import Resampling
from d2t.seeding import derived_rng

CONFIG = SimulatorConfig(
    classifier=ClassifierConfig(width=12, filters=12, windows=1, dropout=0.0),
    epochs=25, batch_size=32, folds=2, lr=1e-2,
)  # fmt: skip
COLOURS = ("red", "green", "blue")


def world(n: int, *, hint: float, said: float, seed: int = 0) -> list[SimulationItem]:
    """The input tells the answer with probability ``hint``, the rationale with ``said``."""
    rng = random.Random(seed)
    made = []
    for k in range(n):
        answer = rng.choice(COLOURS)
        shown = answer if rng.random() < hint else "grey"
        words = ("it", "is", answer if rng.random() < said else "nice")
        made.append(SimulationItem("colour", answer, (shown,), words, k))
    return made


def test_what_the_rationale_says_is_learnt_and_leaks() -> None:
    found = simulatability(
        simulate(world(300, hint=0.0, said=1.0), CONFIG), Resampling(n_resamples=0)
    )
    assert found.accuracy["both"].score > 97
    assert found.accuracy["rationale"].score > 97
    assert found.accuracy["input"].score < 55
    assert found.unadjusted.score > 40


def test_shortcuts_show_as_accuracy_from_the_input() -> None:
    found = simulatability(
        simulate(world(300, hint=1.0, said=0.0), CONFIG), Resampling(n_resamples=0)
    )
    assert found.accuracy["input"].score > 97
    assert found.accuracy["rationale"].score < 55
    assert abs(found.unadjusted.score) < 3


def test_deterministic_and_answers_are_those_of_the_question() -> None:
    items = world(60, hint=0.5, said=0.5)
    items += [SimulationItem("size", "big", ("grey",), ("it", "is", "red"), k) for k in range(60)]
    config = CONFIG.model_copy(update={"epochs": 2})
    assert simulate(items, config) == simulate(items, config)
    observer = train_simulator(items, config)
    assert set(observer.answer(items[60:])) == {"big"}
    assert set(observer.answer(items[:60])) <= set(COLOURS)
    [unknown] = observer.answer([SimulationItem("shape", "round", (), (), 1)])
    assert unknown is None


def test_an_observer_has_not_seen_the_mr(monkeypatch: pytest.MonkeyPatch) -> None:
    items, learned = world(40, hint=0.5, said=0.5), []

    def note(others: list[SimulationItem], config: SimulatorConfig, **_: object) -> object:
        learned.append({item.mr for item in others})
        return train_simulator(others, config)

    monkeypatch.setattr("d2t.judges.observer.simulator.train_simulator", note)
    config = CONFIG.model_copy(update={"epochs": 1})
    judged = simulate(items, config)
    assert [item.answer for item in judged] == [item.answer for item in items]
    assert [len(mrs) for mrs in learned] == [20, 20]
    assert not learned[0] & learned[1]
    simulate(items[:10], config, items)
    assert learned[2] == {item.mr for item in items[10:]}


def test_nothing_to_learn_from() -> None:
    items = world(10, hint=1, said=1)
    with pytest.raises(DataError, match="also in the evaluated"):
        simulate(items, CONFIG, items)
    with pytest.raises(DataError, match="2 folds"):
        simulate(items[:1], CONFIG)
    with pytest.raises(DataError, match="no items"):
        train_simulator([], CONFIG)


def test_never_both_are_left_out() -> None:
    rng = derived_rng(1, "x")
    config = SimulatorConfig(drop_input=0.2, drop_rationale=0.4)
    shown = [_shown(config, rng) for _ in range(4000)]
    assert (False, False) not in shown
    assert sum(not input for input, _ in shown) / 4000 == pytest.approx(0.2, abs=0.03)
    assert sum(not rationale for _, rationale in shown) / 4000 == pytest.approx(0.4, abs=0.03)
    with pytest.raises(ValidationError):
        SimulatorConfig(drop_input=0.6, drop_rationale=0.6)
