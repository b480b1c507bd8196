"""Model weights as safetensors: shared matrices are stored once, and loading checks every name."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from d2t.errors import BundleError
from d2t.io.bounded import FileFault
from d2t.io.tensors import tensor_shapes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

WeightType = Literal["fp32", "fp16"]
_Module = TypeVar("_Module", bound="nn.Module")


def save_weights(model: nn.Module, path: Path, *, dtype: WeightType = "fp32") -> None:
    """Write the model's parameters and persistent buffers.

    Args:
        model: on any device; not changed.
        path: the file.
        dtype: ``fp16`` halves the file at a relative precision of 0.05%.
    """
    wanted = torch.float16 if dtype == "fp16" else torch.float32
    tensors = {
        name: tensor.detach().to("cpu", wanted if tensor.is_floating_point() else None).contiguous()
        for name, tensor in unique_tensors(model).items()
    }
    save_file(tensors, path, metadata={"format": "pt"})
    os.umask(umask := os.umask(0))
    path.chmod(0o666 & ~umask)  # safetensors writes for the owner only; a bundle is shared


def with_weights(build: Callable[[], _Module], path: Path) -> _Module:
    """The network that ``build`` makes, with the weights in ``path``, in evaluation mode.

    The fresh weights that ``build`` draws do not change torch's global random state.

    Raises:
        BundleError: as ``load_weights``.
    """
    with torch.random.fork_rng(devices=[]):
        _require_room(build, path)
        network = build()
    load_weights(network, path)
    return network.eval()


def _require_room(build: Callable[[], nn.Module], path: Path) -> None:
    """See that the network has no more numbers than the file, before memory is taken for it."""
    try:
        stored = sum(map(math.prod, tensor_shapes(path).values()))
    except FileFault as error:
        raise BundleError(f"{path}: {error}; copy the bundle again") from error
    try:
        with torch.device("meta"):  # shapes without numbers
            needed = sum(parameter.numel() for parameter in build().parameters())
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise BundleError(
            f"{path}: the network that its table of contents describes cannot be built "
            f"({reason[:200]}); copy or train it again"
        ) from error
    if needed > stored:
        raise BundleError(
            f"{path} does not fit the model in its table of contents: it holds {stored:,} numbers, "
            f"the model has {needed:,}; the bundle mixes files of two models: copy or train it "
            "again"
        )


def load_weights(model: nn.Module, path: Path) -> None:
    """Copy the weights in ``path`` into the model.

    Raises:
        BundleError: unreadable file; a tensor is missing, left over or of another shape.
    """
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(
            f"{path}: not a readable safetensors file ({error}); it is probably cut short: "
            "copy the bundle again"
        ) from error
    wanted = unique_tensors(model)
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [f"{name} is not part of the model" for name in found if name not in wanted]
    problems += [
        f"{name} is {list(found[name].shape)}, expected {list(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    if problems:
        raise BundleError(
            f"{path} does not fit the model in d2t.json: {problems[0]}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
            + "; the bundle mixes files of two models: copy or train it again"
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(found[name])


def unique_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without further names of a tensor that is already there (tied embeddings)."""
    unique: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size]] = set()
    for name, tensor in model.state_dict().items():
        identity = (tensor.data_ptr(), tensor.shape)
        if identity not in seen:
            seen.add(identity)
            unique[name] = tensor
    return unique
