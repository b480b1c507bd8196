"""From requests to checked utterances.

The way of a request: choose its order, linearize and encode it, search, put the values into the
template, check the text.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from d2t.errors import BackendError, UsageError
from d2t.generate.candidates import Candidate, distinct_candidates, read_result, rerank
from d2t.generate.requests import choose_orders, make_request, pooled_orders
from d2t.generate.stream import in_windows
from d2t.generate.types import MAX_LENGTH, EncodedRequest, GenerationOptions, check_text
from d2t.plan.base import BatchPlanner
from d2t.plan.choose import FittedPlanners, best_planner
from d2t.search.backend import BATCHES_PER_WINDOW, OutOfMemoryError, SampleKey, request_key
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from d2t.generate.types import GenerationRequest, Hypothesis, Orders
    from d2t.model.bundle.network import Bundle
    from d2t.model.bundle.parts import BundleParts
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.search.backend import SamplingOptions, SearchBackend, SearchResult

SourceKey = tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]
"""What a search result depends on: the ids of the source and of the prefix, the placeholders."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

logger = logging.getLogger(__name__)


class ModelGenerator:
    """A bundle's model as a `Generator`: one checked hypothesis per request, in request order.

    In fp32 on one device the texts do not depend on ``batch_size`` or on what else is in the call.

    Attributes:
        bundle: what the model needs beside its weights.
        options: as given; ``beam_size``, ``max_length`` and ``length_penalty`` hold what they and
            the bundle's decode defaults come to.
        planner: orders what has no plan.
        checker: checks every text.
        batch_size: sources searched together; halved for good when memory runs out.
        at_a_time: windows of a long list of requests that are in work at a time.
    """

    def __init__(
        self,
        bundle: BundleParts,
        options: GenerationOptions | None = None,
        *,
        backend: SearchBackend | None = None,
        **changes: Any,
    ) -> None:
        """Wrap ``bundle``.

        Args:
            bundle: tokenizer, linearizer, planners and domain; without ``backend`` the model, too.
            options: how to generate; None: as the bundle does by default.
            backend: the engine that runs the model; None is torch.
            changes: fields of ``GenerationOptions``, which go before those of ``options``.

        Raises:
            UsageError: an option is out of range, there is nothing to rerank, or no such planner.
        """
        options = replace(options or GenerationOptions(), **changes)
        defaults: Mapping[str, Any] = bundle.decode_defaults
        self.bundle = bundle
        self.options = options
        self.domain = bundle.domain
        self.beam_size = int(_first(options.beam_size, defaults.get("beam_size", 1)))
        self.batch_size = options.batch_size
        self.max_length = int(_first(options.max_length, defaults.get("max_length", MAX_LENGTH)))
        penalty = _first(options.length_penalty, defaults.get("length_penalty", 1.0))
        self.length_penalty = float(penalty)
        self.seed = options.seed
        for name in ("beam_size", "batch_size", "max_length"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, was {getattr(self, name)}")
        if not 0 <= self.length_penalty < float("inf"):  # nan fails both comparisons
            raise UsageError(
                f"length_penalty (--length-penalty) must be 0 or more, was {self.length_penalty}"
            )
        if options.rerank and self.beam_size == 1:
            raise UsageError(
                "reranking needs several texts to choose from: give a beam size above 1"
            )
        fitted = FittedPlanners(bundle.planner, bundle.neural_planner)
        self.planner = best_planner(
            options.planner,
            bundle.domain,
            fitted,
            seed=options.seed,
            sentences=options.plan_sentences,
        )
        self.checker = SlotChecker.for_domain(bundle.domain)
        if backend is None:
            from d2t.search.torch_backend import TorchBackend  # torch takes a second to import

            backend = TorchBackend(cast("Bundle", bundle))
        self._backend = backend
        self._results: dict[SourceKey, list[SearchResult]] = {}
        self._process = os.getpid()
        self.at_a_time = self._backend.at_a_time
        self._plan_first = bundle.linearizer.plan_first is not None

    @property
    def engine(self) -> str:
        """Name of the engine that runs the model."""
        return self._backend.name

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request, in the order of the requests; many are cut into windows.

        Raises:
            DataError: code ``no_plan``: neither the request nor the bundle has an order.
            BackendError: one source alone does not fit into memory, the model returns NaN, or this
                process is a fork of the one that loaded the model.
        """
        return in_windows(self.answer, requests, window=self.window, at_a_time=self.at_a_time)

    @property
    def window(self) -> int:
        """Requests that are answered together, sorted by length."""
        return self._backend.window or BATCHES_PER_WINDOW * self.batch_size

    def answer(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """``generate`` for one window of requests, however many they are (same errors)."""
        self.plan_together(requests)
        pools = [self._sources(request) for request in requests]
        sources = [source for pool in pools for source in pool]
        results = iter(self._search_once(sources))
        return [self._best([(source, next(results)) for source in pool]) for pool in pools]

    def candidates(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[list[Candidate]]:
        """Several distinct texts per request, best first; they are not checked.

        Args:
            requests: what to say; orders are chosen as in ``generate``.
            options: how to sample; None takes the ``beam_size`` best of beam search. With torch a
                sample depends only on the options' seed, the request's id and the sample's number,
                so that equal requests need different ids to get different texts.

        Returns:
            Per request at least one candidate, at most ``options.keep`` or ``beam_size``: finished
            texts first, then by score.

        Raises:
            UsageError: the model has no place for noise.
            DataError, BackendError: as in ``generate``.
        """
        return [texts for _, texts in self._candidates(requests, options)]

    def hypotheses(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[list[Hypothesis]]:
        """The texts of ``candidates``, each checked like that of ``generate`` (same errors)."""
        return [list(texts) for texts in self.checking(requests, options)]

    def checking(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[Iterator[Hypothesis]]:
        """``hypotheses``, each checked when the iterator reaches it, since the first may do."""
        answers = self._candidates(requests, options)
        return [map(partial(self._check, source), texts) for source, texts in answers]

    def with_beam(self, beam_size: int) -> ModelGenerator:
        """The same model and engine, without reranking, with another beam size."""
        options = replace(
            self.options,
            beam_size=beam_size,
            batch_size=max(1, self.batch_size // max(1, beam_size // 2)),
            rerank=False,
            planner=self.planner,
        )
        other = ModelGenerator(self.bundle, options, backend=self._backend)
        other._process = self._process
        return other

    def generate_one(
        self,
        mr: str | Mapping[str, Any] | MeaningRepresentation,
        plan: str | Sequence[str] | Plan | None = None,
        *,
        id: str = "0",
    ) -> Hypothesis:
        """One utterance, from an MR and plan in any spelling.

        Example: ``generator.generate_one("name[Aromi], eatType[pub]", "eatType > name").text``

        Raises:
            MRParseError, DomainError: what is wrong with the MR or the plan.
        """
        return self.generate([make_request(mr, plan, self.domain, self.planner, id=id)])[0]

    def _candidates(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None
    ) -> list[tuple[EncodedRequest, list[Candidate]]]:
        sources = [self._encode(request, self.orders(request)) for request in requests]
        if options is None:
            results = self._batched(sources, _source_length, self._beams)
            keep = self.beam_size
        else:
            results = self._samples(sources, options)
            keep = options.keep
        decode = self.bundle.tokenizer.decode
        return [
            (source, distinct_candidates(some, decode, source.bindings, keep))
            for source, some in zip(sources, results, strict=True)
        ]

    def orders(self, request: GenerationRequest) -> Orders:
        """The order asked for, and the one in which the model reads the request's slots.

        Raises:
            DataError: code ``no_plan``, as in ``generate``.
        """
        strategy = self.bundle.linearizer.strategy
        return choose_orders(
            request, strategy, self.planner, seed=self.seed, plan_first=self._plan_first
        )

    def plan_together(self, requests: Sequence[GenerationRequest]) -> None:
        """Let a planner that is faster with many MRs see all that it will be asked for."""
        if isinstance(self.planner, BatchPlanner) and self.bundle.linearizer.needs_planner:
            self.planner.prepare(request.mr for request in requests if request.plan is None)

    def _sources(self, request: GenerationRequest) -> list[EncodedRequest]:
        """The sources whose texts compete; several only where RND is reranked."""
        if not self.options.rerank:
            return [self._encode(request, self.orders(request))]
        pool = pooled_orders(
            request,
            self.bundle.linearizer.strategy,
            self.planner,
            seed=self.seed,
            plan_first=self._plan_first,
        )
        return [self._encode(request, orders) for orders in pool]

    def _encode(self, request: GenerationRequest, orders: Orders) -> EncodedRequest:
        linearized = self.bundle.linearizer.linearize(
            request.mr, orders.read, kind=request.kind, said=orders.asked
        )
        ids = self.bundle.tokenizer.encode_source(linearized.pieces)
        given = linearized.prefix
        prefix = self.bundle.tokenizer.encode_source(given)[:-1] if given else ()  # no EOS
        return EncodedRequest(
            ids=tuple(ids),
            symbols=tuple(linearized.bindings),
            prefix=tuple(prefix),
            request=request,
            orders=orders,
            bindings=linearized.bindings,
        )

    def _batched(
        self,
        items: Sequence[_Item],
        length: Callable[[_Item], tuple[int, int]],
        run: Callable[[list[_Item]], list[_Result]],
    ) -> list[_Result]:
        """The result of ``run`` for each item, in their order.

        A call holds the engine's window, or ``batch_size`` items if it has none. Items of like
        length share a batch: that needs less padding, and they finish together.
        """
        waiting = sorted(range(len(items)), key=lambda i: length(items[i]))
        self.require_own_process()
        results: dict[int, _Result] = {}
        with self._backend.session():
            while waiting:
                batch = waiting[: self._backend.window or self.batch_size]
                some = self._attempt([items[i] for i in batch], run)
                if some is None:  # out of memory: the batch size is halved by now
                    continue
                results.update(zip(batch, some, strict=True))
                del waiting[: len(batch)]
        return [results[i] for i in range(len(items))]

    def require_own_process(self) -> None:
        """Refuse a fork: the threads of an engine do not come along, and it would hang.

        Raises:
            BackendError: another process loaded this generator.
        """
        if os.getpid() != self._process:
            raise BackendError(
                "this generator was loaded by another process, of which this one is a fork; load "
                "one in each process"
            )

    def _attempt(
        self, batch: list[_Item], run: Callable[[list[_Item]], list[_Result]]
    ) -> list[_Result] | None:
        """Run one batch; None when memory ran out and the batch size has been halved."""
        try:
            return run(batch)
        except OutOfMemoryError as error:
            if len(batch) == 1:
                raise BackendError(
                    "out of memory with a batch of one; lower --beam-size or --max-length, or use "
                    "a device with more memory"
                ) from error
        self.batch_size = max(1, len(batch) // 2)
        logger.warning("out of memory: going on with batches of %d", self.batch_size)
        return None

    def _search_once(self, sources: list[EncodedRequest]) -> list[list[SearchResult]]:
        """The search results of each source; equal sources are searched once."""
        if not self.options.searches_kept:
            return self._batched(sources, _source_length, self._search)
        keys = [(source.ids, source.prefix, source.symbols) for source in sources]
        results: dict[SourceKey, list[SearchResult]] = {
            key: known for key in keys if (known := self._results.get(key)) is not None
        }
        new = {key: at for at, key in enumerate(keys) if key not in results}
        searched = [sources[at] for at in new.values()]
        found = dict(zip(new, self._batched(searched, _source_length, self._search), strict=True))
        if len(self._results) > self.options.searches_kept:
            self._results.clear()
        self._results.update(found)
        results.update(found)
        return [results[key] for key in keys]

    def _search(self, batch: list[EncodedRequest]) -> list[list[SearchResult]]:
        if self.beam_size > 1:
            return self._beams(batch)
        return [[r] for r in self._backend.greedy(batch, max_length=self.max_length)]

    def _beams(self, batch: list[EncodedRequest]) -> list[list[SearchResult]]:
        return self._backend.beams(
            batch,
            beam_size=self.beam_size,
            max_length=self.max_length,
            length_penalty=self.length_penalty,
        )

    def _samples(
        self, sources: list[EncodedRequest], options: SamplingOptions
    ) -> list[list[SearchResult]]:
        """``n_samples`` results per source; rows, not sources, are what a batch is counted in.

        An engine that draws from a generator of its own gets the rows of each source in a call of
        their own, so that they depend on nothing else.
        """
        keys = [request_key(options.seed, source.request.id) for source in sources]
        rows = [
            (at, SampleKey(keys[at], sample))
            for at in range(len(sources))
            for sample in range(options.n_samples)
        ]

        def run(batch: list[tuple[int, SampleKey]]) -> list[SearchResult]:
            wanted = list(dict.fromkeys(at for at, _ in batch))
            place = {at: i for i, at in enumerate(wanted)}
            return self._backend.samples(
                [sources[at] for at in wanted],
                [(place[at], key) for at, key in batch],
                options,
                max_length=self.max_length,
            )

        step = options.n_samples
        if self._backend.draws_by_call:
            self.require_own_process()
            with self._backend.session():
                return [run(rows[i * step : (i + 1) * step]) for i in range(len(sources))]
        results = self._batched(rows, lambda row: _source_length(sources[row[0]]), run)
        return [results[i * step : (i + 1) * step] for i in range(len(sources))]

    def _best(self, pool: list[tuple[EncodedRequest, list[SearchResult]]]) -> Hypothesis:
        """The model's best, or that of the reranker."""
        decode = self.bundle.tokenizer.decode
        if not self.options.rerank:
            [(source, results)] = pool
            return self._check(source, read_result(results[0], decode, source.bindings))
        texts = [
            self._check(source, read_result(result, decode, source.bindings))
            for source, results in pool
            for result in results
        ]
        if len(pool) > 1:
            texts.sort(key=lambda text: -text.score)
        needs_planner = self.bundle.linearizer.needs_planner
        by_order = pool[0][0].request.plan is not None or needs_planner
        return texts[rerank(texts, by_order=by_order)]

    def _check(self, source: EncodedRequest, candidate: Candidate) -> Hypothesis:
        return check_text(
            candidate.text,
            source.request,
            source.orders.asked,
            self.checker,
            score=candidate.score,
            whole=candidate.is_whole(source.bindings),
            finished=candidate.finished,
        )


def _first(given: Any, default: Any) -> Any:
    return default if given is None else given


def _source_length(source: EncodedRequest) -> tuple[int, int]:
    """Lengths of the prefix and the source: engines step prefixes of one length together."""
    return len(source.prefix), len(source.ids)
