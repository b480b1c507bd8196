"""From requests to checked utterances: order, linearize, search, relexicalize, check."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from d2t.decode.orders import choose_orders
from d2t.decode.search import SearchResult, beam_search, greedy_search, pad_sources
from d2t.decode.symbol_mask import SymbolMask
from d2t.decode.types import GenerationRequest, Hypothesis
from d2t.errors import BackendError, UsageError
from d2t.linearize.delex import relexicalize
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d2t.linearize.source import LinearizedInput
    from d2t.model.base import Seq2SeqModel
    from d2t.model.bundle import Bundle

logger = logging.getLogger(__name__)

MAX_LENGTH = 100
"""Most tokens per utterance where neither the caller nor the bundle says otherwise (spec §5.6)."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request on its way to the model."""

    request: GenerationRequest
    asked: Plan
    linearized: LinearizedInput
    source_ids: list[int]


class ModelGenerator:
    """A bundle's model as a `Generator`: one checked hypothesis per request, in request order.

    Settings left out come from the bundle's decode defaults. In fp32 on one device the texts do not
    depend on ``batch_size`` or on what else is in the call.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        beam_size: int | None = None,
        batch_size: int = 64,
        max_length: int | None = None,
        length_penalty: float | None = None,
        seed: int = 0,
    ) -> None:
        """Wrap ``bundle``.

        Args:
            bundle: model, tokenizer, linearizer, planner and domain, on their device.
            beam_size: 1 is greedy search.
            batch_size: sources searched together; halved for good when memory runs out.
            max_length: most tokens per utterance.
            length_penalty: exponent of the length in beam ranking.
            seed: of the RND strategy's orders.

        Raises:
            UsageError: a setting is out of range.
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
        for name in ("beam_size", "batch_size", "max_length"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, was {getattr(self, name)}")
        self.checker = SlotChecker.for_domain(bundle.domain)
        self._symbols = SymbolMask(bundle.domain, bundle.tokenizer, bundle.model.vocab_size)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request, in the order of the requests.

        Raises:
            DataError: code ``no_plan``: neither the request nor the bundle has an order.
            BackendError: one source alone does not fit into memory, or the model returns NaN.
        """
        prepared = [self._prepare(request) for request in requests]
        # Rows of like length share a batch: less padding, and they finish together.
        by_length = sorted(range(len(prepared)), key=lambda i: len(prepared[i].source_ids))
        hypotheses: dict[int, Hypothesis] = {}
        with _evaluating(self.bundle.model):
            while by_length:
                batch = by_length[: self.batch_size]
                results = self._search([prepared[i] for i in batch])
                if results is None:  # out of memory: the batch size is halved by now
                    continue
                for i, result in zip(batch, results, strict=True):
                    hypotheses[i] = self._finish(prepared[i], result)
                del by_length[: len(batch)]
        return [hypotheses[i] for i in range(len(prepared))]

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
        if not isinstance(mr, MeaningRepresentation):
            mr = parse_mr(mr, self.domain)
        if plan is not None and not isinstance(plan, Plan):
            plan = parse_plan(plan, mr, self.domain)
        return self.generate([GenerationRequest(id, mr, plan)])[0]

    def _prepare(self, request: GenerationRequest) -> _Prepared:
        linearizer = self.bundle.linearizer
        orders = choose_orders(request, linearizer.strategy, self.bundle.planner, seed=self.seed)
        linearized = linearizer.linearize(request.mr, orders.read)
        ids = self.bundle.tokenizer.encode_source(linearized.pieces)
        return _Prepared(request, orders.asked, linearized, ids)

    def _search(self, batch: list[_Prepared]) -> list[SearchResult] | None:
        """Search one batch; None when memory ran out and the batch size has been halved."""
        try:
            return self._run_search(batch)
        except RuntimeError as error:  # includes torch.OutOfMemoryError
            if not _is_out_of_memory(error):
                raise
            if len(batch) == 1:
                raise BackendError(
                    "out of memory with a batch of one; lower --beam-size or --max-length, or use "
                    "a device with more memory"
                ) from error
        # Outside the except block, so that the traceback no longer holds the batch's tensors.
        self.batch_size = max(1, len(batch) // 2)
        logger.warning("out of memory: going on with batches of %d", self.batch_size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _run_search(self, batch: list[_Prepared]) -> list[SearchResult]:
        model = self.bundle.model
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        sources = [item.source_ids for item in batch]
        ids, mask = pad_sources(sources, model.pad_id, device=device)
        banned = self._symbols.banned([item.linearized.bindings for item in batch]).to(device)
        if self.beam_size == 1:
            return greedy_search(model, ids, mask, max_length=self.max_length, banned=banned)
        found = beam_search(
            model,
            ids,
            mask,
            beam_size=self.beam_size,
            length_penalty=self.length_penalty,
            max_length=self.max_length,
            banned=banned,
        )
        return [results[0] for results in found]

    def _finish(self, item: _Prepared, result: SearchResult) -> Hypothesis:
        template = self.bundle.tokenizer.decode(result.ids)
        text = relexicalize(template, item.linearized.bindings)
        report = self.checker.check(text, item.request.mr)
        return Hypothesis(
            id=item.request.id,
            mr=item.request.mr,
            plan=item.asked,
            text=text,
            alignment=report.alignment,
            report=report,
            score=result.score,
            status="ok" if report.ok and result.finished else "failed",
            order_kept=report.alignment.plan().slots == item.asked.slots,
        )


@contextmanager
def _evaluating(model: Seq2SeqModel) -> Iterator[None]:
    """No dropout inside; afterwards the mode it was in, since a trainer may be at work."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it; the CPU allocator only a message."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        sign in text for sign in ("out of memory", "not enough memory", "can't allocate memory")
    )
