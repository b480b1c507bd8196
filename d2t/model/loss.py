"""Label-smoothed cross-entropy over the tokens that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def smoothed_cross_entropy(
    logits: Tensor, targets: Tensor, *, pad_id: int, smoothing: float = 0.1
) -> tuple[Tensor, int]:
    r"""Sum over tokens of the cross-entropy to a smoothed target distribution, and the token count.

    Spec §5.2: with :math:`V` classes of which PAD is one, the target distribution is
    :math:`q(y)=1-s` on the gold token, :math:`s/(V-2)` on each other non-pad class and 0 on PAD, and

    .. math:: L = -\sum_{t}\sum_{k \ne pad} q_t(k)\,\log p_t(k).

    The spec states it as KL divergence; that differs by the constant entropy of :math:`q`, so gradients are
    equal. Cross-entropy is returned so that ``smoothing=0`` reads as the negative log-likelihood.
    Divide the sum by the count (of the whole batch, over all devices) to normalise.

    Args:
        logits: ``(..., V) float``.
        targets: ``(...,) int64``; positions equal to ``pad_id`` do not count.
        pad_id: id of PAD.
        smoothing: ``s`` in [0, 1).

    Returns:
        The sum (fp32 scalar, nats) and the number of non-pad tokens.
    """
    vocab = logits.shape[-1]
    flat, gold = logits.reshape(-1, vocab), targets.reshape(-1)
    keep = gold != pad_id
    n_tokens = int(keep.sum())
    if n_tokens != gold.numel():
        flat, gold = flat[keep], gold[keep]
    flat = flat.float()
    nll = functional.cross_entropy(flat, gold, reduction="sum")
    if smoothing == 0.0:
        return nll, n_tokens
    # sum over the other non-pad classes of -log p = (V-1) logsumexp - (sum of non-pad logits) - nll
    log_z = torch.logsumexp(flat, dim=-1)
    non_pad = flat.sum(dim=-1) - flat[:, pad_id]
    others = ((vocab - 1) * log_z - non_pad).sum() - nll
    return (1.0 - smoothing) * nll + smoothing / (vocab - 2) * others, n_tokens
