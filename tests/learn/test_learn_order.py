"""A toy task that must be learnt: saying slots in the order asked for (Sockeye's digits, for us).

*Copy*: texts come in any order, the source has the order of the text (alignment). *Sort*: texts
come in one order and the source is in a fixed one. Under random sources the order is not learnable.
"""

from __future__ import annotations

import csv
from random import Random
from typing import TYPE_CHECKING

import pytest

from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.model.bundle.network import Bundle
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.recipes.run import train
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import load_config

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PHRASES = {
    "name": ("it is called {}", "its name is {}"),
    "eatType": ("it is a {}", "you will find a {}"),
    "food": ("it serves {} food", "the food is {}"),
    "priceRange": ("it is in the {} price range", "its price range is {}"),
    "customer rating": ("its customer rating is {}", "it has a customer rating of {}"),
    "area": ("it is in the {}", "you can find it in the {}"),
    "near": ("it is near {}", "it is close to {}"),
}
VALUES = {
    "name": ("Aromi", "Cotto", "Zizzi", "Strada", "Clowns", "Wildwood"),
    "eatType": ("pub", "restaurant", "coffee shop"),
    "food": ("Italian", "French", "Chinese", "Japanese"),
    "priceRange": ("cheap", "moderate", "high"),
    "customer rating": ("low", "average", "high"),
    "area": ("riverside", "city centre"),
    "near": ("Avalon", "Ranch", "Clare Hall", "Burger King"),
}


def toy_pair(rng: Random, *, shuffled: bool) -> tuple[MeaningRepresentation, str]:
    names = sorted(rng.sample(list(PHRASES), rng.randint(3, 6)))
    if shuffled:
        rng.shuffle(names)
    slots = tuple(Slot(name, rng.choice(VALUES[name])) for name in names)
    clauses = [rng.choice(PHRASES[slot.name]).format(slot.value) for slot in slots]
    text = ", ".join(clauses) + "."
    return MeaningRepresentation(slots), text[0].upper() + text[1:]


def write_toy(path: Path, n: int, seed: int, *, shuffled: bool) -> None:
    rng = Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["mr", "ref"])
        for _ in range(n):
            mr, text = toy_pair(rng, shuffled=shuffled)
            writer.writerow([", ".join(map(str, mr.slots)), text])


def trained(tmp_path: Path, strategy: str, *, shuffled: bool) -> Bundle:
    write_toy(tmp_path / "train.csv", 2000, 1, shuffled=shuffled)
    write_toy(tmp_path / "dev.csv", 100, 2, shuffled=shuffled)
    config = load_config(
        None,
        sets=[
            f"data.train={tmp_path}/train.csv", f"data.dev={tmp_path}/dev.csv",
            "data.vocab_size=500", "model.width=64", "model.ffn=256", "model.heads=4",
            "train.batch_size=32", "train.epochs=25", "train.lr=3e-3", "train.average=0.99",
            "select.every=500", "select.n_mrs=50", "run.device=cpu",
        ],
        flags={"strategy": strategy},
    )  # fmt: skip
    return Bundle.load(train(config, tmp_path / "run"))


def score(bundle: Bundle, *, plans: bool, n: int = 200) -> tuple[float, float]:
    """Order accuracy and SER on new MRs, by plans at random or in the strategy's own order."""
    rng = Random(3)
    requests = []
    for index in range(n):
        mr, _ = toy_pair(rng, shuffled=True)
        slots = list(mr.slots)
        rng.shuffle(slots)
        plan = Plan(tuple(slots)) if plans else None
        requests.append(GenerationRequest(str(index), mr, plan))
    outputs = ModelGenerator(bundle).generate(requests)
    n_slots = sum(output.report.n_slots for output in outputs)
    ser = 100 * sum(output.report.n_errors for output in outputs) / n_slots
    return 100 * sum(output.order_kept for output in outputs) / n, ser


def test_the_checker_reads_the_toy_language() -> None:
    checker = SlotChecker.for_domain(load_domain("restaurant"))
    rng = Random(4)
    for _ in range(300):
        mr, text = toy_pair(rng, shuffled=True)
        assert checker.align(text, mr).plan().slots == mr.slots, text


def test_alignment_training_learns_to_copy_the_order(tmp_path: Path) -> None:
    order, ser = score(trained(tmp_path, "alignment", shuffled=True), plans=True)
    assert order >= 98
    assert ser <= 2


def test_fixed_position_learns_to_sort(tmp_path: Path) -> None:
    bundle = trained(tmp_path, "fixed_position", shuffled=False)
    _, ser = score(bundle, plans=False)
    assert ser <= 2
    # The corpus says slots alphabetically; the outputs must, whatever order the source is in.
    rng = Random(5)
    mrs = [toy_pair(rng, shuffled=True)[0] for _ in range(200)]
    outputs = ModelGenerator(bundle).generate(
        [GenerationRequest(str(i), mr) for i, mr in enumerate(mrs)]
    )
    kept = sum(
        [slot.name for slot in output.alignment.plan().slots] == sorted(output.mr.names)
        for output in outputs
    )
    assert 100 * kept / len(outputs) >= 98


def test_random_sources_teach_no_order(tmp_path: Path) -> None:
    order, ser = score(trained(tmp_path, "random", shuffled=True), plans=True)
    assert order <= 50
    assert ser <= 5
