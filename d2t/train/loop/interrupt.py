"""Ctrl-C in training: finish the step, save, say how to go on."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError

if TYPE_CHECKING:
    from collections.abc import Iterator


class TrainingInterrupted(D2TError):
    """The user stopped training; the message says how to resume."""

    code = "interrupted"
    exit_code = 130


class StopFlag:
    """Whether somebody asked to stop.

    Attributes:
        requested: set by the first signal; the loop looks at it between optimizer steps.
    """

    def __init__(self) -> None:
        self.requested = False

    def handle(self, signum: int, frame: Any) -> None:
        """Ask to stop; a second signal stops at once."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def stop_on_signal() -> Iterator[StopFlag]:
    """Turn SIGINT and SIGTERM into a request inside the block; a no-op outside the main thread."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, flag.handle) for number in signals]
    try:
        yield flag
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
