"""A reference with another value where it says one verbatim (rule F5.6 a)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.language.delex import Bindings, delexicalize, maskable, relexicalize
from d2t.language.symbols import placeholder
from d2t.language.template import template_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot
    from d2t.slots.types import Alignment

_BORDER = ""


class ValueFrames:
    """Which words have stood before and after each verbatim closed value of a corpus.

    A value is put into a text only between words that it has stood between: "a moderate price" is
    no place for "£20-25". "a" and "an" are one word, since the article follows its value.
    """

    def __init__(self, aligned: Iterable[tuple[Example, Alignment]], domain: Domain) -> None:
        """Read references and their alignments."""
        self._domain = domain
        self._before: dict[Slot, set[str]] = defaultdict(set)
        self._after: dict[Slot, set[str]] = defaultdict(set)
        for example, alignment in aligned:
            for slot in maskable(alignment, example.mr, domain):
                for before, after in _frames(_template(alignment, slot), slot):
                    self._before[slot].add(before)
                    self._after[slot].add(after)
        self._values: dict[str, list[Slot]] = defaultdict(list)
        for slot in sorted(self._before):
            self._values[slot.name].append(slot)

    def replaced(self, example: Example, alignment: Alignment, rng: Random) -> Iterator[Example]:
        """The example with one closed value replaced in text and plan, its MR as it is.

        Each candidate in an order drawn by ``rng``; the id stays. Whether the checker reads them as
        they are meant is the caller's to see.
        """
        plan = example.plan
        if plan is None:
            return
        candidates = [
            (slot, other)
            for slot in maskable(alignment, example.mr, self._domain)
            for other in self._others(example, slot)
        ]
        rng.shuffle(candidates)
        for slot, other in candidates:
            template = _template(alignment, slot)
            if all(
                before in self._before[other] and after in self._after[other]
                for before, after in _frames(template, slot)
            ):
                text = relexicalize(template, Bindings({placeholder(slot.name): other.value}))
                slots = tuple(other if own == slot else own for own in plan.slots)
                yield replace(example, references=(text,), plan=replace(plan, slots=slots))

    def _others(self, example: Example, slot: Slot) -> list[Slot]:
        """Values of the same slot that the example does not have, nor a synonym of one."""
        spec = self._domain.slot(slot.name)
        taken = {spec.merged(value) for value in example.mr.values(slot.name)}
        return [other for other in self._values[slot.name] if spec.merged(other.value) not in taken]


def _template(alignment: Alignment, slot: Slot) -> str:
    """The text with a placeholder for each mention of ``slot``."""
    return delexicalize(alignment, Bindings({placeholder(slot.name): slot.value}))


def _frames(template: str, slot: Slot) -> Iterator[tuple[str, str]]:
    """The words before and after each mention, "" at the ends of the text."""
    symbol = placeholder(slot.name)
    words = [_BORDER, *template_words(template), _BORDER]
    for at, word in enumerate(words):
        if word == symbol:
            before = "a" if words[at - 1] == "an" else words[at - 1]
            yield before, words[at + 1]
