"""Observers for LAS: small networks that answer from input and rationale, or one of them.

One network a judged system sees all three, since in training the input or the rationale is left out
at random (rule F3.3), and is then asked three times. The network is that of the
learned parser, from scratch; the original's observers are pretrained T5s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import torch
from pydantic import Field, model_validator
from torch import nn

from d2t._version import __version__
from d2t.errors import DataError
from d2t.judges.observer.simulatability import SimulatedItem
from d2t.judges.parser.classifier import ClassifierConfig, SlotClassifier
from d2t.model.layers import pad
from d2t.score.records import checker_for
from d2t.section import Section
from d2t.seeding import derived_rng
from d2t.train.loop.small import batches_of_like_length, enough_epochs, fit, seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from torch import Tensor

    from d2t.judges.observer.items import SimulationItem, Target
    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import Resampling


_FEWEST_STEPS = 500
_UNKNOWN = 1
_SPECIAL = ("<pad>", "<unk>", "input:<none>", "rationale:<none>")
_MOST_WORDS = 400


class SimulatorConfig(Section):
    """Settings of the observers.

    Attributes:
        drop_input, drop_rationale: share of training items without their input, and of those
            without their rationale; never both (the original's 20% and 40%, e-SNLI).
        epochs: passes over the items; None: 6, or more on few items, for 500 steps.
        min_count: a word must occur in this many training items.
        lr: peak rate of Adam; 6% warm-up, then a cosine.
        folds: without training items of their own, each item is answered by an observer that
            learned from the MRs of the other folds.
    """

    classifier: ClassifierConfig = ClassifierConfig(width=32, filters=32, windows=3)
    drop_input: float = Field(default=0.2, ge=0, le=1)
    drop_rationale: float = Field(default=0.4, ge=0, le=1)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=64, ge=1)
    lr: float = Field(default=3e-3, gt=0)
    min_count: int = Field(default=2, ge=1)
    folds: int = Field(default=5, ge=2)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _never_both(self) -> Self:
        if self.drop_input + self.drop_rationale > 1:
            raise ValueError("drop_input and drop_rationale must not exceed 1 together")
        return self

    @property
    def signature(self) -> str:
        """What a score depends on."""
        return (
            f"drop:{self.drop_input:g}/{self.drop_rationale:g}|cnn:{self.classifier.filters}"
            f"x{self.classifier.windows}|seed:{self.seed}"
        )


@dataclass
class Simulator:
    """A trained observer.

    Attributes:
        words: ids of the words it knows.
        answers: by output, the question and the answer it stands for.
        network: in evaluation mode.
    """

    words: dict[str, int]
    answers: tuple[tuple[str, str], ...]
    network: SlotClassifier

    def answer(
        self, items: Sequence[SimulationItem], *, input: bool = True, rationale: bool = True
    ) -> list[str | None]:
        """The likeliest answer to each item's question from what is shown of it.

        None where no training item had the question.
        """
        rows = [self.encode(item, input=input, rationale=rationale) for item in items]
        answers: list[str | None] = []
        for start in range(0, len(rows), 256):
            with torch.inference_mode():
                logits = self.network(pad(rows[start : start + 256]))
            masked = logits + self._legal(items[start : start + 256])
            best = masked.max(dim=-1)
            answers += [
                self.answers[at][1] if value > float("-inf") else None
                for value, at in zip(best.values.tolist(), best.indices.tolist(), strict=True)
            ]
        return answers

    def encode(self, item: SimulationItem, *, input: bool, rationale: bool) -> list[int]:
        """Ids of the question and of what is shown; input and rationale have words of their own."""
        seen = _words(item, input=input, rationale=rationale)
        return [self.words.get(word, _UNKNOWN) for word in seen][:_MOST_WORDS]

    def _legal(self, items: Sequence[SimulationItem]) -> Tensor:
        """``(items, answers)``: 0 for answers to the item's question, else -inf."""
        questions = [question for question, _ in self.answers]
        return torch.tensor(
            [[0.0 if q == item.question else float("-inf") for q in questions] for item in items]
        )


def train_simulator(
    items: Sequence[SimulationItem],
    config: SimulatorConfig,
    *,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> Simulator:
    """Fit an observer; deterministic for a seed and a number of threads.

    Raises:
        DataError: there are no items.
    """
    if not items:
        raise DataError("there is nothing to train an observer on: no items", code="empty_file")
    counts = Counter(
        word for item in items for word in set(_words(item, input=True, rationale=True))
    )
    kept = sorted(word for word, n in counts.items() if n >= config.min_count)
    words = {word: k for k, word in enumerate((*_SPECIAL, *kept))}
    answers = tuple(sorted({(item.question, item.answer) for item in items}))
    with seeded(config.seed, "simulator"):
        network = SlotClassifier(config.classifier, len(words), len(answers))
        simulator = Simulator(words, answers, network)
        _fit(simulator, items, config, progress)
    return simulator


def _words(item: SimulationItem, *, input: bool, rationale: bool) -> list[str]:
    read = item.input if input else ("<none>",)
    said = item.rationale if rationale else ("<none>",)
    return [
        f"question:{item.question}",
        *(f"input:{word}" for word in read),
        *(f"rationale:{word}" for word in said),
    ]


def _shown(config: SimulatorConfig, rng: Random) -> tuple[bool, bool]:
    """Whether a training item shows its input, and its rationale; at least one of them."""
    draw = rng.random()
    return draw >= config.drop_input, not (
        config.drop_input <= draw < config.drop_input + config.drop_rationale
    )


def _fit(
    simulator: Simulator,
    items: Sequence[SimulationItem],
    config: SimulatorConfig,
    progress: Callable[[float, str], None],
) -> None:
    """Cross-entropy over the answers to each item's question."""
    place = {key: at for at, key in enumerate(simulator.answers)}
    targets = torch.tensor([place[item.question, item.answer] for item in items])

    def batches(epoch: int) -> list[list[tuple[int, list[int]]]]:
        rng = derived_rng(config.seed, "simulator", epoch)
        rows = []
        for item in items:
            input, rationale = _shown(config, rng)
            rows.append(simulator.encode(item, input=input, rationale=rationale))
        places = batches_of_like_length(rows, config.batch_size, rng)
        return [[(at, rows[at]) for at in batch] for batch in places]

    def loss(batch: list[tuple[int, list[int]]]) -> Tensor:
        places = [at for at, _ in batch]
        logits = simulator.network(pad([row for _, row in batch]))
        legal = simulator._legal([items[at] for at in places])
        return nn.functional.cross_entropy(logits + legal, targets[places])

    epochs = config.epochs or enough_epochs(
        len(items), config.batch_size, at_least=6, steps=_FEWEST_STEPS
    )
    fit(simulator.network, batches, loss, epochs=epochs, lr=config.lr, progress=progress)


def simulate(
    items: Sequence[SimulationItem],
    config: SimulatorConfig,
    training: Sequence[SimulationItem] | None = None,
    *,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> list[SimulatedItem]:
    """Whether observers are right about ``items``, in their order.

    Args:
        items: what is asked.
        config: settings of the observers.
        training: what one observer learns from; items of an MR that is in ``items`` are left out.
            None: ``config.folds`` observers, each for the MRs that it has not seen.
        progress: called with the share done and a note.

    Raises:
        DataError: no items to learn from, or fewer MRs than folds.
    """
    units = {mr: k for k, mr in enumerate(dict.fromkeys(item.mr for item in items))}
    if training is not None:
        unseen = [item for item in training if item.mr not in units]
        if not unseen:
            raise DataError(
                "all MRs of --train are also in the evaluated outputs; give training outputs for "
                "other MRs, or leave --train out (the observers are then cross-fitted)",
                code="overlap",
            )
        simulator = train_simulator(unseen, config, progress=progress)
        return _judged(simulator, items, units)
    if len(units) < config.folds:
        raise DataError(
            f"{len(units)} MRs cannot be split into {config.folds} folds; give more outputs, or "
            "fewer folds",
            code="too_few_records",
        )
    fold = _folds(len(units), config)
    found: dict[int, SimulatedItem] = {}
    for k in range(config.folds):
        inside = [at for at, item in enumerate(items) if fold[units[item.mr]] == k]
        others = [item for item in items if fold[units[item.mr]] != k]
        simulator = train_simulator(
            others, config, progress=partial(_share, progress, k, config.folds)
        )
        found |= dict(
            zip(inside, _judged(simulator, [items[at] for at in inside], units), strict=True)
        )
    return [found[at] for at in range(len(items))]


def signature_of(
    domain: Domain,
    target: Target,
    config: SimulatorConfig,
    resampling: Resampling,
    *,
    cross_fitted: bool = True,
) -> str:
    """What a LAS depends on, beside the outputs.

    Args:
        domain: of the outputs.
        target: what was asked.
        config: settings of the observers.
        resampling: of the intervals.
        cross_fitted: whether the observers learned from the other folds of the same outputs.
    """
    learned = f"folds:{config.folds}" if cross_fitted else "train-file"
    return (
        f"LAS|dom:{domain.name}@{domain.digest[:4]}|lex:{checker_for(domain).lexicon_digest[:4]}"
        f"|y:{target}|{learned}|{config.signature}|bs:{resampling.n_resamples}|v:{__version__}"
    )


def _share(
    progress: Callable[[float, str], None], k: int, folds: int, share: float, note: str
) -> None:
    progress((k + share) / folds, note)


def _folds(n: int, config: SimulatorConfig) -> list[int]:
    """The fold of each unit: as even as can be, drawn by the seed."""
    folds = [k % config.folds for k in range(n)]
    derived_rng(config.seed, "folds").shuffle(folds)
    return folds


def _judged(
    simulator: Simulator, items: Sequence[SimulationItem], units: dict[object, int]
) -> list[SimulatedItem]:
    shown = (
        simulator.answer(items),
        simulator.answer(items, rationale=False),
        simulator.answer(items, input=False),
    )
    return [
        SimulatedItem(
            item.question, item.answer, units[item.mr], *(answer == item.answer for answer in three)
        )
        for item, *three in zip(items, *shown, strict=True)
    ]
