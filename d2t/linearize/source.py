"""From an MR and a plan to the pieces a generator reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from d2t.errors import BundleError
from d2t.linearize.bindings import Bindings
from d2t.linearize.delex import escape
from d2t.linearize.grammar import features
from d2t.linearize.inventory import Inventory
from d2t.linearize.registry import restore_strategy
from d2t.linearize.symbols import (
    ABSENT,
    BREAK,
    EMPTY,
    MAX_VALUES,
    act_symbol,
    kind_symbol,
    placeholder,
    slot_symbol,
)

if TYPE_CHECKING:
    from d2t.linearize.base import Strategy
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan, Slot

_NOTHING: frozenset[Slot] = frozenset()


@dataclass(frozen=True, slots=True)
class LinearizedInput:
    """What the generator reads, and how to read what it answers.

    Attributes:
        pieces: symbols and value texts, in order; a piece is one or the other.
        bindings: what the placeholders stand for; ``relexicalize`` takes them.
        plan: the plan that the source follows.
    """

    pieces: tuple[str, ...]
    bindings: Bindings
    plan: Plan

    def __str__(self) -> str:
        return " ".join(self.pieces)


class Linearizer:
    """Writes sources: the strategy says which slots stand where, this how a slot is written.

    A slot is its symbol and its value as text, or its symbol, a placeholder and the grammar
    features of the hidden value. Hidden are open and numeric slots, values outside the inventory,
    and what ``mask`` names; never a boolean's yes or no. A second, third and fourth hidden value
    of a slot get numbered placeholders in plan order; a fifth is written as text, so that no
    content is lost.

    Departures from spec §2: no atomic ``slot=value`` tokens (an unseen value would have none),
    ViGGO's ``rating`` is a slot like the others, and only the dialogue act is a header, in domains
    with several. A planned sentence ends with ``<break>`` and a phrase begins with its kind
    (the paper marks a phrase at both ends).
    """

    def __init__(self, domain: Domain, strategy: Strategy, inventory: Inventory) -> None:
        self.domain = domain
        self.strategy = strategy
        self.inventory = inventory

    def linearize(
        self,
        mr: MeaningRepresentation,
        plan: Plan,
        *,
        mask: frozenset[Slot] | None = None,
        keep: frozenset[Slot] = _NOTHING,
        kind: str | None = None,
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

        Raises:
            DomainError: the plan holds a slot that the domain does not know, or there is no such
                kind of phrase.
        """
        ends: set[int] = set()
        if self.strategy.plans_sentences and plan.breaks is not None:
            ends = {*plan.breaks, len(plan)}
        numbers: dict[Slot, int] = {}
        pieces: list[str] = [] if kind is None else [kind_symbol(kind)]
        if len(self.domain.dialogue_acts) > 1:
            pieces.append(act_symbol(mr.dialogue_act))
        bound: dict[str, str] = {}
        open_symbols: set[str] = set()
        for position, (name, slot) in enumerate(self.strategy.layout(plan), start=1):
            pieces.append(slot_symbol(name))
            if slot is None:
                pieces.append(ABSENT)
            elif not slot.value:
                pieces.append(EMPTY)
            elif self._hides(slot, mask or _NOTHING, keep) and (symbol := _symbol(slot, numbers)):
                bound[symbol] = slot.value
                if self.domain.slot(name).kind == "open":
                    open_symbols.add(symbol)
                pieces += [symbol, *features(slot.value)]
            else:
                pieces.append(escape(slot.value))
            if position in ends:
                pieces.append(BREAK)
        return LinearizedInput(
            tuple(pieces), Bindings(bound, open_symbols=frozenset(open_symbols)), plan
        )

    def state(self) -> dict[str, Any]:
        """JSON-able: the strategy's tables and the inventory; the domain is saved beside it."""
        return {"strategy": self.strategy.state(), "inventory": self.inventory.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any], domain: Domain) -> Self:
        """Restore what ``state`` returned.

        Raises:
            BundleError: an entry is missing or of the wrong type.
        """
        try:
            strategy, inventory = state["strategy"], Inventory.from_state(state["inventory"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"cannot restore the linearizer: bad or missing entry ({error!r}), expected "
                "'strategy' and 'inventory'; the bundle is damaged: copy or train it again"
            ) from error
        return cls(domain, restore_strategy(strategy), inventory)

    def _hides(self, slot: Slot, mask: frozenset[Slot], keep: frozenset[Slot]) -> bool:
        spec = self.domain.slot(slot.name)
        if spec.kind == "open":
            return True
        if slot in keep or (spec.kind == "boolean" and slot.value in spec.values):
            return False
        return spec.kind == "numeric" or slot in mask or slot not in self.inventory


def _symbol(slot: Slot, numbers: dict[Slot, int]) -> str | None:
    """The slot's placeholder, the same at each repeat, or None when all of them are taken."""
    if slot not in numbers:
        numbers[slot] = 1 + sum(other.name == slot.name for other in numbers)
    return placeholder(slot.name, numbers[slot]) if numbers[slot] <= MAX_VALUES else None
