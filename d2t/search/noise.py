"""Random numbers that belong to (seed, request, sample, step), whatever else is in the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from torch import Tensor

    from d2t.search.sampling_options import SampleKey

_BLOCK = 16
"""Steps whose noise is drawn together: one generator a row and step would cost more than it."""

_GAUSSIAN, _UNIFORM = 0, 1


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
