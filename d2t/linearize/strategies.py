"""The four linearization strategies of Kedzie & McKeown (2020): RND, IF, FP and AT (rule O2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Self

from d2t.errors import DataError
from d2t.linearize.base import STRATEGIES, StrategyBase
from d2t.mr.types import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from d2t.corpus.types import Example
    from d2t.linearize.base import Entry
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

_HIDDEN = ""
"""Filler key of every value of an open slot: statistics are delexicalized (rule O1.5)."""


@dataclass(frozen=True)
class FrequencyTable:
    """Utterances per slot filler, counted once per utterance, and their sums per slot.

    Attributes:
        slot_counts: c_s of rule O2; every slot of the domain, 0 when never seen.
        filler_counts: c_sf, by slot name and value; open slots have the one key ``""``.
    """

    slot_counts: dict[str, int] = field(default_factory=dict)
    filler_counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def fit(cls, corpus: Iterable[Example], domain: Domain) -> FrequencyTable:
        """Count the aligned plan of each example, or its MR where no plan is known."""
        hidden = {spec.name for spec in domain.slots if spec.kind == "open"}
        slots: Counter[str] = Counter(dict.fromkeys(domain.slot_names, 0))
        fillers: dict[str, Counter[str]] = {}
        for example in corpus:
            said = example.plan.slots if example.plan is not None else example.mr.slots
            distinct = {(s.name, _HIDDEN if s.name in hidden else s.value) for s in said}
            for name, value in distinct:
                slots[name] += 1
                fillers.setdefault(name, Counter())[value] += 1
        table = {name: dict(sorted(counts.items())) for name, counts in sorted(fillers.items())}
        return cls(dict(sorted(slots.items())), table)

    def slot_key(self, name: str) -> tuple[int, str]:
        """Sort key of a slot: c_s ascending, ties by name (rule W11)."""
        return self.slot_counts.get(name, 0), name

    def key(self, slot: Slot) -> tuple[int, str, int, str]:
        """Sort key of a slot–value pair: its slot's key, then c_sf ascending, ties by value.

        A filler never seen in training counts 0; the paper's code looks it up and fails (rule W12).
        """
        fillers = self.filler_counts.get(slot.name, {})
        count = fillers.get(slot.value, fillers.get(_HIDDEN, 0))
        return (*self.slot_key(slot.name), count, slot.value)

    def state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"slot_counts": self.slot_counts, "filler_counts": self.filler_counts}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FrequencyTable:
        """Restore what ``state`` returned."""
        return cls(
            dict(state["slot_counts"]), {k: dict(v) for k, v in state["filler_counts"].items()}
        )


@STRATEGIES.register("random", "rnd")
class RandomOrder(StrategyBase):
    """Uniform shuffle of the slots (Kedzie & McKeown 2020, "RND"; rule O2).

    The caller decides when it is resampled by what ``rng`` it passes: the trainer derives one from
    (seed, epoch, example), which gives a new order at every reading, and one frozen order for
    validation.
    """

    name: ClassVar[str] = "random"
    alias: ClassVar[str] = "rnd"

    def order(self, example: Example, *, rng: Random) -> Plan:
        """A shuffle; it depends on ``rng`` and the multiset of slots, not on their order."""
        slots = sorted(example.mr.slots)
        rng.shuffle(slots)
        return Plan(tuple(slots))


@STRATEGIES.register("increasing_frequency", "if")
class IncreasingFrequency(StrategyBase):
    """Slots by their count in the training plans, ascending (Kedzie & McKeown 2020, "IF"; rule O2).

    Values of one slot stand together, by filler count ascending. Ties go by slot name, then value;
    the paper's code breaks them by the MR's order on E2E, which would let the input's order leak
    through.
    """

    name: ClassVar[str] = "increasing_frequency"
    alias: ClassVar[str] = "if"

    def __init__(self, table: FrequencyTable | None = None) -> None:
        self.table = table or FrequencyTable()

    def fit(self, corpus: Iterable[Example], domain: Domain) -> Self:
        """Count slots and fillers of the aligned training plans."""
        self.table = FrequencyTable.fit(corpus, domain)
        return self

    def order(self, example: Example, *, rng: Random) -> Plan:
        """The MR's slots, the rarest first; ``rng`` is not used."""
        return Plan(tuple(sorted(example.mr.slots, key=self.table.key)))

    def state(self) -> dict[str, Any]:
        """Name and counts."""
        return {"name": self.name, **self.table.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore the counts."""
        return cls(FrequencyTable.from_state(state))


@STRATEGIES.register("fixed_position", "fp")
class FixedPosition(IncreasingFrequency):
    """IF order with absent slots shown as such (Kedzie & McKeown 2020, "FP"; rule O2).

    Departures: a slot with several values keeps all of them at its place (the paper keeps the most
    frequent one on E2E, which loses content), list slots are not padded to their longest length,
    and the place is keyed by (count, name), so that equal counts cannot swap (rule W11).
    """

    name: ClassVar[str] = "fixed_position"
    alias: ClassVar[str] = "fp"
    reads_plans: ClassVar[bool] = False

    @property
    def positions(self) -> tuple[str, ...]:
        """All slot names in their fixed order."""
        return tuple(sorted(self.table.slot_counts, key=self.table.slot_key))

    def layout(self, plan: Plan) -> tuple[Entry, ...]:
        """One block per slot of the domain.

        Under its own order each slot stands at its fixed place. Under somebody else's plan the
        absent slots keep their places and the present ones fill the others in the plan's order.
        """
        blocks = [tuple(block) for _, block in groupby(plan.slots, key=lambda slot: slot.name)]
        present = set(plan.names)
        entries: list[Entry] = []
        for name in self.positions:
            if name not in present:
                entries.append((name, None))
            else:
                entries.extend((slot.name, slot) for slot in blocks.pop(0))
        # A plan that returns to a slot has more blocks than there are places.
        entries.extend((slot.name, slot) for block in blocks for slot in block)
        return tuple(entries)


@STRATEGIES.register("alignment", "at")
class AlignmentTraining(StrategyBase):
    """The aligned order of the example's reference, repeats kept.

    Kedzie & McKeown 2020, "AT"; rule O2. It exists where a reference has been aligned; the order of
    a new MR comes from a user or a planner. Departure: where the plan knows its sentences, the
    source shows their ends too, so that a user can say what is told in one sentence; the paper's
    plans have no sentences.
    """

    name: ClassVar[str] = "alignment"
    alias: ClassVar[str] = "at"
    needs_planner: ClassVar[bool] = True
    plans_sentences: ClassVar[bool] = True

    def order(self, example: Example, *, rng: Random) -> Plan:
        """``example.plan``; ``rng`` is not used.

        Raises:
            DataError: the example has no plan.
        """
        if example.plan is None:
            raise DataError(
                f"example {example.id!r} has no plan, and alignment training reads its order "
                "from one; align the corpus first (`align_examples`), or give a plan: "
                "`--plan area,food,name`, a `plan` field in the record, or a planner",
                code="no_plan",
            )
        return example.plan
