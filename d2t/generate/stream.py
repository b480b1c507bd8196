"""Streams of records through a generator, in windows several of which are in progress at a time.

An engine with threads of its own releases Python's lock while it searches; linearization, checking
and repair hold the lock. So one window is searched while another is checked, and no core is idle.
Bad records keep their place.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from d2t.errors import D2TError, DataError, DomainError, MRParseError
from d2t.slots.types import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from d2t.generate.types import GenerationRequest, Generator, Hypothesis
    from d2t.mr.reader import Record


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


RECORD_ERRORS = (MRParseError, DomainError, DataError)
"""Errors of a single record; all others (of an engine or a bundle) end the stream."""


@dataclass(frozen=True, slots=True)
class StreamItem:
    """What became of one record: exactly one of ``hypothesis`` and ``error`` is set."""

    record: Record
    hypothesis: Hypothesis | None = None
    error: D2TError | None = None


@dataclass(slots=True)
class StreamTotals:
    """Running counts of a stream; ``add`` each window.

    Attributes:
        slots: the slot errors of all texts, whatever their status.
        ok: texts that passed the check at once.
        repaired: texts that passed after the first one did not.
        order_kept: texts that say their slots in the order asked for.
        breaks_planned: texts whose plan says where sentences end.
        breaks_kept: those of them whose sentences hold what the plan gives them.
        bad: records answered with an error object.
    """

    slots: Tally = field(default_factory=Tally)
    ok: int = 0
    repaired: int = 0
    order_kept: int = 0
    breaks_planned: int = 0
    breaks_kept: int = 0
    bad: int = 0

    @property
    def n(self) -> int:
        """Records answered with a text."""
        return self.slots.utterances

    @property
    def failed(self) -> int:
        """Texts that did not pass the check."""
        return self.n - self.ok - self.repaired

    @property
    def ser(self) -> float:
        """Slot error rate of the texts so far, in % of the slots asked for; 0 before the first."""
        return self.slots.ser

    def add(self, window: Iterable[StreamItem]) -> None:
        """Count the items of one window."""
        for item in window:
            if item.hypothesis is None:
                self.bad += 1
                continue
            self.slots.add(item.hypothesis.report)
            self.ok += item.hypothesis.status == "ok"
            self.repaired += item.hypothesis.status == "repaired"
            self.order_kept += item.hypothesis.order_kept
            self.breaks_planned += item.hypothesis.breaks_kept is not None
            self.breaks_kept += bool(item.hypothesis.breaks_kept)

    def add_line(self, line: Mapping[str, Any]) -> None:
        """Count a record that an earlier process has written."""
        if "error" in line:
            self.bad += 1
            return
        self.slots.add_record(line)
        self.ok += line["status"] == "ok"
        self.repaired += line["status"] == "repaired"
        self.order_kept += bool(line["order_kept"])
        self.breaks_planned += line["breaks_kept"] is not None
        self.breaks_kept += bool(line["breaks_kept"])


def generate_stream(
    records: Iterable[Record],
    answer: Callable[[list[Record]], list[StreamItem]],
    *,
    window: int,
    strict: bool = False,
    at_a_time: int = 1,
    pool: Executor | None = None,
    waits: Callable[[], bool] | None = None,
) -> Iterator[list[StreamItem]]:
    """Generate for a stream of any length in the memory of ``at_a_time`` windows.

    Reads ``window`` records, answers them together, and yields one item per record in input order.
    Nothing is yielded before ``at_a_time`` windows have been read, the input has ended, or
    ``waits`` says that the next record is not there yet.

    Args:
        records: good and bad input records.
        answer: answers a window; ``answer_records`` with its generator, or a call to another
            process.
        window: records per window, at least 1.
        strict: stop at the first bad record: the items before it are yielded, then its error is
            raised.
        at_a_time: windows in progress at a time; for threads the generator's ``at_a_time`` is best.
        pool: does the work; None: threads.
        waits: whether the next record is not there yet (``input_waits``); complete windows are
            then answered first.

    Raises:
        D2TError: an error that is not one record's, or with ``strict`` the first that is.
    """
    chunks = _chunks(records, window, waits)
    for items in in_turn(answer, chunks, at_a_time=at_a_time, pool=pool):
        bad = next((i for i, item in enumerate(items) if item.error is not None), None)
        if strict and bad is not None:
            error = items[bad].error
            assert error is not None
            if bad:
                yield items[:bad]
            raise error
        yield items


def _chunks(
    records: Iterable[Record], window: int, waits: Callable[[], bool] | None
) -> Iterator[list[Record] | None]:
    """The windows of the input, and a None wherever the next record is not there yet."""
    chunk: list[Record] = []
    stream = iter(records)
    while True:
        if waits is not None and waits():
            yield None
        record = next(stream, None)
        if record is not None:
            chunk.append(record)
        if chunk and (record is None or len(chunk) == window):
            yield chunk
            chunk = []
        if record is None:
            return


def answer_records(
    records: list[Record],
    *,
    generator: Generator,
    make_request: Callable[[Record], GenerationRequest],
) -> list[StreamItem]:
    """One item per record, in their order; the good records are generated together.

    Args:
        records: good and bad ones.
        generator: any; batches by length inside the call.
        make_request: reads a record; raises one of ``RECORD_ERRORS`` when it is bad.
    """
    items: dict[int, StreamItem] = {}
    requests: dict[int, GenerationRequest] = {}
    for i, record in enumerate(records):
        try:
            requests[i] = make_request(record)
        except RECORD_ERRORS as error:
            items[i] = StreamItem(record, error=error)
    try:
        hypotheses = generator.generate(list(requests.values()))
    except RECORD_ERRORS:  # of a record in the window: ask one by one for which
        for i, request in requests.items():
            try:
                items[i] = StreamItem(records[i], generator.generate([request])[0])
            except RECORD_ERRORS as error:
                if error.line is None:
                    error.line = records[i].line
                items[i] = StreamItem(records[i], error=error)
    else:
        for i, hypothesis in zip(requests, hypotheses, strict=True):
            items[i] = StreamItem(records[i], hypothesis)
    return [items[i] for i in range(len(records))]
