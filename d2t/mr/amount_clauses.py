"""What the clauses around an amount say of it: "you won't get away with £30" is more than £30.

The wordings are the table ``clauses`` of ``quantity.toml``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_WINDOW = 130  # characters after an amount in which something may be said of it
_SENTENCES = re.compile(r"[.!?](?:\s|$)|\n")
_CLAUSES = re.compile(r"[.!?;:,]|\b(?:and|but|because|so)\b")
_LABEL = re.compile(r"^[\s\"]*(?:a:|answer:)?\s*")
_NEAR = 40  # characters between an amount and the end of the question in which it stands
_STRAIGHT = str.maketrans("’‘", "''")
_FILLERS = r"(?:\W+(?:a|an|the|about|around|just|only|mere|roughly|under|less|than|your|my))*\W*$"
_W = r"(?:[a-z']+,? ){0,4}?"


class AmountClauses:
    """Says whether a text means more or less than an amount that it names."""

    def __init__(self, raw: Mapping[str, Any], above: str, below: str) -> None:
        """Compile the table; ``above`` and ``below`` are the comparators that are told."""
        self._deny = str(raw["deny"])
        self._denial = re.compile(self._deny)
        self._signs = ((above, "above"), (below, "below"))
        self._above, self._below = above, below
        self._before = self._compiled(raw, "before", _FILLERS)
        self._after = self._compiled(raw, "after", "")
        self._next = self._compiled(raw, "next", "")
        self._enough = re.compile(raw["enough"])
        self._yes, self._no = re.compile(raw["yes"]), re.compile(raw["no"])
        self.range = re.compile(raw["range"])
        self.ends = re.compile(raw["ends"])

    def _compiled(
        self, raw: Mapping[str, Any], place: str, ending: str
    ) -> list[tuple[str, re.Pattern[str]]]:
        """The patterns of one place, as one for each comparator."""
        return [
            (sign, re.compile(f"(?:{'|'.join(map(self._expand, raw[f'{key}_{place}']))}){ending}"))
            for sign, key in self._signs
        ]

    def _expand(self, pattern: str) -> str:
        return f"(?:{pattern.replace('{N}', self._deny).replace('{W}', _W)})"

    def comparator(
        self, text: str, first: int, end: int, following: int, *, told: bool
    ) -> str | None:
        """Whether it is more or less than the amount; None: nothing around tells.

        Args:
            text: the whole text.
            first: where the figure or its sign begins.
            end: where the expression ends.
            following: where the next expression begins.
            told: whether the expression itself tells; then only the words before it may correct.
        """
        before, after = _around(text, first, end, following)
        for sign, pattern in self._before:
            if pattern.search(before):
                return sign
        if told:
            return None
        clause = after.lstrip(" ")
        for sign, pattern in self._after:
            if pattern.match(clause):
                return sign
        found = [(match.start(), sign) for sign, p in self._next if (match := p.search(after))]
        if found:
            at, sign = min(found)
            denied = self._denial.search(_CLAUSES.split(after[:at])[-1])
            return self._other(sign) if denied else sign
        return self._answer(after)

    def _answer(self, after: str) -> str | None:
        """What the answer to "Is £20 enough?" tells."""
        question = after.find("?")
        asked = after[:question] if 0 <= question < _NEAR else ""
        if not self._enough.search(asked) or _SENTENCES.search(asked):
            return None
        answer = _LABEL.sub("", after[question + 1 :])
        if self._no.match(answer):
            return self._above
        return self._below if self._yes.match(answer) else None

    def _other(self, sign: str) -> str:
        return self._below if sign == self._above else self._above


def _around(text: str, first: int, end: int, following: int) -> tuple[str, str]:
    """The sentence before an amount and what follows it, in small letters."""
    before = text[max(0, first - _WINDOW) : first]
    before = _SENTENCES.split(before)[-1]
    after = text[end : min(following, end + _WINDOW)]
    return before.translate(_STRAIGHT).casefold(), after.translate(_STRAIGHT).casefold()
