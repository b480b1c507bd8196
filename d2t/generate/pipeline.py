"""From requests to checked utterances: order, linearize, search, relexicalize, check."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from d2t.errors import BackendError, UsageError
from d2t.generate.candidates import Candidate, distinct_candidates
from d2t.generate.orders import Orders, breaks_kept, choose_orders, pooled_orders
from d2t.generate.requests import make_request
from d2t.generate.rerank import rerank
from d2t.generate.types import EncodedRequest, Hypothesis
from d2t.language.delex import relexicalize
from d2t.plan.choose import FittedPlanners, best_planner
from d2t.search.backend import OutOfMemoryError
from d2t.search.sampling_options import SampleKey, SamplingOptions, request_key
from d2t.search.windows import BATCHES_PER_WINDOW, answer_all
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from d2t.generate.types import GenerationRequest
    from d2t.model.bundle.bundle import Bundle
    from d2t.model.bundle.bundle_parts import BundleParts
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.plan.base import Planner
    from d2t.search.backend import SearchBackend, SearchResult

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

logger = logging.getLogger(__name__)

MAX_LENGTH = 100
"""Most tokens per utterance where neither the caller nor the bundle says otherwise (rule O5.6)."""


class ModelGenerator:
    """A bundle's model as a `Generator`: one checked hypothesis per request, in request order.

    Settings left out come from the bundle's decode defaults. In fp32 on one device the texts do not
    depend on ``batch_size`` or on what else is in the call.
    """

    def __init__(
        self,
        bundle: BundleParts,
        *,
        beam_size: int | None = None,
        batch_size: int = 64,
        max_length: int | None = None,
        length_penalty: float | None = None,
        seed: int = 0,
        rerank: bool = False,
        planner: Planner | str | None = None,
        plan_sentences: bool = False,
        backend: SearchBackend | None = None,
        at_a_time: int | None = None,
    ) -> None:
        """Wrap ``bundle``.

        Args:
            bundle: tokenizer, linearizer, planners and domain; without ``backend`` the model, too.
            beam_size: 1 is greedy search.
            batch_size: sources searched together; halved for good when memory runs out.
            max_length: most tokens per utterance.
            length_penalty: exponent of the length in beam ranking.
            seed: of the RND strategy's orders.
            rerank: of the ``beam_size`` best texts take the one with the best slot F1, then the
                best order, then the best score; RND pools five shuffles (rule O5.6).
            planner: orders what has no plan, where the strategy has no order of its own, and
                finishes plans that end in ``...``. A planner, or what ``make_planner`` takes; None
                is the bundle's neural one, else its bigram one.
            plan_sentences: let it plan where sentences end, too.
            backend: the engine that runs the model; None is torch.
            at_a_time: windows of many requests in work at a time; None: as the engine gains by it.

        Raises:
            UsageError: a setting is out of range, there is nothing to rerank, or no such planner.
        """
        defaults: Mapping[str, Any] = bundle.decode_defaults
        self.bundle = bundle
        self.domain = bundle.domain
        self.beam_size = int(defaults.get("beam_size", 1) if beam_size is None else beam_size)
        self.batch_size = batch_size
        wanted = defaults.get("max_length", MAX_LENGTH) if max_length is None else max_length
        self.max_length = int(wanted)
        penalty = defaults.get("length_penalty", 1.0) if length_penalty is None else length_penalty
        self.length_penalty = float(penalty)
        self.seed = seed
        self.rerank = rerank
        for name in ("beam_size", "batch_size", "max_length"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, was {getattr(self, name)}")
        if rerank and self.beam_size == 1:
            raise UsageError(
                "reranking needs several texts to choose from: give a beam size above 1"
            )
        fitted = FittedPlanners(bundle.planner, bundle.neural_planner)
        self.planner = best_planner(
            planner, bundle.domain, fitted, seed=seed, sentences=plan_sentences
        )
        self.checker = SlotChecker.for_domain(bundle.domain)
        self._backend = backend or _torch_backend(bundle)
        self.at_a_time = at_a_time or self._backend.at_a_time
        self._plan_first = bundle.linearizer.plan_first is not None

    @property
    def engine(self) -> str:
        """Name of what runs the model."""
        return self._backend.name

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request, in the order of the requests.

        Raises:
            DataError: code ``no_plan``: neither the request nor the bundle has an order.
            BackendError: one source alone does not fit into memory, or the model returns NaN.
        """
        window = BATCHES_PER_WINDOW * self.batch_size
        return answer_all(self._answer, requests, window=window, at_a_time=self.at_a_time)

    def _answer(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        variants = [self._variants(request) for request in requests]
        sources = [item for items in variants for item in items]
        found = iter(self._batched(sources, _source_length, self._run_search))
        return [self._best([(item, next(found)) for item in items]) for items in variants]

    def candidates(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[list[Candidate]]:
        """Several distinct texts per request, best first; nothing is checked.

        Args:
            requests: what to say; orders are chosen as in ``generate``.
            options: how to sample; None: the texts among the ``beam_size`` best of beam search. Any
                sample depends on the options' seed, the request's id and its own number alone, so
                equal requests of one seed need different ids to give different texts.

        Returns:
            Per request at least one candidate, at most ``options.keep`` or ``beam_size``: texts
            that came to their end first, then by score.

        Raises:
            UsageError: the model has no place for noise.
            DataError, BackendError: as in ``generate``.
        """
        return [found for _, found in self._candidates(requests, options)]

    def hypotheses(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[list[Hypothesis]]:
        """What ``candidates`` gives, each checked as the one of ``generate`` is (same errors)."""
        return [list(texts) for texts in self.checking(requests, options)]

    def checking(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[Iterator[Hypothesis]]:
        """``hypotheses``, each checked when it is asked for: the first that will do may be all."""
        found = self._candidates(requests, options)
        return [map(partial(self._checked, item), texts) for item, texts in found]

    def with_beam(self, beam_size: int) -> ModelGenerator:
        """The same model and engine, without reranking, with another beam size."""
        return ModelGenerator(
            self.bundle,
            beam_size=beam_size,
            batch_size=max(1, self.batch_size // max(1, beam_size // 2)),
            max_length=self.max_length,
            length_penalty=self.length_penalty,
            seed=self.seed,
            planner=self.planner,
            backend=self._backend,
            at_a_time=self.at_a_time,
        )

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
        prepared = [self._prepare(request, self._order(request)) for request in requests]
        if options is None:
            found = self._batched(prepared, _source_length, self._run_beams)
            keep = self.beam_size
        else:
            found = self._sample(prepared, options)
            keep = options.keep
        decode = self.bundle.tokenizer.decode
        return [
            (item, distinct_candidates(results, decode, item.bindings, keep))
            for item, results in zip(prepared, found, strict=True)
        ]

    def _order(self, request: GenerationRequest) -> Orders:
        strategy = self.bundle.linearizer.strategy
        return choose_orders(
            request, strategy, self.planner, seed=self.seed, plan_first=self._plan_first
        )

    def _variants(self, request: GenerationRequest) -> list[EncodedRequest]:
        """The sources whose candidates compete; several only where RND is reranked."""
        orders = [self._order(request)]
        if self.rerank:
            orders = pooled_orders(
                request, self.bundle.linearizer.strategy, self.planner,
                seed=self.seed, plan_first=self._plan_first,
            )  # fmt: skip
        return [self._prepare(request, order) for order in orders]

    def _prepare(self, request: GenerationRequest, orders: Orders) -> EncodedRequest:
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
        """What ``run`` gives for each item, ``batch_size`` items at a time.

        Items of like length share a batch: less padding, and they finish together.
        """
        waiting = sorted(range(len(items)), key=lambda i: length(items[i]))
        results: dict[int, _Result] = {}
        with self._backend.session():
            while waiting:
                batch = waiting[: self.batch_size * self._backend.parallel]
                found = self._attempt([items[i] for i in batch], run)
                if found is None:  # out of memory: the batch size is halved by now
                    continue
                results.update(zip(batch, found, strict=True))
                del waiting[: len(batch)]
        return [results[i] for i in range(len(items))]

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

    def _run_search(self, batch: list[EncodedRequest]) -> list[list[SearchResult]]:
        """One result per source, or the n-best to rerank."""
        if self.beam_size > 1:
            return self._run_beams(batch)
        return [[r] for r in self._backend.greedy(batch, max_length=self.max_length)]

    def _run_beams(self, batch: list[EncodedRequest]) -> list[list[SearchResult]]:
        return self._backend.beams(
            batch,
            beam_size=self.beam_size,
            max_length=self.max_length,
            length_penalty=self.length_penalty,
        )

    def _sample(
        self, prepared: list[EncodedRequest], options: SamplingOptions
    ) -> list[list[SearchResult]]:
        """``n_samples`` results per source; rows, not sources, are what a batch is counted in."""
        keys = [request_key(options.seed, item.request.id) for item in prepared]
        rows = [
            (source, SampleKey(keys[source], sample))
            for source in range(len(prepared))
            for sample in range(options.n_samples)
        ]

        def run(batch: list[tuple[int, SampleKey]]) -> list[SearchResult]:
            wanted = list(dict.fromkeys(source for source, _ in batch))
            place = {source: i for i, source in enumerate(wanted)}
            return self._backend.samples(
                [prepared[source] for source in wanted],
                [(place[source], key) for source, key in batch],
                options,
                max_length=self.max_length,
            )

        found = self._batched(rows, lambda row: _source_length(prepared[row[0]]), run)
        step = options.n_samples
        return [found[i * step : (i + 1) * step] for i in range(len(prepared))]

    def _best(self, found: list[tuple[EncodedRequest, list[SearchResult]]]) -> Hypothesis:
        """The model's best, or that of the reranker."""
        if not self.rerank:
            [(item, results)] = found
            return self._finish(item, results[0])
        checked = [self._finish(item, result) for item, results in found for result in results]
        if len(found) > 1:
            checked.sort(key=lambda hypothesis: -hypothesis.score)
        needs_planner = self.bundle.linearizer.needs_planner
        asked = found[0][0].request.plan is not None or needs_planner
        return checked[rerank(checked, by_order=asked)]

    def _finish(self, item: EncodedRequest, result: SearchResult) -> Hypothesis:
        template = self.bundle.tokenizer.decode(result.ids)
        text = relexicalize(template, item.bindings)
        return self._checked(item, Candidate(template, text, result.score, result.finished))

    def _checked(self, item: EncodedRequest, candidate: Candidate) -> Hypothesis:
        report = self.checker.check(candidate.text, item.request.mr)
        realised = report.alignment.plan()
        return Hypothesis(
            id=item.request.id,
            mr=item.request.mr,
            plan=item.orders.asked,
            text=candidate.text,
            alignment=report.alignment,
            report=report,
            score=candidate.score,
            status="ok" if report.ok and candidate.is_whole(item.bindings) else "failed",
            order_kept=realised.slots == item.orders.asked.slots,
            breaks_kept=breaks_kept(item.orders.asked, realised),
            finished=candidate.finished,
        )


def _source_length(item: EncodedRequest) -> tuple[int, int]:
    """What is given to the decoder, then what is read: engines step like prefixes together."""
    return len(item.prefix), len(item.ids)


def _torch_backend(bundle: BundleParts) -> SearchBackend:
    from d2t.search.torch_backend import TorchBackend  # torch takes a second to import

    return TorchBackend(cast("Bundle", bundle))
