"""CTranslate2 as the engine: small, fast on CPUs, and without torch (extra ``ct2``)."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from d2t.errors import BackendError, BundleError, DataError, UsageError
from d2t.model.config import EXPORTED_POSITIONS
from d2t.model.tokenizer import Tokenizer
from d2t.search.backend import SearchResult, SymbolMask, in_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from d2t.model.bundle.parts import BundleParts
    from d2t.search.backend import EncodedSource, SampleKey, SamplingOptions

FOLDER = "ctranslate2"
"""Inside a bundle: the engine's model, where ``d2t export`` wrote one."""

_WINDOW = 512
"""Requests of a call. They are split into batches in the same way, whatever the workers."""
_BATCH_TOKENS = 1024
"""Source tokens, with padding, that one worker searches together (about 50 requests); more are
split, sorted by length. What they need stays in a core's cache: 2048 take a fifth longer each."""


@dataclass(frozen=True, slots=True)
class Parallelism:
    """How many batches run at a time, and with how many threads each.

    Small models gain more from workers than from threads: ``for_machine`` gives each core a worker,
    unless told how many workers are to share the cores.
    """

    workers: int = 1
    threads: int = 1

    @classmethod
    def for_machine(cls, threads: int | None = None, workers: int | None = None) -> Parallelism:
        """``workers`` that share ``threads`` (None: the cores of this process); None: one each."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        total = max(1, threads or cores or 1)
        at_a_time = workers or total
        return cls(workers=at_a_time, threads=max(1, total // at_a_time))


class CTranslate2Backend:
    """An exported model. Its searches split what they are given into batches of their own.

    Departures from the torch engine: samples come from the engine's own generator, which is seeded
    for each call (``draws_by_call``); noise injection is not there; scores are of a distribution
    without what may not be generated.
    """

    name: str = "ctranslate2"
    draws_by_call: bool = True

    def __init__(
        self, parts: BundleParts, folder: Path, *, parallelism: Parallelism | None = None
    ) -> None:
        """Load the engine's model.

        Args:
            parts: of the bundle that the model belongs to.
            folder: what ``d2t export`` wrote.
            parallelism: workers and threads; None: one worker per core.

        Raises:
            BackendError: ctranslate2 is not installed.
            BundleError: the folder holds no model that the engine can read.
        """
        require_no_prefix(parts, folder)
        if not isinstance(parts.tokenizer, Tokenizer):
            raise BundleError(f"{folder}: only models trained from scratch are exported")
        try:
            import ctranslate2
        except ImportError as error:
            raise BackendError("ctranslate2 is missing; pip install ctranslate2") from error
        parallel = parallelism or Parallelism.for_machine()
        _require(folder)
        try:
            self._open = partial(
                ctranslate2.Translator, str(folder), device="cpu", intra_threads=parallel.threads
            )
            self._translator: Any = self._open(inter_threads=parallel.workers)
        except (RuntimeError, ValueError) as error:
            raise BundleError(f"{folder}: {error}; export the bundle again") from error
        self.window: int | None = _WINDOW
        self.at_a_time = min(2, parallel.workers * parallel.threads)
        self._seed = ctranslate2.set_random_seed
        self._seeding = Lock()  # the seed is one for the process
        tokenizer = parts.tokenizer
        self._pieces = tokenizer.pieces(range(tokenizer.vocab_size))
        self._ids = {piece: i for i, piece in enumerate(self._pieces)}
        self._eos = self._pieces[tokenizer.eos_id]
        self._mask = SymbolMask(parts.domain, tokenizer, tokenizer.vocab_size)
        self._blocked = {*self._mask.always, tokenizer.pad_id, tokenizer.bos_id}

    @contextmanager
    def session(self) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def greedy(self, sources: Sequence[EncodedSource], *, max_length: int) -> list[SearchResult]:
        """See ``SearchBackend.greedy``."""
        answers = self._translate(sources, beam_size=1, max_length=max_length)
        return [results[0] for results in answers]

    def beams(
        self,
        sources: Sequence[EncodedSource],
        *,
        beam_size: int,
        max_length: int,
        length_penalty: float,
    ) -> list[list[SearchResult]]:
        """See ``SearchBackend.beams``."""
        return self._translate(
            sources,
            beam_size=beam_size,
            max_length=max_length,
            num_hypotheses=beam_size,
            length_penalty=length_penalty,
        )

    def samples(
        self,
        sources: Sequence[EncodedSource],
        rows: Sequence[tuple[int, SampleKey]],
        options: SamplingOptions,
        *,
        max_length: int,
    ) -> list[SearchResult]:
        """See ``SearchBackend.samples``; the first row's key seeds the call.

        Raises:
            UsageError: noise is asked for.
        """
        if options.method != "ancestral":
            raise UsageError("the ctranslate2 engine has no place for noise; use --engine torch")
        if not rows:
            return []
        with self._seeding:
            # A worker's generator is seeded once, when it first draws: new worker, known seed.
            self._seed(rows[0][1].request % 2**31)
            answers = self._translate(
                [sources[at] for at, _ in rows],
                translator=self._open(inter_threads=1),
                beam_size=1,
                max_length=max_length,
                sampling_topk=0,
                sampling_topp=options.top_p,
                sampling_temperature=options.temperature,
            )
        return [results[0] for results in answers]

    def _translate(
        self,
        sources: Sequence[EncodedSource],
        *,
        max_length: int,
        translator: Any = None,
        **options: Any,
    ) -> list[list[SearchResult]]:
        """Sources with the same placeholders share a call: what is banned belongs to the call.

        Raises:
            DataError: a source is longer than the exported position table.
        """
        if any(len(source.ids) > EXPORTED_POSITIONS for source in sources):
            raise DataError(
                f"an MR of more than {EXPORTED_POSITIONS} tokens is too long for the ctranslate2 "
                "engine; shorten its values, or use --engine torch",
                code="too_long",
            )

        def allowed(source: EncodedSource) -> frozenset[int]:
            return frozenset(self._mask.allowed(source.symbols))

        def translate(batch: list[EncodedSource]) -> list[list[SearchResult]]:
            blocked = sorted(self._blocked - allowed(batch[0]))
            answers = (translator or self._translator).translate_batch(
                [[self._pieces[i] for i in source.ids] for source in batch],
                max_batch_size=_BATCH_TOKENS,
                batch_type="tokens",
                max_input_length=0,
                max_decoding_length=min(max_length, EXPORTED_POSITIONS - 1),
                suppress_sequences=[[self._pieces[i]] for i in blocked],
                return_scores=True,
                return_end_token=True,
                **options,
            )
            return [list(map(self._result, one.hypotheses, one.scores)) for one in answers]

        return in_groups(sources, allowed, translate)

    def _result(self, tokens: Sequence[str], score: float) -> SearchResult:
        finished = bool(tokens) and tokens[-1] == self._eos
        said = tokens[:-1] if finished else tokens
        return SearchResult(tuple(self._ids[token] for token in said), score, finished)


def require_no_prefix(parts: BundleParts, path: Path) -> None:
    """See that nothing has to be forced on the decoder, which this engine is not made to do.

    Raises:
        BundleError: the bundle's decoder is given the plan.
    """
    if parts.linearizer.plan_first is not None:
        raise BundleError(
            f"{path}: the model was trained with --objective counterfactual, its decoder reads the "
            "plan; only the torch engine can give it one: use --engine torch"
        )


def _require(folder: Path) -> None:
    if not (folder / "model.bin").is_file():
        raise BundleError(
            f"{folder} holds no exported model; write one with `d2t export BUNDLE`, or use "
            "--engine torch"
        )
