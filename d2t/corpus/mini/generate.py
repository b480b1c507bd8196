"""Sample meaning representations and plans, and write the three files of the embedded corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.corpus.files import write_corpus
from d2t.corpus.mini.compose import compose
from d2t.corpus.mini.grammar import Grammar
from d2t.corpus.types import Example
from d2t.io.atomic import atomic_write
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from d2t.mr.domain import Domain

SEED = 20201116
SIZES = {"train": 2000, "dev": 200, "test": 200}
_SLOT_COUNTS, _SLOT_COUNT_WEIGHTS = (3, 4, 5, 6, 7, 8), (4, 5, 5, 4, 3, 1)
_NAMELESS = 0.04  # share of MRs without a name, so that a model has seen some
_ANY_ORDER = 0.75  # share of plans that are uniform over orders; the others are near display order
_WOBBLE = 1.8  # standard deviation of a slot's place in a near-display order


def generate_mini(seed: int = SEED) -> dict[str, list[Example]]:
    """The corpus by split; ``plan`` is the order in which the grammar said the slots.

    Each training MR has one to three texts, each development and test MR two, in different
    orders. No MR of one split occurs in another.
    """
    grammar, domain = Grammar.load(), load_domain("restaurant")
    taken: set[object] = set()
    return {
        split: _split(split, size, grammar, domain, taken, derived_rng(seed, split))
        for split, size in SIZES.items()
    }


def write_mini(folder: Path, seed: int = SEED) -> list[Path]:
    """Write ``train.csv``, ``dev.csv`` and ``test.csv``; the same bytes for the same seed.

    Raises:
        DataError: the folder cannot be written.
    """
    domain = load_domain("restaurant")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for split, examples in generate_mini(seed).items():
        path = folder / f"{split}.csv"
        with atomic_write(path) as stream:
            write_corpus(stream, examples, domain, form="csv", mr_form="e2e")
        paths.append(path)
    return paths


def _split(
    split: str, size: int, grammar: Grammar, domain: Domain, taken: set[object], rng: Random
) -> list[Example]:
    examples: list[Example] = []
    while len(examples) < size:
        mr = _sample_mr(split, grammar, domain, rng)
        if mr.key() in taken:
            continue
        taken.add(mr.key())
        texts: dict[str, Plan] = {}
        for _ in range(rng.choice((1, 1, 2)) if split == "train" else 2):
            plan = _sample_plan(mr, rng)
            texts.setdefault(compose(grammar, plan.slots, rng), plan)
        for text, plan in texts.items():
            if len(examples) < size:
                examples.append(Example(f"mini-{split}-{len(examples)}", mr, (text,), plan))
    return examples


def _sample_mr(split: str, grammar: Grammar, domain: Domain, rng: Random) -> MeaningRepresentation:
    names = [name for name in domain.slot_names if name != grammar.parts.name]
    count = rng.choices(_SLOT_COUNTS, _SLOT_COUNT_WEIGHTS)[0]
    if count <= len(names) and rng.random() < _NAMELESS:
        chosen = set(rng.sample(names, count))
    else:
        chosen = {grammar.parts.name, *rng.sample(names, count - 1)}
    slots = []
    for spec in domain.slots:
        if spec.name in chosen:
            pools = grammar.open_values.get(spec.name)
            values = spec.values if pools is None else (*pools["shared"], *pools[split])
            slots.append(Slot(spec.name, rng.choice(values)))
    return MeaningRepresentation(tuple(slots))


def _sample_plan(mr: MeaningRepresentation, rng: Random) -> Plan:
    slots = list(mr.slots)
    if rng.random() < _ANY_ORDER:
        rng.shuffle(slots)
        return Plan(tuple(slots))
    places = {slot: index + rng.gauss(0, _WOBBLE) for index, slot in enumerate(slots)}
    return Plan(tuple(sorted(slots, key=places.__getitem__)))
