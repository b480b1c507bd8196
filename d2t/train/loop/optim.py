"""Optimizer and precision."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import nn

    from d2t.train.config.config import TrainConfig

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
