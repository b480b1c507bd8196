"""What is known of patterns before they are built: the words they hold, and those they begin with.

The nodes of a macro are shared by all patterns that use it; each is looked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.slots.lexicon.pattern import Choice, Gap, Mark, Node, Sequence, Word

if TYPE_CHECKING:
    from collections.abc import Iterable


class Opening(NamedTuple):
    """How a pattern can begin.

    Attributes:
        words: the words, ``#`` for any number.
        anything: whether it can begin with a gap.
        empty: whether it can match no words at all.
    """

    words: frozenset[str]
    anything: bool
    empty: bool


_MARK = Opening(frozenset(), anything=False, empty=True)
_GAP = Opening(frozenset(), anything=True, empty=True)


class Openings:
    """The openings of nodes; remembers them by identity, so the nodes must stay alive meanwhile."""

    def __init__(self) -> None:
        self._known: dict[int, Opening] = {}

    def __call__(self, node: Node) -> Opening:
        """How ``node`` can begin."""
        if isinstance(node, Word):
            return Opening(frozenset((node.text,)), anything=False, empty=False)
        if isinstance(node, Mark):
            return _MARK
        if isinstance(node, Gap):
            return _GAP
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._of_group(node)
        return known

    def _of_group(self, node: Sequence | Choice) -> Opening:
        words: set[str] = set()
        anything = False
        if isinstance(node, Choice):
            options = [self(option) for option in node.options]
            words.update(*(option.words for option in options))
            anything = any(option.anything for option in options)
            return Opening(frozenset(words), anything, any(option.empty for option in options))
        for part in node.parts:
            opening = self(part)
            words |= opening.words
            anything |= opening.anything
            if not opening.empty:
                return Opening(frozenset(words), anything, empty=False)
        return Opening(frozenset(words), anything, empty=True)


def vocabulary(patterns: Iterable[Node]) -> frozenset[str]:
    """All words of ``patterns``."""
    words: set[str] = set()
    seen: set[int] = set()
    todo: list[Node] = list(patterns)
    while todo:
        node = todo.pop()
        if isinstance(node, Word):
            words.add(node.text)
        elif isinstance(node, (Sequence, Choice)) and id(node) not in seen:
            seen.add(id(node))
            todo += node.parts if isinstance(node, Sequence) else node.options
    return frozenset(words)
