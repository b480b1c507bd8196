"""A text with the values of open slots hidden, and its words: what language models read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from d2t.language.delex import Bindings, delexicalize
from d2t.language.symbols import MAX_VALUES, placeholder
from d2t.slots.lexicon.tokens import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment


HIDDEN_KINDS = ("open", "numeric")
"""Slots of these kinds have no inventory of values; a template hides what they say."""
_TOKEN = re.compile(r"(<val:\w+?)(?::\d)?>|\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]|_")


def template_words(template: str) -> list[str]:
    """Lower-cased words without accents, numbers, punctuation marks and placeholders.

    ``<val:near:2>`` is taken as ``<val:near>``: which value of a slot it was is not wording.
    """
    return [
        match[1] + ">" if match[1] else fold(match[0].replace("’", "'"))
        for match in _TOKEN.finditer(template)
    ]


def template_of(alignment: Alignment, domain: Domain) -> str:
    """The text of an alignment with ``<val:NAME>`` for each mention of an open slot."""
    said: dict[str, list[str]] = {}
    for span in alignment.spans:
        if span.slot.value and domain.slot(span.slot.name).kind in HIDDEN_KINDS:
            values = said.setdefault(span.slot.name, [])
            if span.slot.value not in values:
                values.append(span.slot.value)
    bindings = Bindings(
        {
            placeholder(name, k): value
            for name, values in said.items()
            for k, value in enumerate(values[:MAX_VALUES], start=1)
        }
    )
    bindings.open_symbols = frozenset(bindings)
    return delexicalize(alignment, bindings)


def template_text(
    text: str, mr: MeaningRepresentation | None, checker: SlotChecker, domain: Domain
) -> str:
    """``text`` with ``<val:NAME>`` for the open values the checker finds in it.

    Those are the values the domain lists and those of ``mr``.
    """
    return template_of(checker.align(text, mr), domain)


T = TypeVar("T")
STOPS = frozenset(".!?")
"""What ends a sentence; a decimal number is one word and has no full stop."""


def template_sentences(template: str) -> list[tuple[str, ...]]:
    """The words of each sentence, its stops included; none for a text without words."""
    return [tuple(part) for part in split_after(template_words(template), STOPS.__contains__)]


def split_after(items: Iterable[T], is_stop: Callable[[T], bool]) -> list[list[T]]:
    """``items`` cut after each run of stops; a stop that begins the text stands alone."""
    parts: list[list[T]] = []
    stopped = True
    for item in items:
        stops = is_stop(item)
        if not parts or (stopped and not stops):
            parts.append([])
        parts[-1].append(item)
        stopped = stops
    return parts
