"""Written MRs to raw (name, value) pairs: a fast path, and the grammar behind it."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from d2t.errors import MRParseError
from d2t.mr.values import position, shorten

if TYPE_CHECKING:
    from lark import Lark, UnexpectedInput

MAX_MR_LENGTH = 100_000
"""Characters; a longer text is not one meaning representation."""

# The plain case of grammar.lark: no escapes, no nested brackets. A test holds the two equal.
_NAME = r"\s*[^\[\](),\\\s][^\[\](),\\]*"
_ITEM = rf"({_NAME})\[([^\[\]\\]*)\]\s*"
_FAST_ITEM = re.compile(_ITEM)
_FAST_ACT = re.compile(rf"({_NAME})\(")


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
        MRParseError: the text does not follow ``grammar.lark``; with line, column and the cure.
    """
    if len(source) > MAX_MR_LENGTH:
        raise MRParseError(
            f"the meaning representation has {len(source):,} characters, "
            f"the limit is {MAX_MR_LENGTH:,}; give one meaning representation a line",
            line=1,
            column=1,
            code="mr_too_long",
        )
    return read_fast(source) or read_grammar(source)


def read_fast(source: str) -> RawMR | None:
    """The plain case by regular expression; None = ask the grammar."""
    act, at, end = None, 0, len(source)
    head = _FAST_ACT.match(source)
    if head is not None:
        act, at = head[1].strip(), head.end()
        tail = source.rstrip()
        if not tail.endswith(")"):
            return None
        end = len(tail) - 1
    items: list[RawItem] = []
    while True:
        found = _FAST_ITEM.match(source, at, end)
        if found is None:
            return None
        name = found[1]
        stripped = name.strip()
        items.append(RawItem(stripped, found[2], at + len(name) - len(name.lstrip())))
        at = found.end()
        if at == end:
            return RawMR(act, items)
        if source[at] != ",":
            return None
        at += 1


def read_grammar(source: str) -> RawMR:
    """The reference reader: lark's LALR parser over ``grammar.lark``.

    Raises:
        MRParseError: with line, column and the expected symbols in words.
    """
    from lark import UnexpectedInput

    try:
        parsed: Any = _parser().parse(source)
    except UnexpectedInput as error:
        raise _explain(source, error) from None
    assert isinstance(parsed, RawMR)
    return parsed


@lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark, Token, Transformer

    class Build(Transformer[Token, RawMR]):
        """Builds the pairs while parsing, so that nesting costs no recursion."""

        def plain(self, parts: list[Any]) -> RawMR:
            """An MR without a dialogue act."""
            return RawMR(None, parts[0])

        def act(self, parts: list[Any]) -> RawMR:
            """An act with slots."""
            return RawMR(str(parts[0]).strip(), parts[1])

        def empty_act(self, parts: list[Any]) -> RawMR:
            """An act without slots."""
            return RawMR(str(parts[0]).strip(), [])

        def items(self, parts: list[Any]) -> list[RawItem]:
            """The slots in the order written."""
            return parts

        def item(self, parts: list[Any]) -> RawItem:
            """One slot with its raw value and place."""
            name = str(parts[0])
            offset = (parts[0].start_pos or 0) + len(name) - len(name.lstrip())
            return RawItem(name.strip(), parts[1], offset)

        def value(self, parts: list[Any]) -> str:
            """The raw text between the outer brackets."""
            return "".join(parts)

        def nested(self, parts: list[Any]) -> str:
            """A balanced pair of brackets inside a value."""
            return f"[{parts[0]}]"

    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=Build())


_WORDS = {
    "NAME": "a slot name",
    "LSQB": "'['",
    "RSQB": "']'",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "TEXT": "a value",
    "ESCAPE": "an escaped character",
    "$END": "the end of the text",
}


def _explain(source: str, error: UnexpectedInput) -> MRParseError:
    """The grammar's complaint in words: where, what stood there, what was legal, what to try."""
    names = set(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
    token = getattr(error, "token", None)
    at_end = token is not None and token.type == "$END"
    offset = len(source) if at_end else max(getattr(error, "pos_in_stream", None) or 0, 0)
    line, column = position(source, offset)
    if "COMMA" in names:  # the table of an LALR parser offers ')' and the end alike; only one fits
        names |= {"RPAR", "$END"}
        names.remove("$END" if _FAST_ACT.match(source) else "RPAR")
    legal = tuple(_WORDS[name] for name in _WORDS if name in names) or (_WORDS["$END"],)
    if at_end and "RSQB" in names:
        opened = _first_unclosed(source)
        start = position(source, opened)[1]
        message = (
            f"the bracket at column {start}, {shorten(source[opened:])}, is not closed: "
            "expected ']'"
        )
        cure = r"close the bracket; write a bracket that belongs to the value as \[ or \]"
    else:
        found = "the end of the text" if at_end else shorten(source[offset : offset + 1])
        message = f"expected {' or '.join(legal)}{_context(source[:offset])}, found {found}"
        cure = _cure(source, offset, names)
    message += f" at column {column}" + (f" of line {line}" if "\n" in source else "")
    return MRParseError(
        f"{message}; {cure}", line=line, column=column, code="mr_syntax", expected=legal
    )


def _first_unclosed(source: str) -> int:
    """Where the outermost bracket opens that nothing closes."""
    opened: list[int] = []
    for mark in re.finditer(r"\\.|[\[\]]", source, re.DOTALL):
        if mark[0] == "[":
            opened.append(mark.start())
        elif mark[0] == "]" and opened:
            opened.pop()
    return opened[0] if opened else source.rfind("[")


def _context(before: str) -> str:
    n_items = len(re.findall(r"\]\s*(?=,|$)", before))
    return f" after slot {n_items}" if n_items else ""


def _cure(source: str, offset: int, names: set[str]) -> str:
    if source[offset : offset + 1] == "]":
        return r"write a ']' that belongs to the value as \]"
    if "COMMA" in names and offset < len(source):
        return "separate slots with commas, as in name[Aromi], eatType[pub]"
    return "write an MR as name[Aromi], eatType[pub] or inform(name[Aromi])"
