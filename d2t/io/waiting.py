"""Whether the next line of standard input is there already, or reading it would wait for somebody.

Who works ahead of what is written hands out what is finished before such a wait: the process at
the other end of a pipe may be waiting for it.
"""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING

from d2t.io.text_source import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable


def input_waits(source: str) -> Callable[[], bool]:
    """A question to ask before each line of ``source``; its answer costs a microsecond.

    It may be "yes" where a line is in Python's own buffer still, never "no" where the read would
    wait. Files do not wait; where the system cannot tell, input always does.
    """
    if source != STDIN:
        return _never
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # a text in memory in its place
        return _never
    return lambda: _waits(descriptor)


def _never() -> bool:
    return False


def _waits(descriptor: int) -> bool:
    try:
        return not select.select([descriptor], [], [], 0)[0]
    except (OSError, ValueError):  # Windows asks only sockets; select knows no great numbers
        return True
