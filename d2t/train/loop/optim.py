"""Optimizer, learning rate, precision, and the moving average of the weights."""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from d2t.train.config.options import TrainConfig


Schedule = Literal["cosine", "inverse_sqrt", "linear", "constant"]
_FLOOR = 0.02  # the last steps still move a little, which the moving average likes


def default_warmup(total_steps: int) -> int:
    """6% of all steps, at most 400: long enough for AdamW's second moments at a rate of 1e-3."""
    return max(1, min(400, round(0.06 * total_steps)))


def rate_factor(step: int, *, schedule: Schedule, warmup: int, total: int) -> float:
    """The share of the peak rate used by step ``step`` (0-based).

    Linear warm-up to 1, then ``inverse_sqrt`` is Noam's tail (rule O5.3), ``cosine`` and ``linear``
    fall to 2% at ``total``, ``constant`` stays.
    """
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "inverse_sqrt":
        return math.sqrt(max(1, warmup) / (step + 1))
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    share = 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return _FLOOR + (1 - _FLOOR) * share


Precision = Literal["fp32", "bf16"]


def make_optimizer(
    model: nn.Module, config: TrainConfig, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW with betas (0.9, 0.98) (rule O5.3's, with decoupled decay on matrices only)."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for p in parameters if p.dim() >= 2],
            "weight_decay": config.train.weight_decay,
        },
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    # One fused kernel instead of a Python loop over tensors: 5% of a step at this model size.
    fused = device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=config.peak_rate, betas=(0.9, 0.98), eps=1e-9, fused=fused)


def pick_precision(wanted: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """``auto`` is bf16 where the processor has instructions for it, else fp32."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device.type == "cpu":
        return "bf16" if _cpu_computes_bf16() else "fp32"
    return "fp32"


def _cpu_computes_bf16() -> bool:
    """Whether the CPU multiplies bf16 natively; emulation is slower than fp32."""
    capabilities: Any = (
        torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    )
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in bf16; weights, loss and optimizer stay in fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


class MovingAverage:
    """``average = d average + (1 - d) weights`` after each step, ``d = min(decay, (1+t)/(10+t))``.

    The growing decay keeps the random initial weights out of the average of a short run.

    Attributes:
        values: parameter name to averaged weights, fp32.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {
            name: p.detach().clone() for name, p in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after optimizer step ``step`` (1-based)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        weights = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(list(self.values.values()), weights, 1 - decay)

    @contextmanager
    def swapped_in(self, model: nn.Module) -> Iterator[None]:
        """The model computes with the averaged weights inside the block."""
        own = {name: p.data for name, p in model.named_parameters()}
        try:
            for name, parameter in model.named_parameters():
                parameter.data = self.values[name]
            yield
        finally:
            for name, parameter in model.named_parameters():
                parameter.data = own[name]
