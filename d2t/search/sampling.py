"""Many different texts for one source: noise injection, and ancestral sampling beside it.

On our Transformers nucleus sampling with ``top_p=0.8`` gives more texts, more faithful and more
fluent ones than noise does at any size, noise more unasked orders (experiments/LOG.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from d2t.search.greedy import Greedy, Policy, blocked_tokens, check_settings, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from torch import Tensor

    from d2t.model.base import DecoderState, Seq2SeqModel
    from d2t.search.backend import SampleKey, SamplingOptions, SearchResult

_FEW = 32
"""Tokens that nearly always hold the nucleus."""
_BLOCK = 16
"""Steps whose noise is drawn together: a generator for each row and step would cost more."""
_GAUSSIAN, _UNIFORM = 0, 1
"""Streams of random numbers of one sample."""


def sample_search(
    model: Seq2SeqModel,
    source_ids: Tensor,
    source_mask: Tensor,
    rows: Sequence[tuple[int, SampleKey]],
    options: SamplingOptions,
    *,
    max_length: int,
    banned: Tensor | None = None,
) -> list[SearchResult]:
    """One sample per row; each source is encoded once, however many rows it has.

    Scores are mean log-probabilities, EOS included: under the noisy state for ``noise`` (rule
    O7.3), at temperature 1 over the whole vocabulary for ``ancestral``.

    Args:
        model: any steppable model, in eval mode.
        source_ids: ``(batch, src_len) int64``.
        source_mask: ``(batch, src_len) bool``, True = keep.
        rows: which source each row samples for, and its random numbers.
        options: ``n_samples`` and ``keep`` are not read here.
        max_length: most tokens generated, EOS included.
        banned: ``(batch, vocab) bool``, as in ``greedy_search``.

    Raises:
        UsageError: ``max_length`` is below 1, or the model has no place for noise.
        BackendError: the model returned NaN.
    """
    check_settings(max_length=max_length)
    if not rows:
        return []
    with torch.inference_mode():
        source = torch.tensor([index for index, _ in rows], device=source_ids.device)
        state = model.select(model.start(source_ids, source_mask), source)
        blocked = blocked_tokens(model, source_ids, banned)[source]
        policy = _policy(model, [key for _, key in rows], options, max_length)
        return walk(model, state, blocked, policy, max_length=max_length)


def _policy(
    model: Seq2SeqModel, keys: list[SampleKey], options: SamplingOptions, max_length: int
) -> Policy:
    if options.method == "noise":
        return NoiseInjection(model, StepNoise(keys, model.noise_shape, options.std))
    return Ancestral(uniforms(keys, max_length), options.temperature, options.top_p, options.top_k)


class NoiseInjection(Greedy):
    """Likeliest token under a state to which noise was added; the noise stays (rule O7.3)."""

    def __init__(self, model: Seq2SeqModel, noise: StepNoise) -> None:
        self._model = model
        self._noise = noise

    def before(self, state: DecoderState, rows: Tensor, step: int) -> DecoderState:
        """The state from the step before, with this step's noise."""
        return self._model.perturb(state, self._noise.draw(rows, step))


class Ancestral(Greedy):
    """A token drawn from ``p ** (1 / temperature)``, cut to its nucleus (Holtzman et al. 2020).

    Or to the ``top_k`` likeliest tokens (Fan et al. 2018), or to what both keep.
    By inverse cumulative distribution, so that one uniform number decides a token.
    """

    def __init__(
        self, draws: Tensor, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0
    ) -> None:
        """``draws (rows, steps) float64`` in [0, 1)."""
        self._draws = draws
        self._temperature = temperature
        self._top_p = top_p
        self._top_k = top_k

    def choose(self, log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        """The token in whose share of the distribution the row's number falls."""
        shares = torch.softmax(log_probs.double() / self._temperature, dim=-1)
        kept = nucleus(shares, self._top_p) if self._top_p < 1 else None
        if 0 < self._top_k < shares.size(-1):
            likely = shares >= shares.topk(self._top_k).values[:, -1:]
            kept = likely if kept is None else kept & likely
        if kept is not None:
            shares.masked_fill_(~kept, 0.0)
        cumulative = shares.cumsum(dim=-1)
        draw = self._draws[rows.cpu(), step - 1].to(shares.device).unsqueeze(1)
        return (cumulative <= draw * cumulative[:, -1:]).sum(dim=-1)


def nucleus(shares: Tensor, top_p: float, few: int = _FEW) -> Tensor:
    """Which of ``shares (rows, vocab)`` are in the smallest set that holds ``top_p``: bool.

    The token that crosses the threshold is inside; of equally likely ones the lower ids are. The
    ``few`` likeliest are looked at first, since sorting all would cost as much as the model.
    """
    top = shares.topk(min(few, shares.size(-1))).values
    inside = (top.cumsum(dim=-1) - top < top_p).sum(dim=-1, keepdim=True)
    least = top.gather(1, inside - 1)
    above, equal = shares > least, shares == least
    room = inside - above.sum(dim=-1, keepdim=True)
    kept = above | (equal & (equal.cumsum(dim=-1) <= room))
    wider = top.sum(dim=-1) < top_p
    if few < shares.size(-1) and bool(wider.any()):
        kept[wider] = nucleus(shares[wider], top_p, 4 * few)
    return kept


class StepNoise:
    """Gaussian noise with standard deviation ``std / t`` at step t = 1, 2, … (rule O7.3).

    Counter-based (Philox): the numbers of a row are a function of its key and the step alone.
    """

    def __init__(self, keys: Sequence[SampleKey], shape: tuple[int, ...], std: float) -> None:
        """Noise of ``shape`` for each of ``len(keys)`` rows; nothing is drawn yet."""
        self._keys = keys
        self._shape = shape
        self._std = std
        self._first = -1  # the step before the first of the block in memory
        self._slot = np.zeros(len(keys), dtype=np.int64)  # where in the block each row is
        self._block = np.zeros((0, _BLOCK, int(np.prod(shape))), dtype=np.float32)

    def draw(self, rows: Tensor, step: int) -> Tensor:
        """``(len(rows), *shape) float32``: the noise of ``rows`` at ``step``, counted from 1.

        Steps are asked for in ascending order, and a row that was left out stays out.
        """
        wanted = rows.cpu().numpy()
        block, offset = divmod(step - 1, _BLOCK)
        if block != self._first:
            self._first = block
            self._block = np.empty((len(wanted), *self._block.shape[1:]), dtype=np.float32)
            self._slot[wanted] = np.arange(len(wanted))
            for slot, row in enumerate(wanted.tolist()):
                generator = _generator(self._keys[row], _GAUSSIAN, block)
                generator.standard_normal(dtype=np.float32, out=self._block[slot])
        values = self._block[self._slot[wanted], offset] * np.float32(self._std / step)
        return torch.from_numpy(values).view(len(wanted), *self._shape).to(rows.device)


def uniforms(keys: Sequence[SampleKey], steps: int) -> Tensor:
    """``(len(keys), steps) float64`` in [0, 1): one draw a row and step."""
    drawn = [_generator(key, _UNIFORM, 0).random(steps) for key in keys]
    return torch.from_numpy(np.stack(drawn)) if drawn else torch.zeros(0, steps).double()


def _generator(key: SampleKey, purpose: int, block: int) -> Generator:
    """Philox counts up in the first word of its counter; the other three tell the streams apart."""
    counter = np.array([0, block, key.sample, purpose], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key.request, counter=counter))
