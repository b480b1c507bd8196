"""The sentences of a template, as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from d2t.language.template import template_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
