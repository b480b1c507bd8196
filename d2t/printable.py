"""Text of files shown to a person: control characters as pictures, so that none reaches a terminal.

A value, file name or column may hold terminal escapes, which move the cursor, change colours or the
title, or write over what was printed before. Where such text is printed for people its control
characters are shown (``␛[31m``); files and pipes of data keep every byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

# Controls of ASCII and Latin-1, line separators, and marks that reorder the text around them.
_HIDDEN = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
CONTROL = re.compile(f"[{_HIDDEN}]")
_KEPT = "\n\t"
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}
_PICTURES |= {0x7F: "␡"} | dict.fromkeys(range(0x80, 0xA0), "\ufffd")  # the latter have none
_ONE_LINE = _PICTURES | {0x09: " ", 0x0A: "␤", 0x2028: "␤", 0x2029: "␤"}
_ONE_LINE |= {code: f"<U+{code:04X}>" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_LONGEST = 4000


def pictured(text: str) -> str:
    """``text`` with a picture in the place of each control character; line ends and tabs stay."""
    return text.translate(_PICTURES) if CONTROL.search(text) else text


def one_line(text: str) -> str:
    """``text`` as one line of a message: nothing turns its direction, a long middle is left out."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return text.translate(_ONE_LINE) if CONTROL.search(text) else text


def writer_to(stream: TextIO) -> Callable[[str], object]:
    """``stream.write``; where a person looks at the stream, what is written is ``pictured``."""
    if not stream.isatty():
        return stream.write
    return lambda text: stream.write(pictured(text))
