r"""The written forms of a meaning representation, split into a dialogue act and raw slots.

Two forms are read::

    E2E:    name[Aromi], eatType[pub], customer rating[5 out of 5]
    ViGGO:  inform(name[X], genres[action, shooter], has_multiplayer[no])      request(developer[])

The grammar, with white space allowed around every name and after every closing bracket::

    mr     = items | act "(" items ")" | act "(" ")"
    items  = item { "," item }
    item   = name "[" value "]"
    value  = { text | "\" character | "[" value "]" }
    name, act = characters other than [ ] ( ) , \

Brackets inside a value may nest while they are balanced. A backslash escapes a bracket, a comma of
a list value or itself, and writes a newline as ``\n``; ``d2t.mr.values.unescape`` resolves it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from d2t.errors import MRParseError
from d2t.mr.values import position, shorten

MAX_MR_LENGTH = 100_000
"""Characters; a longer text is not one meaning representation."""

# White space before a name belongs to the match of the name, and is stripped from it.
_NAME = re.compile(r"\s*[^\[\](),\\\s][^\[\](),\\]*")
_ACT = re.compile(rf"({_NAME.pattern})\(")
_NO_ITEMS = re.compile(r"\s*\)")
_SPACE = re.compile(r"\s*")
# The common case of an item, a value without escapes and brackets, takes one match.
_PLAIN_ITEM = re.compile(rf"({_NAME.pattern})\[([^\[\]\\]*)\]\s*")
_MARK = re.compile(r"\\.|[\[\]\\]", re.DOTALL)

_A_NAME = "a slot name"
_IN_VALUE = ("'['", "']'", "a value", "an escaped character")
_END = "the end of the text"


class RawItem(NamedTuple):
    """``name[value]`` as written, and the offset of the name in the source."""

    name: str
    value: str
    offset: int


class RawMR(NamedTuple):
    """An MR as written: the dialogue act when the source names one, and its items."""

    act: str | None
    items: list[RawItem]


def read_syntax(source: str) -> RawMR:
    """Split an E2E or ViGGO text into its act and items, names and values still as written.

    Raises:
        MRParseError: the text does not follow the grammar (code ``mr_syntax``, with line, column,
            what was expected and the cure) or is too long (``mr_too_long``).
    """
    if len(source) > MAX_MR_LENGTH:
        raise MRParseError(
            f"the meaning representation has {len(source):,} characters, "
            f"the limit is {MAX_MR_LENGTH:,}; give one meaning representation a line",
            line=1,
            column=1,
            code="mr_too_long",
        )
    act, at = None, 0
    items: list[RawItem] = []
    if head := _ACT.match(source):
        act, at = head[1].strip(), head.end()
        if close := _NO_ITEMS.match(source, at):
            _require_end(source, close.end())
            return RawMR(act, items)
    while True:
        if plain := _PLAIN_ITEM.match(source, at):
            written, value, end = plain[1], plain[2], plain.end()
        else:
            written, value, end = _read_item(source, at, first=not items, in_act=act is not None)
        name = written.strip()
        items.append(RawItem(name, value, at + len(written) - len(written.lstrip())))
        at = end + 1
        follows = source[end : end + 1]
        if follows == ",":
            continue
        if act is None:
            if follows:
                raise _error(source, end, (_END,) if follows == ")" else ("','", _END))
            return RawMR(None, items)
        if follows != ")":
            raise _error(source, end, ("')'", "','") if follows else ("')'",))
        _require_end(source, at)
        return RawMR(act, items)


def _read_item(source: str, at: int, *, first: bool, in_act: bool) -> tuple[str, str, int]:
    """Read one item character by character: its name and value, and the offset behind it.

    Raises:
        MRParseError: there is no complete item at ``at``.
    """
    name = _NAME.match(source, at)
    if name is None:
        if not (first and in_act):
            raise _error(source, at, (_A_NAME,))
        behind = _end_of_space(source, at)
        raise _error(source, behind, (_A_NAME, "')'") if behind == at else ("')'",))
    if source[name.end() : name.end() + 1] != "[":
        raise _error(source, name.end(), ("'['", "'('") if first and not in_act else ("'['",))
    start = name.end() + 1
    depth = 1
    for mark in _MARK.finditer(source, start):
        if mark[0] == "\\":  # the last character of the text, which escapes nothing
            raise _error(source, mark.start(), _IN_VALUE)
        depth += (mark[0] == "[") - (mark[0] == "]")
        if not depth:
            return name[0], source[start : mark.start()], _end_of_space(source, mark.end())
    raise _not_closed(source)


def _end_of_space(source: str, at: int) -> int:
    space = _SPACE.match(source, at)
    return space.end() if space else at


def _require_end(source: str, at: int) -> None:
    """Raise ``MRParseError`` unless only white space follows the closing bracket of an act."""
    end = _end_of_space(source, at)
    if end < len(source):
        raise _error(source, end, (_END,))


def _error(source: str, offset: int, expected: tuple[str, ...]) -> MRParseError:
    """The error at ``offset``: what stands there, what was expected, and what to try."""
    before = len(re.findall(r"\]\s*(?=,|$)", source[:offset]))
    after = f" after slot {before}" if before else ""
    here = repr(source[offset]) if offset < len(source) else _END
    if source[offset : offset + 1] == "]":
        cure = r"write a ']' that belongs to the value as \]"
    elif "','" in expected:
        cure = "separate slots with commas, as in name[Aromi], eatType[pub]"
    else:
        cure = "write an MR as name[Aromi], eatType[pub] or inform(name[Aromi])"
    return _located_error(
        source, offset, f"expected {' or '.join(expected)}{after}, found {here}", cure, expected
    )


def _not_closed(source: str) -> MRParseError:
    """The error of a value that runs to the end of the text; it names the outermost bracket."""
    open_brackets: list[int] = []
    for mark in _MARK.finditer(source):
        if mark[0] == "[":
            open_brackets.append(mark.start())
        elif mark[0] == "]" and open_brackets:
            open_brackets.pop()
    start = open_brackets[0]
    problem = (
        f"the bracket at column {position(source, start)[1]}, {shorten(source[start:])}, "
        "is not closed: expected ']'"
    )
    cure = r"close the bracket; write a bracket that belongs to the value as \[ or \]"
    return _located_error(source, len(source), problem, cure, _IN_VALUE)


def _located_error(
    source: str, offset: int, problem: str, cure: str, expected: tuple[str, ...]
) -> MRParseError:
    line, column = position(source, offset)
    of_line = f" of line {line}" if "\n" in source else ""
    return MRParseError(
        f"{problem} at column {column}{of_line}; {cure}",
        line=line,
        column=column,
        code="mr_syntax",
        expected=expected,
    )
