"""Work that is cut into windows, several of which are in progress at a time.

An engine with threads of its own releases Python's lock while it searches; linearization, checking
and repair hold the lock. So one window is searched while another is checked, and no core is idle.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_Window = TypeVar("_Window")
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def in_turn(
    work: Callable[[_Window], _Answer],
    windows: Iterable[_Window | None],
    *,
    at_a_time: int,
    pool: Executor | None = None,
) -> Iterator[_Answer]:
    """Answer each window with ``work``, and yield the answers in the order of the windows.

    Reads up to ``at_a_time`` windows ahead. A None among the windows means that the next one is not
    there yet: all windows in progress are then answered before more is read. An error of ``work``
    is raised in the place of its answer, and windows that have not begun are dropped. An error of
    ``windows`` is raised after all windows in progress are answered.

    Args:
        work: answers a window.
        windows: to be answered.
        at_a_time: windows in progress at a time; with 1 the work is done in the calling thread.
        pool: does the work; None: threads that end with this call.
    """
    if at_a_time == 1:
        yield from (work(window) for window in windows if window is not None)
        return
    running: deque[Future[_Answer]] = deque()
    with nullcontext(pool) if pool else ThreadPoolExecutor(at_a_time) as workers:
        try:
            for window in _ending_in_none(windows):
                if window is not None:
                    running.append(workers.submit(work, window))
                while len(running) == at_a_time or (running and window is None):
                    yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _ending_in_none(windows: Iterable[_Window | None]) -> Iterator[_Window | None]:
    """``windows``, and a None at their end or before their error, so that work is completed."""
    try:
        yield from windows
    except Exception:
        yield None
        raise
    yield None


def in_windows(
    work: Callable[[Sequence[_Item]], list[_Answer]],
    items: Sequence[_Item],
    *,
    window: int,
    at_a_time: int,
) -> list[_Answer]:
    """The answers of ``work`` to ``items``, cut into windows where several can be in progress.

    ``work`` gets at most ``window`` items then, else all of them.
    """
    if at_a_time == 1 or len(items) <= window:
        return work(items)
    windows = (items[at : at + window] for at in range(0, len(items), window))
    return [one for some in in_turn(work, windows, at_a_time=at_a_time) for one in some]
