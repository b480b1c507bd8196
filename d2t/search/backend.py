"""What a generator needs of an engine: token ids in, token ids with scores out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from d2t.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.search.sampling_options import SampleKey, SamplingOptions

BATCHES_PER_WINDOW = 8
"""Batches that are worked on together, so that sorting by length has something to sort."""


class OutOfMemoryError(BackendError):
    """A batch did not fit; a smaller one may."""


@dataclass(frozen=True, slots=True)
class EncodedSource:
    """One source on its way to an engine.

    Attributes:
        ids: tokens, EOS included.
        symbols: placeholders that stand for something in this MR; no other may be generated.
        prefix: tokens that every answer begins with; they are given, and are no part of it.
    """

    ids: tuple[int, ...]
    symbols: tuple[str, ...]
    prefix: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One token sequence found by a search.

    Attributes:
        ids: generated token ids, without BOS and EOS.
        score: mean log-probability (nats) per token, EOS included (rule O5.6).
        finished: False when ``max_length`` was reached before EOS.
    """

    ids: tuple[int, ...]
    score: float
    finished: bool = True


class SearchBackend(Protocol):
    """An engine that runs one model. Each call is one batch, answered in its order.

    Raises:
        OutOfMemoryError: from any search: the batch is too large.
        BackendError: the model returns NaN.
    """

    name: str
    parallel: int
    """Batches that one call may hold: the engine splits them over its workers."""
    at_a_time: int
    """Calls from different threads that it makes faster by answering them together."""

    def session(self) -> AbstractContextManager[object]:
        """What surrounds a series of calls (evaluation mode, say)."""
        return nullcontext()

    def greedy(self, sources: Sequence[EncodedSource], *, max_length: int) -> list[SearchResult]:
        """The likeliest token at each step."""
        ...

    def beams(
        self,
        sources: Sequence[EncodedSource],
        *,
        beam_size: int,
        max_length: int,
        length_penalty: float,
    ) -> list[list[SearchResult]]:
        """Per source the ``beam_size`` best of beam search, best first."""
        ...

    def samples(
        self,
        sources: Sequence[EncodedSource],
        rows: Sequence[tuple[int, SampleKey]],
        options: SamplingOptions,
        *,
        max_length: int,
    ) -> list[SearchResult]:
        """One sample per row: which source it is of, and its random numbers."""
        ...
