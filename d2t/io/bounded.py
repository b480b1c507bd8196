"""TOML and JSON files from outside, read within bounds: a hostile file is refused, not suffered.

Domains, lexicons and bundles may come from anybody. Their files are small; what is larger, deeper
or longer than any of them needs would only cost time and memory.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MAX_TOML = 4 << 20
"""Bytes of a TOML file; the largest that ships with d2t has 48 kB."""
MAX_JSON = 16 << 20
"""Bytes of a JSON file that describes a folder; that of the shipped model has 54 kB."""
_MAX_KEY_PARTS = 32
_MAX_DEPTH = 64
# tomllib takes time in the square of the parts of a dotted key.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(
    rf"(?<![A-Za-z0-9_.-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{_MAX_KEY_PARTS}}}"
)


class FileFault(ValueError):
    """What is wrong with a file, without its name: the caller adds it."""


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The table in a TOML file, and the text of the file for messages that name a line.

    Raises:
        FileFault: not readable, not UTF-8, not TOML, too large or too deeply nested.
    """
    text = _read(path, MAX_TOML)
    if (long := _LONG_KEY.search(text)) is not None:
        line = text.count("\n", 0, long.start()) + 1
        raise FileFault(f"line {line}: a key has more than {_MAX_KEY_PARTS} parts; write a table")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise FileFault("not valid TOML: the nesting is too deep") from None
    except ValueError as error:
        raise FileFault(f"not valid TOML: {error}") from None
    _check(table)
    return table, text


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        FileFault: not readable, not UTF-8, not JSON, too large or too deeply nested.
    """
    text = _read(path, MAX_JSON)
    try:
        value = json.loads(text)
    except RecursionError:
        raise FileFault("not valid JSON (the nesting is too deep)") from None
    except ValueError as error:
        raise FileFault(f"not valid JSON ({error})") from None
    _check(value)
    return value


def _read(path: Path, limit: int) -> str:
    try:
        if not path.is_file():  # a folder, or a pipe or device, which may never end
            raise FileFault("is not a file" if path.exists() else "does not exist")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise FileFault(f"cannot be read: {error.strerror}") from None
    if len(content) > limit:
        raise FileFault(
            f"is larger than {limit >> 20} MiB, which no such file needs; leave out what is not "
            "needed (values of an open slot need no list), or copy the file again"
        )
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FileFault(f"is not UTF-8 text: {error}; save it as UTF-8") from None


def _check(value: Any) -> None:
    """Refuse nesting and numbers that cannot be printed, compared or written again."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                deeper.extend(one.values())
            elif isinstance(one, list):
                deeper.extend(one)
            elif isinstance(one, int) and one.bit_length() > 64:
                raise FileFault("a number has more than 64 bits; write it as a string")
        if not deeper:
            return
        level = [one for one in deeper if not isinstance(one, str)]
    raise FileFault(f"the nesting is too deep: more than {_MAX_DEPTH} levels")
