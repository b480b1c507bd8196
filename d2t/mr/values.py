"""What a slot value may hold, and how it is escaped in the bracketed written forms."""

from __future__ import annotations

import re

from d2t.errors import MRParseError

MAX_VALUE_LENGTH = 2_000
"""Characters; a longer value is a document in the wrong field, not a slot value."""

# What text cannot carry: control characters but tab and line ends, and lone surrogates.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPE = re.compile(r"\\([\\\[\],nrt])")
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPED = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t", "[": r"\[", "]": r"\]", ",": r"\,"}
_ALWAYS = re.compile(r"[\\\n\r\t]")
_WITH_BRACKETS = re.compile(r"[\\\n\r\t\[\]]")
_LIST_ITEM = re.compile(r"(?:[^\\,]|\\.?)*", re.DOTALL)


def position(text: str, offset: int) -> tuple[int, int]:
    """1-based (line, column) of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def shorten(text: str, limit: int = 60) -> str:
    """``repr`` of a text for a message, cut in the middle when it is long."""
    if len(text) > limit:
        return f"{text[: limit // 2]!r}…{text[-limit // 4 :]!r} ({len(text):,} characters)"
    return repr(text)


def check_characters(text: str, what: str = "the meaning representation") -> None:
    """Refuse control characters (tab and line ends are legal) and lone surrogates.

    Raises:
        MRParseError: code ``control_character`` or ``lone_surrogate``, with line and column.
    """
    found = _ILLEGAL.search(text)
    if found is None:
        return
    line, column = position(text, found.start())
    number = ord(found.group())
    if number >= 0xD800:
        message, code = f"half of a surrogate pair (U+{number:04X})", "lone_surrogate"
        cure = "the text was cut or decoded wrongly: export it again as UTF-8"
    else:
        message, code = f"control character U+{number:04X}", "control_character"
        cure = "remove it, or export the data again as UTF-8 text"
    raise MRParseError(
        f"{message} in {what} at column {column}; {cure}", line=line, column=column, code=code
    )


def check_length(
    value: str, slot: str, *, line: int | None = None, column: int | None = None
) -> None:
    """Refuse a value longer than ``MAX_VALUE_LENGTH``.

    Raises:
        MRParseError: code ``value_too_long``.
    """
    if len(value) > MAX_VALUE_LENGTH:
        raise MRParseError(
            f"the value of slot {slot!r} has {len(value):,} characters, "
            f"the limit is {MAX_VALUE_LENGTH:,}; a slot value is a name or a phrase: shorten it, "
            "or check for a missing ']' or quote",
            line=line,
            column=column,
            code="value_too_long",
        )


def unescape(raw: str) -> str:
    r"""The value that ``raw`` writes, trimmed.

    ``\\ \[ \] \,`` stand for what follows the backslash, ``\n \r \t`` for line ends and a tab; any
    other backslash is an ordinary character (``AC\DC`` needs no care).
    """
    if "\\" not in raw:
        return raw.strip()
    return _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), raw).strip()


def escape(value: str, *, in_list: bool = False) -> str:
    r"""``value`` as it is written between brackets; ``unescape`` takes it back.

    Balanced brackets stay as they are, which keeps ``E [10+]`` readable; commas are escaped only in
    the values of list slots, where they separate.
    """
    pattern = _ALWAYS if _balanced(value) else _WITH_BRACKETS
    written = pattern.sub(lambda match: _ESCAPED[match[0]], value)
    return written.replace(",", r"\,") if in_list else written


def split_list(raw: str) -> list[str]:
    """The items of a list value as written, cut at commas that no backslash escapes."""
    items, at = [], 0
    while True:
        found = _LIST_ITEM.match(raw, at)
        end = found.end() if found else at
        items.append(raw[at:end])
        if end >= len(raw):
            return items
        at = end + 1


def _balanced(value: str) -> bool:
    if "[" not in value and "]" not in value:
        return True
    depth = 0
    for char in value:
        depth += (char == "[") - (char == "]")
        if depth < 0:
            return False
    return depth == 0
