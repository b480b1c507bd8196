"""Where the marks of a pattern fall inside a match: the span, without context and gaps."""

from __future__ import annotations

from dataclasses import dataclass

from d2t.slots.lexicon.pattern import OPEN, Choice, Gap, Mark, Node, Sequence, fits, may_skip


@dataclass(frozen=True, slots=True)
class Found:
    """Token positions of one match: the span, and its weight.

    Words matched literally inside the span count; context, gaps and ``light`` words do not.
    """

    start: int
    end: int
    weight: int


def locate(
    node: Node, words: list[str], start: int, end: int, light: frozenset[str]
) -> Found | None:
    """The heaviest way in which ``node`` matches all of ``words[start:end]``, if any."""
    found: list[Found] = []

    def walk(todo: tuple[Node, ...], at: int, opened: int, closed: int, literal: list[int]) -> None:
        """Collect every way to match the nodes still to do from ``at`` on."""
        if not todo:
            if at == end:
                last = closed if closed >= 0 else end
                inside = [words[position] for position in literal if opened <= position < last]
                found.append(Found(opened, last, sum(word not in light for word in inside)))
            return
        node, rest = todo[0], todo[1:]
        if isinstance(node, Sequence):
            walk((*node.parts, *rest), at, opened, closed, literal)
        elif isinstance(node, Choice):
            for option in node.options:
                walk((option, *rest), at, opened, closed, literal)
        elif isinstance(node, Mark):
            if node.text == OPEN:
                walk(rest, at, at, closed, literal)
            else:
                walk(rest, at, opened, at, literal)
        elif isinstance(node, Gap):
            walk(rest, at, opened, closed, literal)
            if node.limit and at < end and may_skip(words[at]):
                walk((Gap(node.limit - 1), *rest), at + 1, opened, closed, literal)
        elif at < end and fits(node, words[at]):
            walk(rest, at + 1, opened, closed, [*literal, at])

    walk((node,), start, start, -1, [])
    return max(found, key=lambda match: match.weight, default=None)
