"""All it takes to answer input records: in this process, or in processes of their own.

Python's lock lets one thread check texts at a time, so that more cores need more processes. Each of
them makes once what answers windows, and then answers one window after the other. What goes to it
and comes back are records, texts and errors; the results are those of a single process.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TYPE_CHECKING, Any

from d2t.errors import BackendError
from d2t.generate.requests import request_from_record
from d2t.generate.stream import RECORD_ERRORS, answer_records
from d2t.generate.verified import VerifiedGenerator
from d2t.io.text_source import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.stream import StreamItem
    from d2t.generate.types import GenerationRequest, VerifyOptions
    from d2t.mr.reader import Record

    Answer = Callable[[list[Record]], list[StreamItem]]

_BULK_BYTES = 4_000_000
"""From this size of a file on (about 30,000 records, a minute's work), use several processes."""
_answer: Callable[[Any], Any] | None = None
"""What answers windows in this process."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of every record.

    Attributes:
        model: folder of the bundle; None: the one that ships.
        settings: of ``load``.
        verify: who writes and how texts are proved, or repaired, or failed; None: they are only
            checked.
        plan: the order for records that have none of their own.
    """

    model: str | Path | None
    settings: Mapping[str, Any]
    verify: VerifyOptions | None
    plan: str | None = None

    def generator(self, **changes: Any) -> ModelGenerator:
        """The model, loaded; ``changes`` go before the settings.

        Raises:
            D2TError: as ``load``.
        """
        from d2t.generate.load import load  # looked up when it is needed: another may stand for it

        return load(self.model, **{**self.settings, **changes})

    def answers(self, generator: ModelGenerator) -> ModelGenerator | VerifiedGenerator:
        """What answers requests: ``generator``, verified if that is asked for."""
        return generator if self.verify is None else VerifiedGenerator(generator, self.verify)

    def answer(self, generator: ModelGenerator) -> Answer:
        """What answers a window of records: ``generator``, verified if that is asked for."""
        return partial(
            answer_records,
            generator=self.answers(generator),
            make_request=self._requests(generator),
        )

    def is_bad(self, generator: ModelGenerator) -> Callable[[Record], bool]:
        """What tells whether a record gets an error in the place of a text."""
        make_request = self._requests(generator)

        def bad(record: Record) -> bool:
            """Whether it makes no request."""
            try:
                make_request(record)
            except RECORD_ERRORS:
                return True
            return False

        return bad

    def _requests(self, generator: ModelGenerator) -> Callable[[Record], GenerationRequest]:
        return partial(
            request_from_record,
            domain=generator.domain,
            plan=self.plan,
            planner=generator.planner,
            seed=generator.seed,
        )

    def answer_alone(self) -> Answer:
        """``answer`` with a model of its own, on one core: for a process beside others."""
        return self.answer(self.generator(threads=1, workers=None))


def is_bulk(source: str) -> bool:
    """Whether a source is a file so long that a process for each core is worth its start."""
    return source != STDIN and os.path.isfile(source) and os.path.getsize(source) >= _BULK_BYTES


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
            f"one of the {n} worker processes ended early, probably for lack of memory; use fewer "
            "with --processes, or a smaller --batch-size"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def answer_here(window: Any) -> Any:
    """What this process answers to a window."""
    assert _answer is not None
    return _answer(window)


def _begin(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _answer
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; who began this ends it
    _answer = make()


def _end_with_parent() -> None:
    """End this process when the one that began it has ended, even if that was killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
