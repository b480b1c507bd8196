r"""The contrastive loss of CONSEQ (ACL 2021): likelihood on S+, unlikelihood on S-; rule F2.2.

.. math:: L = \sum_{S+} \sum_t -\log p(s_t | s_{<t}, x) + w \sum_{S-} \sum_t -\log(1 - p(s_t|\cdot))

divided by the number of target tokens of both parts (``d2t.train.loop.parts``: two parts of one
denominator; a step computes a batch of each, sorted by length on their own, as in the source). The
source's code is token-level, every token of a negative included, right ones too; its paper writes
the probability of the whole sequence. S+ takes ``smoothed_cross_entropy``, S- what is here.

Departures: label smoothing spreads its mass over the other tokens without PAD, as ours does for
likelihood, where the source takes the mean over the whole vocabulary; and a weight ``w`` (the
source's is 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import log_softmax

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 1e-20
"""``1 - p`` is never taken to be less (the source's clamp)."""


def unlikelihood(
    logits: Tensor, targets: Tensor, *, pad_id: int, smoothing: float = 0.1, weight: float = 1.0
) -> tuple[Tensor, int]:
    r"""Sum over tokens of :math:`-w \sum_k q(k) \log(1 - p_k)`, and the token count.

    :math:`q` is the smoothed target of ``smoothed_cross_entropy``: 1 - s on the token, s / (V - 2)
    on every other class but PAD.

    Args:
        logits: ``(..., V) float``; computed in fp32 whatever its type.
        targets: ``(...,) int64``; positions equal to ``pad_id`` do not count.
        pad_id: id of PAD.
        smoothing: ``s`` in [0, 1).
        weight: ``w``; the count is not weighted.

    Returns:
        The sum (fp32 scalar, nats) and the number of non-pad tokens.
    """
    flat, gold = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    kept = gold != pad_id
    log_p, gold = log_softmax(flat[kept].float(), dim=-1), gold[kept][:, None]
    other = smoothing / (logits.shape[-1] - 2)
    if other:
        rest = _log_of_rest(log_p)
        said = (1.0 - smoothing - other) * rest.gather(1, gold).sum()
        total = said + other * (rest.sum() - rest[:, pad_id].sum())
    else:
        total = _log_of_rest(log_p.gather(1, gold)).sum()
    return -weight * total, len(gold)


def _log_of_rest(log_p: Tensor) -> Tensor:
    """``log(1 - p)``; by ``expm1``, since 1 - p is 0 in fp32 where p is close to 1."""
    return torch.log((-torch.expm1(log_p)).clamp(min=_LEAST))
