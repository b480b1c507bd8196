"""MRs of a corpus that differ in one value, or by one slot (rules F5.0, F5.6 b)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.mr.types import MeaningRepresentation

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


class SiblingIndex:
    """Finds the siblings of an MR among the MRs of a corpus.

    Two MRs that differ in the value of an open slot only are no siblings: models read a placeholder
    for either value, so that the sources are the same.
    """

    def __init__(self, mrs: Iterable[MeaningRepresentation], domain: Domain) -> None:
        """Index the distinct MRs among ``mrs``."""
        self._open = frozenset(spec.name for spec in domain.slots if spec.kind == "open")
        self._mrs = {mr.key(): mr for mr in mrs}
        self._larger: dict[Hashable, list[MeaningRepresentation]] = defaultdict(list)
        for mr in self._mrs.values():
            for slot in dict.fromkeys(mr.slots):
                self._larger[_without(mr, slot).key()].append(mr)

    def siblings(self, mr: MeaningRepresentation) -> list[MeaningRepresentation]:
        """With one slot fewer, one slot more, or one value different; in a fixed order."""
        found = list(self._larger.get(mr.key(), ()))
        for slot in dict.fromkeys(mr.slots):
            rest = _without(mr, slot)
            if (smaller := self._mrs.get(rest.key())) is not None:
                found.append(smaller)
            if slot.name in self._open:
                continue
            for other in self._larger.get(rest.key(), ()):
                [added] = set(other.slots) - set(rest.slots)
                if added.name == slot.name and added != slot:
                    found.append(other)
        return found

    def under_others(self, example: Example, rng: Random) -> Iterator[Example]:
        """The example with the MR of each sibling in place of its own, in an order drawn."""
        others = self.siblings(example.mr)
        rng.shuffle(others)
        return (replace(example, mr=mr) for mr in others)


def _without(mr: MeaningRepresentation, slot: object) -> MeaningRepresentation:
    kept = tuple(own for own in dict.fromkeys(mr.slots) if own != slot)
    return MeaningRepresentation(kept, mr.dialogue_act)
