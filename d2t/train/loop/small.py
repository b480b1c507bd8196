"""The loop that trains small networks in a few minutes: judges, observers and planners.

The loop that trains generators (``d2t.train.loop.steps``) writes checkpoints, averages weights and
evaluates on the way; these networks need none of that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from d2t.seeding import derive_seed
from d2t.train.loop.optim import default_warmup, rate_factor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from torch import Tensor, nn

Batch = TypeVar("Batch")

_SORTED_TOGETHER = 50
"""Batches that are sorted by length together in ``batches_of_like_length``."""
_STEPS_PER_REPORT = 20


def warmup_then_cosine(step: int, total: int) -> float:
    """The default schedule: 6% of linear warm-up, then a cosine that ends at 2%."""
    return rate_factor(step, schedule="cosine", warmup=default_warmup(total), total=total)


def fit(
    network: nn.Module,
    epoch_batches: Callable[[int], Sequence[Batch]],
    loss_of: Callable[[Batch], Tensor],
    *,
    epochs: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.98),
    schedule: Callable[[int, int], float] = warmup_then_cosine,
    clip: float | None = None,
    after_epoch: Callable[[int], object] = lambda epoch: None,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> None:
    """Train ``network`` with Adam; it is in evaluation mode afterwards.

    Args:
        network: its parameters are changed in place.
        epoch_batches: the batches of an epoch (from 0), made anew for each epoch.
        loss_of: the mean loss of a batch, a scalar with gradients.
        epochs: passes over the data.
        lr: the peak rate.
        betas: Adam's.
        schedule: from a step (from 0) and the number of all steps to a share of the peak rate. The
            number of steps is estimated from the current epoch, since epochs may differ a little.
        clip: the largest gradient norm; None does not clip.
        after_epoch: called with the number of the epoch that has ended (from 0). It may leave the
            network in evaluation mode.
        progress: called now and then with the share done and a note.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, betas=betas)
    for epoch in range(epochs):
        network.train()
        batches = epoch_batches(epoch)
        total = epochs * len(batches)
        for step, batch in enumerate(batches, start=epoch * len(batches)):
            for group in optimizer.param_groups:
                group["lr"] = lr * schedule(step, total)
            loss = loss_of(batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            n_done = step + 1
            if n_done % _STEPS_PER_REPORT == 0 or n_done == total:
                progress(n_done / total, f"loss {loss.item():.3f}")
        after_epoch(epoch)
    network.eval()


@contextmanager
def seeded(seed: int, what: str) -> Iterator[None]:
    """Seed torch's global generator for the training of ``what``; it is restored afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, what) % 2**32)
        yield


def enough_epochs(n_rows: int, batch_size: int, *, at_least: int, steps: int) -> int:
    """``at_least`` epochs, or as many as ``steps`` optimizer steps take on little data."""
    return max(at_least, -(-steps // -(-n_rows // batch_size)))


def batches_of_like_length(
    rows: Sequence[Sequence[int]], size: int, rng: Random
) -> list[list[int]]:
    """Places of ``rows`` in shuffled batches of ``size``, those of similar length together."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * _SORTED_TOGETHER):
        bucket = sorted(
            order[start : start + size * _SORTED_TOGETHER], key=lambda at: len(rows[at])
        )
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    rng.shuffle(batches)
    return batches
