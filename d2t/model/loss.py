"""Label-smoothed cross-entropy over the tokens that are not padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import log_softmax

if TYPE_CHECKING:
    from torch import Tensor


def smoothed_cross_entropy(
    logits: Tensor, targets: Tensor, *, pad_id: int, smoothing: float = 0.1
) -> tuple[Tensor, int]:
    r"""Sum over tokens of the cross-entropy to a smoothed target distribution, and the token count.

    Rule O5.2: with :math:`V` classes of which PAD is one, the target distribution is
    :math:`q(y)=1-s` on the gold token, :math:`s/(V-2)` on each other non-pad class, 0 on PAD, and

    .. math:: L = -\sum_{t}\sum_{k \ne pad} q_t(k)\,\log p_t(k).

    The source states it as a KL divergence, which differs by the constant entropy of :math:`q`: the
    gradients are equal, and with ``smoothing=0`` this reads as the negative log-likelihood. Divide
    the sum by the count (of the whole batch, over all devices and accumulation steps).

    Args:
        logits: ``(..., V) float``; computed in fp32 whatever its type.
        targets: ``(...,) int64``; positions equal to ``pad_id`` do not count.
        pad_id: id of PAD.
        smoothing: ``s`` in [0, 1).

    Returns:
        The sum (fp32 scalar, nats) and the number of non-pad tokens.
    """
    flat, gold = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    total: Tensor = _SmoothedCrossEntropy.apply(flat, gold, pad_id, smoothing)
    return total, int((gold != pad_id).sum())


class _SmoothedCrossEntropy(torch.autograd.Function):
    """The gradient ``p - q`` is written in place of the log-probabilities: one pass, one buffer."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, gold: Tensor, pad_id: int, smoothing: float) -> Tensor:
        """Sum of the smoothed cross-entropies; keeps what the gradient needs."""
        other = smoothing / (logits.shape[-1] - 2)
        kept = gold != pad_id
        log_p = log_softmax(logits.float(), dim=-1)
        losses = (other + smoothing - 1.0) * log_p.gather(1, gold[:, None])[:, 0]
        if other:
            losses -= other * (log_p.sum(dim=1) - log_p[:, pad_id])
        total = losses[kept].sum()
        if ctx.needs_input_grad[0]:
            grad = log_p.exp_()
            if other:
                grad -= other
                grad[:, pad_id] += other
            gold_part = torch.full_like(losses, other + smoothing - 1.0)
            grad.scatter_add_(1, gold[:, None], gold_part[:, None])
            grad[~kept] = 0.0
            ctx.save_for_backward(grad.to(logits.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        """Softmax minus the smoothed target, for the rows that count."""
        (grad,) = ctx.saved_tensors
        return grad * grad_outputs[0], None, None, None
