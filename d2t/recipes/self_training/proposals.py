"""The MRs and plans that a self-training round samples for: rare MRs first, in new orders.

Kedzie & McKeown 2019; rule O7.4. Departures: a slot may get two values, of pairs that training MRs
have (any two would contradict each other as often as not); a proposal brings a plan and, in a
share, its sentences; MRs of the held-out splits are not proposed; counts are updated between blocks
of proposals, not after each, so that a block can be drawn at once, and have no N/A; a round ends
with enough samples, not with 25,000 proposals a size or when all values are as frequent as the most
frequent one; the slot that is always there is the one that nearly all training MRs have
(``always_share``), and values that next to none has are left out (``min_value_share``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from d2t.errors import DataError
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.untrained import random_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.recipes.self_training.config import SampleConfig

_Key = TypeVar("_Key")
_Pair = tuple[str, str]
_Sentence = tuple[bool, frozenset[str]]
_TRIES = 50
"""Draws after which the whole space is taken to be held out."""


class Orders(Protocol):
    """What proposing needs of a planner."""

    def plan(self, mr: MeaningRepresentation, *, rng: Random | None = None) -> Plan:
        """An order of the MR's slots."""
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """An MR to be verbalised in the order of ``plan``; ``size`` is the number of its slot names."""

    id: str
    size: int
    mr: MeaningRepresentation
    plan: Plan

    def unbroken(self) -> Proposal:
        """The same order, its sentences left open."""
        return replace(self, plan=Plan(self.plan.slots))


@dataclass(frozen=True, slots=True)
class _Act:
    """What one dialogue act is proposed with.

    Attributes:
        weight: training MRs.
        always: the slots that (nearly) all of them have.
        others: the slots from which the rest is drawn, in display order.
        values: legal values of each slot, sorted.
        second: chance of two values, for the slots that ever have them.
        pairs: the two values that a slot has had together, and how often.
        names: the open slots.
    """

    weight: int
    always: tuple[str, ...]
    others: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    second: Mapping[str, float]
    pairs: Mapping[str, Mapping[_Pair, int]]
    names: frozenset[str]


class ProposalSource:
    """Draws proposals; knows what training data and accepted samples have said so far."""

    def __init__(
        self, options: SampleConfig, held_out: frozenset[object], planner: Orders | None
    ) -> None:
        self.options = options
        self.held_out = held_out
        self.planner = planner
        self._acts: dict[str, _Act] = {}
        self._counts: dict[tuple[str, int, str], Counter[str]] = {}
        self._starts: dict[int, Counter[str]] = {}
        self._doubles: Counter[tuple[str, _Pair | None]] = Counter()
        self._sentences: dict[int, Counter[int]] = {}
        self._seen_sentences: Counter[_Sentence] = Counter()
        self._least = 1.0  # training sentences like a planned one

    def fit(self, examples: Sequence[Example], domain: Domain) -> None:
        """Count slots, values, second values and sentences of the training pairs.

        Raises:
            DataError: there are no pairs.
        """
        if not examples:
            raise DataError("no training pairs to propose MRs from; check [base.data]")
        self._least = max(1.0, self.options.sentence_share * len(examples))
        by_act: dict[str, list[MeaningRepresentation]] = {}
        for example in examples:
            by_act.setdefault(example.mr.dialogue_act, []).append(example.mr)
            self.observe(example.mr)
            if example.plan is not None and example.plan.breaks is not None:
                table = self._sentences.setdefault(len(example.plan), Counter())
                table[len(example.plan.breaks) + 1] += 1
                self._seen_sentences.update(_sentences(example.plan))
        for act, mrs in sorted(by_act.items()):
            self._acts[act] = _act(mrs, domain, self.options)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that can be proposed, ascending."""
        largest = max(len(act.always) + len(act.others) for act in self._acts.values())
        low = min(self.options.min_size, largest)
        return tuple(range(low, min(self.options.max_size, largest) + 1))

    def observe(self, mr: MeaningRepresentation, plan: Plan | None = None) -> None:
        """Count an MR that has been said: its values are proposed less from now on.

        With the ``plan`` of a sample, so are orders that begin as it does, and two values of a slot
        that it has both.
        """
        size = len(mr.names)
        if plan is not None:
            self._starts.setdefault(size, Counter())[plan.slots[0].name] += 1
            doubles = {name: mr.values(name) for name in mr.names if len(mr.values(name)) == 2}
            for name, (one, other) in doubles.items():
                self._doubles.update([(name, None), (name, (min(one, other), max(one, other)))])
        for name in mr.names:
            counts = self._counts.setdefault((mr.dialogue_act, size, name), Counter())
            counts.update(mr.values(name))

    def propose(self, id: str, size: int, rng: Random) -> Proposal | None:
        """One proposal of ``size`` slots; None when (nearly) every such MR is held out."""
        for _ in range(_TRIES):
            mr = self._draw_mr(size, rng)
            if mr.key() not in self.held_out:
                return Proposal(id, size, mr, self._draw_plan(mr, rng))
        return None

    def value_weights(self, act: str, size: int, name: str) -> dict[str, float]:
        """Unnormalised probability of each value: 1 / (n[size][slot][value] + 1) (rule O7.4)."""
        counts = self._counts.get((act, size, name), Counter())
        return {value: 1 / (counts[value] + 1) for value in self._acts[act].values[name]}

    def _draw_mr(self, size: int, rng: Random) -> MeaningRepresentation:
        # An act with fewer slots than wanted can still be asked for all it has.
        able = {a: s.weight for a, s in self._acts.items() if len(s.always) + len(s.others) >= size}
        act = _weighted(able, rng)
        spec = self._acts[act]
        n_others = max(0, size - len(spec.always))
        chosen = {*spec.always[:size], *rng.sample(spec.others, n_others)}
        doubled = self._draw_doubled(spec, chosen, rng)  # slots with two values
        slots: list[Slot] = []
        for name in (*spec.always, *spec.others):
            if name not in chosen:
                continue
            weights = self.value_weights(act, size, name)
            if name in spec.names:  # "Aromi is near Aromi" is nothing to learn from
                taken = {slot.value for slot in slots if slot.name in spec.names}
                weights = {v: w for v, w in weights.items() if v not in taken} or weights
            if name in doubled:
                slots += [Slot(name, value) for value in doubled[name]]
            else:
                slots.append(Slot(name, _weighted(weights, rng)))
        return MeaningRepresentation(tuple(slots), act)

    def _draw_doubled(self, spec: _Act, chosen: set[str], rng: Random) -> dict[str, _Pair]:
        """The slots that get two values, and which."""
        able = [name for name in (*spec.always, *spec.others) if name in chosen & {*spec.second}]
        if not self.options.multi_share:
            return {
                name: _weighted(_to_power(spec.pairs[name], self.options.pair_power), rng)
                for name in able
                if rng.random() < spec.second[name]
            }
        if not able or rng.random() >= self.options.multi_share:
            return {}
        lacking: dict[tuple[str, _Pair], float] = {}
        for name in able:
            pairs, open_slot = spec.pairs[name], name in spec.names
            for pair in pairs:  # of an open slot one kind: which two names does not matter
                said = self._doubles[name, None if open_slot else pair]
                lacking[name, pair] = 1 / (said + 1) / (len(pairs) if open_slot else 1)
        return dict([_weighted(lacking, rng)])

    def _draw_plan(self, mr: MeaningRepresentation, rng: Random) -> Plan:
        if self.planner is None or rng.random() < self.options.random_plans:
            plan = self._start_rarely(random_plan(mr, rng), rng)
            if self.options.neighbours and rng.random() < self.options.neighbours:
                plan = _side_by_side(plan)
        else:
            plan = self.planner.plan(mr, rng=rng)
        if rng.random() >= self.options.planned_breaks:
            return Plan(plan.slots)
        return Plan(plan.slots, self._draw_breaks(plan.slots, rng))

    def _start_rarely(self, plan: Plan, rng: Random) -> Plan:
        """Another slot at the front, by one over the number of samples that begin with its name.

        Filters like some beginnings better than others; this evens out what they leave.
        """
        counts = self._starts.get(len({slot.name for slot in plan.slots}), Counter())
        weights = {slot: 1 / (counts[slot.name] + 1) for slot in plan.slots}
        first = _weighted(weights, rng)
        return Plan((first, *(slot for slot in plan.slots if slot != first)))

    def _draw_breaks(self, slots: tuple[Slot, ...], rng: Random) -> tuple[int, ...] | None:
        """As many sentences as training texts of this size have, each like one of theirs.

        A sentence may hold the slots that some training sentence holds, in any order; first
        sentences and later ones are told apart ("Near the river." begins no text). None where no
        such sentences are found.
        """
        table = self._sentences.get(len(slots)) or Counter({1: 1})
        for _ in range(_TRIES):
            n_breaks = min(_weighted(table, rng), len(slots)) - 1
            breaks = tuple(sorted(rng.sample(range(1, len(slots)), n_breaks)))
            wanted = _sentences(Plan(slots, breaks))
            if all(self._seen_sentences[s] >= self._least for s in wanted):
                return breaks
        return None


def _sentences(plan: Plan) -> list[_Sentence]:
    """Per sentence of a plan: whether it is the first, and the names of its slots."""
    return [
        (number == 0, frozenset(slot.name for slot in sentence))
        for number, sentence in enumerate(plan.sentences)
    ]


def _side_by_side(plan: Plan) -> Plan:
    """Each further value of a slot right behind the first."""
    first = {slot.name: place for place, slot in reversed(list(enumerate(plan.slots)))}
    return Plan(tuple(sorted(plan.slots, key=lambda slot: first[slot.name])))


def _act(mrs: Sequence[MeaningRepresentation], domain: Domain, options: SampleConfig) -> _Act:
    present = Counter(name for mr in mrs for name in mr.names)
    ranked = [name for name in domain.slot_names if name in present]
    always = tuple(n for n in ranked if present[n] >= options.always_share * len(mrs))
    names = frozenset(name for name in ranked if domain.slot(name).kind == "open")
    values = {name: _values(name, mrs, options) for name in ranked}
    kinds = {name: domain.slot(name).kind for name in ranked}
    pairs = {name: _pairs(name, mrs, values[name]) for name in ranked if kinds[name] != "boolean"}
    # A name that is always there tells what the text is about: two of them would be two subjects.
    shares = {
        name: sum(table.values()) / present[name]
        for name, table in pairs.items()
        if table and not (name in always and name in names)
    }
    second = {name: min(1.0, options.multi_boost * share) for name, share in shares.items()}
    others = tuple(name for name in ranked if name not in always)
    return _Act(len(mrs), always, others, values, second, pairs, names)


def _pairs(
    name: str, mrs: Sequence[MeaningRepresentation], known: tuple[str, ...]
) -> Counter[_Pair]:
    """The two values of a slot, both ``known``, in the MRs that have exactly two of it."""
    doubles = (mr.values(name) for mr in mrs)
    return Counter((min(two), max(two)) for two in doubles if len(two) == 2 and {*two} <= {*known})


def _values(
    name: str, mrs: Sequence[MeaningRepresentation], options: SampleConfig
) -> tuple[str, ...]:
    """The values worth proposing: those that the model has met often enough to say them."""
    counts = Counter(value for mr in mrs for value in mr.values(name))
    least = options.min_value_share * len(mrs)
    return tuple(sorted(value for value, n in counts.items() if n >= least) or sorted(counts))


def _to_power(counts: Mapping[_Pair, int], power: float) -> dict[_Pair, float]:
    return {pair: n**power for pair, n in counts.items()}


def _weighted(weights: Mapping[_Key, float], rng: Random) -> _Key:
    """One key, with probability proportional to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]
