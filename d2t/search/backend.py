"""What a generator needs of an engine: token ids in, token ids with scores out."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeVar

from d2t.errors import BackendError, UsageError
from d2t.language.symbols import PLAN_SYMBOLS, all_symbols
from d2t.model.tokenizer import Tokenizer
from d2t.seeding import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from d2t.model.pretrained_tokenizer import PretrainedTokenizer
    from d2t.mr.domain import Domain


SamplingMethod = Literal["noise", "ancestral"]

BATCHES_PER_WINDOW = 8
"""Batches that are worked on together, so that sorting by length has something to sort."""


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


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


class SampleKey(NamedTuple):
    """Which random numbers a row uses: the request's key and the number of the sample."""

    request: int
    sample: int


def request_key(seed: int, request_id: str) -> int:
    """The request's part of its samples' keys; equal requests under other ids sample otherwise."""
    return derive_seed(seed, "sample", request_id)


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How candidates are sampled. Rule O7.3 takes 200 samples with noise of 1.0 and keeps 20.

    Attributes:
        method: ``noise``: Gaussian noise on the decoder state, likeliest token; ``ancestral``:
            tokens drawn from the model's distribution.
        n_samples: samples per request.
        keep: best distinct texts that are returned.
        std: s0 of the noise: its standard deviation at step t is ``std / t``, in the unit that the
            model's ``perturb`` states; 0 is greedy search. 1.0 is the paper's, for GRUs; with our
            Transformers 2 to 3 give different texts (experiments/LOG.md).
        temperature: ancestral only; divides the log-probabilities.
        top_p: ancestral only; draw from the likeliest tokens that hold this probability together.
        top_k: ancestral only; draw from so many likeliest tokens (ties included); 0 is all.
        seed: with the request's id and the sample's number it fixes every draw.
    """

    method: SamplingMethod = "noise"
    n_samples: int = 200
    keep: int = 20
    std: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int = 0

    def __post_init__(self) -> None:
        """Raise ``UsageError`` for options that cannot be run."""
        if self.method not in ("noise", "ancestral"):
            raise UsageError(f"method must be noise or ancestral, was {self.method!r}")
        for name in ("n_samples", "keep"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, was {getattr(self, name)}")
        if not 0 <= self.std < float("inf"):
            raise UsageError(f"std must be 0 or more, was {self.std}")
        if not 0 < self.temperature < float("inf"):
            raise UsageError(f"temperature must be above 0, was {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, was {self.top_p}")
        if self.top_k < 0:
            raise UsageError(f"top_k must be 0 or more, was {self.top_k}")


def in_groups(
    items: Sequence[_Item],
    key: Callable[[_Item], Hashable],
    run: Callable[[list[_Item]], Sequence[_Result]],
) -> list[_Result]:
    """The result of ``run`` for each item, in their order; items of the same key share a call."""
    groups: dict[Hashable, list[int]] = {}
    for at, item in enumerate(items):
        groups.setdefault(key(item), []).append(at)
    results: dict[int, _Result] = {}
    for places in groups.values():
        results.update(zip(places, run([items[at] for at in places]), strict=True))
    return [results[at] for at in range(len(items))]


class SearchBackend(Protocol):
    """An engine that runs one model. Each call is one batch, answered in its order.

    Raises:
        OutOfMemoryError: from any search: the batch is too large.
        BackendError: the model returns NaN.
    """

    name: str
    window: int | None
    """Requests that one call holds, if the engine splits calls into batches of its own.

    It is the same for every batch size, so that scores are, to the last digit. None: a batch.
    """
    at_a_time: int
    """Calls from different threads that it makes faster by answering them together."""
    draws_by_call: bool
    """Whether samples depend on what else is asked in a call, so that each source needs its own."""

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


_BYTE = re.compile("<0x[0-9A-F]{2}>")


class SymbolMask:
    """Bans source-only symbols, placeholders without a binding, the unknown token and raw bytes.

    A trained model hardly ever wants them; the mask makes it impossible, so that no text leaves the
    system with a raw ``<val:near>`` in it. Byte pieces let any value be *read*; every character of
    the training texts has a piece of its own, so a byte in an answer could only spell garbage.

    Attributes:
        always: ids that no text may hold, unless a row allows them.
    """

    def __init__(
        self, domain: Domain, tokenizer: Tokenizer | PretrainedTokenizer, vocab_size: int
    ) -> None:
        known = tokenizer.symbol_ids  # one without a symbol spells it out: nothing to ban
        symbols = (*all_symbols(domain), *PLAN_SYMBOLS)
        self._ids = {symbol: known[symbol] for symbol in symbols if symbol in known}
        # A checkpoint's spare rows spell nothing.
        banned = {*self._ids.values(), *range(tokenizer.vocab_size, vocab_size)}
        if isinstance(tokenizer, Tokenizer):
            pieces = tokenizer.pieces(range(tokenizer.vocab_size))
            banned |= {i for i, piece in enumerate(pieces) if _BYTE.fullmatch(piece)}
            banned.add(tokenizer.unk_id)
        self.always = frozenset(banned)

    def allowed(self, symbols: Iterable[str]) -> list[int]:
        """The ids of ``symbols`` that are banned where they stand for nothing."""
        return [self._ids[symbol] for symbol in symbols if symbol in self._ids]
