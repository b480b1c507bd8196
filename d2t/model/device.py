"""Choose and check the device that computes."""

from __future__ import annotations

import torch

from d2t.errors import BackendError


def pick_device(name: str) -> str:
    """Resolve ``auto`` (CUDA, then MPS, then the CPU); refuse a device that is not there.

    Raises:
        BackendError: the device does not exist on this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    kind = name.partition(":")[0]
    if kind == "auto":
        return next(device for device, available in there.items() if available)
    if not there.get(kind, False):
        names = ", ".join(device for device, available in there.items() if available)
        raise BackendError(f"device {name!r} is not available here; this machine has: {names}")
    return name


def checked_device(name: str) -> torch.device:
    """The device called ``name``.

    Raises:
        BackendError: no such device, or not on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BackendError(f"device {name!r} cannot be used here ({reason}); try 'cpu'") from error
    return device
