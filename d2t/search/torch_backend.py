"""The engine that training uses, too: our own searches over any steppable model, with torch."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from d2t.errors import UsageError
from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.search.backend import OutOfMemoryError, SymbolMask, in_groups
from d2t.search.beam import beam_search
from d2t.search.greedy import greedy_search, pad_sources
from d2t.search.sampling import sample_search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from d2t.model.bundle.network import Bundle
    from d2t.search.backend import EncodedSource, SampleKey, SamplingOptions, SearchResult

_Result = TypeVar("_Result")
_Item = TypeVar("_Item")

_PENDING = "prefix_pending"
"""In the state of a ``PrefixedModel``: the token that the next step begins with."""


class TorchBackend:
    """A bundle's model, on its device. In fp32 results do not depend on what shares a batch."""

    name: str = "torch"
    window: int | None = None
    draws_by_call: bool = False
    at_a_time: int = 1

    def __init__(self, bundle: Bundle) -> None:
        """Any bundle will do; its model is run in evaluation mode inside ``session``."""
        self._model = bundle.model
        mask = SymbolMask(bundle.domain, bundle.tokenizer, bundle.model.vocab_size)
        self._mask = mask
        self._base = torch.zeros(bundle.model.vocab_size, dtype=torch.bool)
        self._base[sorted(mask.always)] = True

    @contextmanager
    def session(self) -> Iterator[None]:
        """No dropout inside; afterwards the mode it was in, since a trainer may be at work."""
        training = self._model.training
        self._model.eval()
        try:
            yield
        finally:
            self._model.train(training)

    def greedy(self, sources: Sequence[EncodedSource], *, max_length: int) -> list[SearchResult]:
        """See ``SearchBackend.greedy``."""

        def run(batch: Sequence[EncodedSource]) -> list[SearchResult]:
            model, ids, mask, banned = self.searched(batch)
            return greedy_search(model, ids, mask, max_length=max_length, banned=banned)

        return in_groups(sources, _prefix_length, partial(_guarded, run))

    def beams(
        self,
        sources: Sequence[EncodedSource],
        *,
        beam_size: int,
        max_length: int,
        length_penalty: float,
    ) -> list[list[SearchResult]]:
        """See ``SearchBackend.beams``."""

        def run(batch: Sequence[EncodedSource]) -> list[list[SearchResult]]:
            model, ids, mask, banned = self.searched(batch)
            return beam_search(
                model,
                ids,
                mask,
                beam_size=beam_size,
                n_best=beam_size,
                length_penalty=length_penalty,
                max_length=max_length,
                banned=banned,
            )

        return in_groups(sources, _prefix_length, partial(_guarded, run))

    def samples(
        self,
        sources: Sequence[EncodedSource],
        rows: Sequence[tuple[int, SampleKey]],
        options: SamplingOptions,
        *,
        max_length: int,
    ) -> list[SearchResult]:
        """See ``SearchBackend.samples``; a sample depends on its key and its source alone."""

        def run(chosen: Sequence[tuple[int, SampleKey]]) -> list[SearchResult]:
            wanted = sorted({at for at, _ in chosen})
            model, ids, mask, banned = self.batch([sources[at] for at in wanted])
            own = [(wanted.index(at), key) for at, key in chosen]
            return sample_search(
                model, ids, mask, own, options, max_length=max_length, banned=banned
            )

        return in_groups(rows, lambda row: _prefix_length(sources[row[0]]), partial(_guarded, run))

    def searched(
        self, sources: Sequence[EncodedSource]
    ) -> tuple[Seq2SeqModel, Tensor, Tensor, Tensor]:
        """What greedy and beam search step; an engine that scores otherwise overrides it."""
        return self.batch(sources)

    def batch(
        self, sources: Sequence[EncodedSource]
    ) -> tuple[Seq2SeqModel, Tensor, Tensor, Tensor]:
        """The model, source ids ``(batch, src_len)``, their mask, and banned tokens.

        The latter are ``(batch, vocab) bool``. Prefixes must be of one length.
        """
        model = self._model
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        ids, mask = pad_sources([s.ids for s in sources], model.pad_id, device=device)
        banned = self._base.repeat(len(sources), 1)
        for row, source in enumerate(sources):
            banned[row, self._mask.allowed(source.symbols)] = False
        if any(source.prefix for source in sources):
            model = PrefixedModel(model, [source.prefix for source in sources])
        return model, ids, mask, banned.to(device)


def _prefix_length(source: EncodedSource) -> int:
    """Sources of one batch must agree in it."""
    return len(source.prefix)


def _guarded(run: Callable[[list[_Item]], list[_Result]], batch: list[_Item]) -> list[_Result]:
    """What ``run`` finds; memory that ran out becomes our own error, and is given back."""
    try:
        return run(batch)
    except RuntimeError as error:  # includes torch.OutOfMemoryError
        if not _is_out_of_memory(error):
            raise
    # Outside the except block, so that the traceback no longer holds the batch's tensors.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise OutOfMemoryError("out of memory")


def _is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it; the CPU allocator only a message."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        sign in text for sign in ("out of memory", "not enough memory", "can't allocate memory")
    )


class PrefixedModel(Seq2SeqModel):
    """Wraps a model for the searches of one batch, whose prefixes have the same length.

    ``start`` steps through BOS and all of the prefix but its last token, which takes the place of
    the BOS that a search begins with. So no search knows of prefixes: what it finds begins after
    them, scores are those of the tokens it chose, and what is banned may stand in a prefix.
    """

    def __init__(self, model: Seq2SeqModel, prefixes: Sequence[Sequence[int]]) -> None:
        """Wrap ``model``; ``prefixes`` are those of the sources that ``start`` will be given.

        Raises:
            UsageError: they are empty or of different lengths.
        """
        super().__init__()
        lengths = {len(prefix) for prefix in prefixes}
        if len(lengths) != 1 or 0 in lengths:
            raise UsageError(f"prefixes of one batch must have one length, not {sorted(lengths)}")
        self.position_limit = model.position_limit
        self.pad_id, self.bos_id, self.eos_id = model.pad_id, model.bos_id, model.eos_id
        self.vocab_size = model.vocab_size
        self._inner = model
        self._prefixes = torch.tensor([list(prefix) for prefix in prefixes], dtype=torch.int64)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """That of the inner model."""
        return self._inner.noise_shape

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """Noise for the next step; none falls on the prefix."""
        return self._inner.perturb(state, noise)

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits after the prefix: ``target_ids`` begin with BOS as ever."""
        prefixes = self._prefixes.to(target_ids.device)
        given = torch.cat([target_ids[:, :1], prefixes, target_ids[:, 1:]], dim=1)
        return self._inner(source_ids, source_mask, given)[:, prefixes.size(1) :]

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode, and step through the prefix; one row per prefix."""
        state = self._inner.start(source_ids, source_mask)
        bos = source_ids.new_full((len(source_ids), 1), self.bos_id)
        given = torch.cat([bos, self._prefixes.to(source_ids.device)], dim=1)
        for column in given[:, :-1].unbind(1):
            _, state = self._inner.step(column, state)
        return {**state, _PENDING: given[:, -1]}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One inner step; at the first, the end of the prefix stands for BOS."""
        inner = dict(state)
        pending = inner.pop(_PENDING, None)
        return self._inner.step(token_ids if pending is None else pending, inner)
