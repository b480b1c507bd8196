"""Ctrl-C between lines, never inside one."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Hold back the first Ctrl-C until the block has ended; a second one is not held back.

    Around the writing of a window, so that an interrupted stream ends with a complete line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def remember(signum: int, frame: FrameType | None) -> None:
        """Note the first signal, to act on it after the block; the second one acts at once."""
        nonlocal seen
        if seen:
            raise KeyboardInterrupt
        seen = True

    previous = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if seen:
        raise KeyboardInterrupt
