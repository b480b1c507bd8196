"""From an MR and a plan to the pieces a generator reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from d2t.errors import BundleError, DataError
from d2t.language.delex import Bindings, escape, features
from d2t.language.symbols import (
    ABSENT,
    BREAK,
    COUNTERFACTUAL,
    EMPTY,
    FACTUAL,
    MAX_VALUES,
    SAY,
    act_symbol,
    kind_symbol,
    placeholder,
    slot_symbol,
)
from d2t.linearize.base import restore_strategy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example
    from d2t.linearize.base import Strategy
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan, Slot


@dataclass(frozen=True, slots=True)
class PlanFirst:
    """SCOTT's format with the plan as rationale (rules F3.2, F5.6).

    The source begins with the tag, the target with the tag, the plan and ``<say>``. At inference
    the tag is ``<factual>`` and the plan orders the MR's own slots.

    Attributes:
        tags: whether there are tags; a switch in the source's code too.
    """

    tags: bool = True

    def tag(self, *, factual: bool) -> tuple[str, ...]:
        """What source and target begin with."""
        if not self.tags:
            return ()
        return (FACTUAL if factual else COUNTERFACTUAL,)

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore what ``state`` returned; raises ``KeyError`` where something is missing."""
        return cls(bool(state["tags"]))


@dataclass(frozen=True)
class Inventory:
    """Known values by slot; open and numeric slots have none, they are always delexicalized."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        corpus: Iterable[Example],
        domain: Domain,
        *,
        min_count: int = 3,
        min_share: float = 0.002,
    ) -> Inventory:
        """Values that enough training MRs have to have been learnt, by number and by share.

        A rare one is better copied: a model that met "4 out of 5" 14 times says "3 out of 5".
        """
        closed = {spec.name for spec in domain.slots if spec.kind not in ("open", "numeric")}
        counts: Counter[Slot] = Counter()
        n = 0
        for example in corpus:
            n += 1
            counts.update(slot for slot in set(example.mr.slots) if slot.name in closed)
        least = max(min_count, min_share * n)
        known = sorted(slot for slot, count in counts.items() if count >= least)
        return cls(
            {name: tuple(s.value for s in known if s.name == name) for name in sorted(closed)}
        )

    @classmethod
    def of_domain(cls, domain: Domain) -> Inventory:
        """The values that the domain file lists, where there is no corpus to fit on."""
        return cls({s.name: s.values for s in domain.slots if s.kind not in ("open", "numeric")})

    def __contains__(self, slot: Slot) -> bool:
        return slot.value in self.values.get(slot.name, ())

    def state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {name: list(values) for name, values in self.values.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Inventory:
        """Restore what ``state`` returned."""
        return cls({name: tuple(values) for name, values in state.items()})


_NOTHING: frozenset[Slot] = frozenset()


@dataclass(frozen=True, slots=True)
class LinearizedInput:
    """What the generator reads, and how to read what it answers.

    Attributes:
        pieces: symbols and value texts, in order; a piece is one or the other.
        bindings: what the placeholders stand for; ``relexicalize`` takes them.
        plan: the plan that the source follows.
        prefix: what the decoder is given before it speaks, in pieces; nothing for most models.
    """

    pieces: tuple[str, ...]
    bindings: Bindings
    plan: Plan
    prefix: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.pieces)


class Linearizer:
    """Writes sources: the strategy says which slots stand where, this how a slot is written.

    A slot is its symbol and its value as text, or its symbol, a placeholder and the grammar
    features of the hidden value. Hidden are open and numeric slots, values outside the inventory,
    and what ``mask`` names; never a boolean's yes or no. A second, third and fourth hidden value
    of a slot get numbered placeholders in plan order; a fifth is written as text, so that no
    content is lost.

    Departures from rule O2: no atomic ``slot=value`` tokens (an unseen value would have none),
    ViGGO's ``rating`` is a slot like the others, and only the dialogue act is a header, in domains
    with several. A planned sentence ends with ``<break>`` and a phrase begins with its kind
    (the paper marks a phrase at both ends).
    """

    def __init__(
        self,
        domain: Domain,
        strategy: Strategy,
        inventory: Inventory,
        plan_first: PlanFirst | None = None,
    ) -> None:
        self.domain = domain
        self.strategy = strategy
        self.inventory = inventory
        self.plan_first = plan_first

    def linearize(
        self,
        mr: MeaningRepresentation,
        plan: Plan,
        *,
        mask: frozenset[Slot] | None = None,
        keep: frozenset[Slot] = _NOTHING,
        kind: str | None = None,
        said: Plan | None = None,
        factual: bool = True,
    ) -> LinearizedInput:
        """The source of ``mr`` in the order of ``plan``.

        Args:
            mr: gives the dialogue act.
            plan: the slots to write; whether it covers the MR is the caller's business, since an
                aligned plan may be shorter. Its ``breaks`` are written if it has them and the
                strategy plans sentences.
            mask: closed slots to hide although the model knows their values (training).
            keep: closed slots to leave as text although they are rare or numeric (training: those
                that the reference does not say verbatim, so that source and target agree).
            kind: of the phrase that is wanted; None is a whole utterance.
            said: what the decoder says first, where it says a plan; None is ``plan``.
            factual: False for a training pair whose ``said`` contradicts the MR.

        Raises:
            DataError: code ``plan_mismatch``: ``said`` has other slots than the MR, which is only
                for pairs that are not factual: a model that obeys its plan would say what is false
                (rule F5.6).
            DomainError: the plan holds a slot that the domain does not know, or there is no such
                kind of phrase.
        """
        ends: set[int] = set()
        if self.strategy.plans_sentences:
            ends = _ends(plan)
        writer = _Writer(self, mask or _NOTHING, keep)
        pieces: list[str] = [] if kind is None else [kind_symbol(kind)]
        if len(self.domain.dialogue_acts) > 1:
            pieces.append(act_symbol(mr.dialogue_act))
        for position, (name, slot) in enumerate(self.strategy.layout(plan), start=1):
            pieces.append(slot_symbol(name))
            pieces += [ABSENT] if slot is None else writer.value(slot)
            if position in ends:
                pieces.append(BREAK)
        prefix: tuple[str, ...] = ()
        if self.plan_first is not None:
            said = plan if said is None else said
            if factual:
                _require_own(said, mr)
            tag = self.plan_first.tag(factual=factual)
            pieces = [*tag, *pieces]
            prefix = (*tag, *writer.plan(said), SAY)
        return LinearizedInput(tuple(pieces), writer.bindings(), plan, prefix)

    @property
    def needs_planner(self) -> bool:
        """Whether an order is needed that only a user or a planner can give."""
        return self.strategy.needs_planner or self.plan_first is not None

    @property
    def plans_sentences(self) -> bool:
        """Whether the model is shown where the sentences of a plan end."""
        return self.strategy.plans_sentences or self.plan_first is not None

    def state(self) -> dict[str, Any]:
        """JSON-able: the strategy's tables and the inventory; the domain is saved beside it."""
        state = {"strategy": self.strategy.state(), "inventory": self.inventory.state()}
        if self.plan_first is not None:
            state["plan_first"] = self.plan_first.state()
        return state

    @classmethod
    def from_state(cls, state: dict[str, Any], domain: Domain) -> Self:
        """Restore what ``state`` returned.

        Raises:
            BundleError: an entry is missing or of the wrong type.
        """
        try:
            strategy, inventory = state["strategy"], Inventory.from_state(state["inventory"])
            first = PlanFirst.from_state(state["plan_first"]) if "plan_first" in state else None
        except (KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"cannot restore the linearizer: bad or missing entry ({error!r}), expected "
                "'strategy' and 'inventory'; the bundle is damaged: copy or train it again"
            ) from error
        return cls(domain, restore_strategy(strategy), inventory, first)

    def hides(self, slot: Slot, mask: frozenset[Slot], keep: frozenset[Slot]) -> bool:
        """Whether the value is shown as a placeholder, if one is free."""
        spec = self.domain.slot(slot.name)
        if spec.kind == "open":
            return True
        if slot in keep or (spec.kind == "boolean" and slot.value in spec.values):
            return False
        return spec.kind == "numeric" or slot in mask or slot not in self.inventory


class _Writer:
    """Writes the values of one source, and of the plan that goes with it, with one numbering."""

    def __init__(
        self, linearizer: Linearizer, mask: frozenset[Slot], keep: frozenset[Slot]
    ) -> None:
        self._linearizer, self._mask, self._keep = linearizer, mask, keep
        self._numbers: dict[Slot, int] = {}
        self._bound: dict[str, str] = {}
        self._open: set[str] = set()

    def value(self, slot: Slot) -> list[str]:
        """The pieces of its value: text, or a placeholder and what the hidden value is like."""
        if not slot.value:
            return [EMPTY]
        hidden = self._linearizer.hides(slot, self._mask, self._keep)
        if not hidden or not (symbol := _symbol(slot, self._numbers)):
            return [escape(slot.value)]
        self._bound[symbol] = slot.value
        if self._linearizer.domain.slot(slot.name).kind == "open":
            self._open.add(symbol)
        return [symbol, *features(slot.value)]

    def plan(self, plan: Plan) -> list[str]:
        """The pieces of a plan: slots with their values, sentence ends; features are no content."""
        pieces: list[str] = []
        ends = _ends(plan)
        for position, slot in enumerate(plan.slots, start=1):
            pieces += [slot_symbol(slot.name), self.value(slot)[0]]
            if position in ends:
                pieces.append(BREAK)
        return pieces

    def bindings(self) -> Bindings:
        """What the placeholders that were written stand for."""
        return Bindings(self._bound, open_symbols=frozenset(self._open))


def _ends(plan: Plan) -> set[int]:
    """Positions, from 1, at which a planned sentence ends."""
    return set() if plan.breaks is None else {*plan.breaks, len(plan)}


def _require_own(said: Plan, mr: MeaningRepresentation) -> None:
    """See that a plan orders the slots of the MR; one may be said twice."""
    foreign = sorted(set(said.slots) - set(mr.slots))
    missing = sorted(set(mr.slots) - set(said.slots))
    if foreign or missing:
        parts = [
            f"{what}: {', '.join(map(str, slots))}"
            for what, slots in (("not in the MR", foreign), ("missing", missing))
            if slots
        ]
        raise DataError(
            f"the plan is not an order of the MR's slots ({'; '.join(parts)}); give one that is, "
            "or none",
            code="plan_mismatch",
        )


def _symbol(slot: Slot, numbers: dict[Slot, int]) -> str | None:
    """The slot's placeholder, the same at each repeat, or None when all of them are taken."""
    if slot not in numbers:
        numbers[slot] = 1 + sum(other.name == slot.name for other in numbers)
    return placeholder(slot.name, numbers[slot]) if numbers[slot] <= MAX_VALUES else None
