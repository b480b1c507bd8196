"""One process, or several under ``accelerate launch``: each takes its share of every batch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn


class Workers:
    """The processes that train one model together.

    Gradients are sums over the rows of a batch divided by its number of tokens, so that
    adding them up over the workers gives what one process would have computed (up to rounding
    and dropout masks).

    Attributes:
        rank: number of this process, 0 is the one that evaluates and writes.
        count: how many there are.
        device: where this process computes.
    """

    def __init__(self, device: str) -> None:
        self.rank, self.count, self.device = 0, 1, torch.device(device)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator  # only a launched run pays for the import

            accelerator = Accelerator(cpu=self.device.type == "cpu")
            self.rank, self.count = accelerator.process_index, accelerator.num_processes
            self.device = accelerator.device

    @property
    def is_main(self) -> bool:
        """Whether this process evaluates and writes."""
        return self.rank == 0

    def share_parameters(self, model: nn.Module) -> None:
        """Give every worker the weights of rank 0."""
        if self.count > 1:
            for parameter in model.parameters():
                torch.distributed.broadcast(parameter.data, src=0)

    def add_gradients(self, model: nn.Module) -> None:
        """Sum the gradients over the workers, in one message."""
        if self.count == 1:
            return
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        torch.distributed.all_reduce(flat)
        for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))

    def total(self, value: float) -> float:
        """The sum over the workers."""
        if self.count == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(tensor)
        return float(tensor.item())

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any worker (a signal may reach only one of them)."""
        return self.total(float(flag)) > 0

    def from_main(self, values: list[float]) -> list[float]:
        """The numbers that rank 0 has, on every worker."""
        if self.count == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(tensor, src=0)
        return list(tensor.tolist())

    def close(self) -> None:
        """Leave the process group."""
        if self.count > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
