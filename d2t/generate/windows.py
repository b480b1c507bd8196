"""Windows of work, some of them at a time: while an engine searches one, another is checked.

An engine of its own threads leaves Python's lock free while it searches; linearization, checking
and repair hold it. One window after the other therefore leaves cores idle in turn.
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
    """What ``work`` makes of each window, in their order; up to ``at_a_time`` are in work.

    As many windows are read before the first answer comes, but for a None in their place: the next
    one is not there yet, and all that is begun shall be answered first. What ``work`` raises is
    raised in its turn; windows that have not begun are then left alone. What ``windows`` raises is
    raised when all that is begun is answered.

    Args:
        work: answers a window.
        windows: to be answered.
        at_a_time: 1: nothing but this thread works.
        pool: does the work; None: threads that end with it.
    """
    if at_a_time == 1:
        yield from (work(window) for window in windows if window is not None)
        return
    begun: deque[Future[_Answer]] = deque()
    with nullcontext(pool) if pool else ThreadPoolExecutor(at_a_time) as workers:
        try:
            for window in _ending_in_none(windows):
                if window is not None:
                    begun.append(workers.submit(work, window))
                while len(begun) == at_a_time or (begun and window is None):
                    yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def _ending_in_none(windows: Iterable[_Window | None]) -> Iterator[_Window | None]:
    """``windows``, and a None where they end or fail: what is begun is answered before."""
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
    """What ``work`` answers to ``items``; at once, or by windows where those gain by each other."""
    if at_a_time == 1 or len(items) <= window:
        return work(items)
    windows = (items[at : at + window] for at in range(0, len(items), window))
    return [one for some in in_turn(work, windows, at_a_time=at_a_time) for one in some]
