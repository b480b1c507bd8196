"""What everything speaks: slots, meaning representations and plans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One slot–value pair, e.g. ``eatType[pub]``.

    ``name`` is the domain's canonical spelling; ``value`` is one value (a list slot with three
    values is three ``Slot`` objects); it is empty where a dialogue act asks for the slot.
    """

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}[{self.value}]"


@dataclass(frozen=True, slots=True)
class MeaningRepresentation:
    """A dialogue act and a multiset of slots; order means nothing until a plan is chosen."""

    slots: tuple[Slot, ...]
    dialogue_act: str = "inform"

    @property
    def names(self) -> tuple[str, ...]:
        """Slot names in the order given, each once."""
        return tuple(dict.fromkeys(slot.name for slot in self.slots))

    def values(self, name: str) -> tuple[str, ...]:
        """All values of slot ``name``, in the order given; empty when the slot is absent."""
        return tuple(slot.value for slot in self.slots if slot.name == name)

    def key(self) -> tuple[str, tuple[Slot, ...]]:
        """Order-free identity, used for grouping references and for overlap removal (rule O1.7)."""
        return self.dialogue_act, tuple(sorted(set(self.slots)))


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered slots to realise, and beside them where sentences begin.

    Attributes:
        slots: the order; a slot may occur again when it is mentioned again (rule O1.5, variant A).
        breaks: strictly increasing indices into ``slots``, each > 0: a new sentence starts before
            that slot. Empty: everything in one sentence. None: sentences are not planned.
    """

    slots: tuple[Slot, ...]
    breaks: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def names(self) -> tuple[str, ...]:
        """Slot names in plan order, repeats kept."""
        return tuple(slot.name for slot in self.slots)

    @property
    def sentences(self) -> tuple[tuple[Slot, ...], ...]:
        """The slots of each sentence; all of them in one where sentences are not planned."""
        if not self.slots:
            return ()
        borders = (0, *(self.breaks or ()), len(self.slots))
        return tuple(self.slots[start:end] for start, end in pairwise(borders))

    def labels(self) -> list[str]:
        """The JSON form: a slot's name, or ``name[value]`` where it has several values here."""
        values: dict[str, set[str]] = {}
        for slot in self.slots:
            values.setdefault(slot.name, set()).add(slot.value)
        return [slot.name if len(values[slot.name]) == 1 else str(slot) for slot in self.slots]
