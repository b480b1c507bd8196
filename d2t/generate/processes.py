"""Windows answered by processes of their own: Python's lock lets one thread check at a time.

Each process makes what answers windows once, and answers one window after the other. What goes to
it and comes back are records, texts and errors; results are those of a single process.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from d2t.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_answer: Callable[[Any], Any] | None = None
"""What answers windows in this process."""


@contextmanager
def answering(n: int, make: Callable[[], Callable[[Any], Any]]) -> Iterator[ProcessPoolExecutor]:
    """``n`` processes for ``answer_here``, in each of which ``make()`` answers windows.

    Args:
        n: processes.
        make: a module's function, or a partial of one: a process imports it.

    Raises:
        BackendError: a process ended before its work.
    """
    # Not by fork: the threads of an engine that is loaded already do not come along.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(n, mp_context=context, initializer=_begin, initargs=(make,))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise BackendError(
            f"one of {n} processes ended before its work was done (out of memory?); ask for fewer "
            "with --processes, or lower --batch-size"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def answer_here(window: Any) -> Any:
    """What this process answers to a window."""
    assert _answer is not None
    return _answer(window)


def _begin(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; who began this ends it
    _answer = make()
