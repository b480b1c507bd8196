"""Checkpoints, from which an interrupted run continues to the same result.

A checkpoint is one safetensors file (weights, moving average, optimizer moments) and
``state.json``, which names it. The JSON is replaced last, so a reader finds the old pair or the
new one. No random state is stored: order, masks and dropout are derived from (seed, epoch, step).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_binary, atomic_write_json
from d2t.io.hashing import sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer

STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands; everything but tensors that its future depends on.

    Attributes:
        step: optimizer steps done.
        epoch: the epoch in progress, from 0.
        batch: batches of that epoch already used.
        beside: both of them for each further part that is trained on (``Part``).
        pairs_seen: training pairs used so far.
        loss_sum, token_sum: of the steps since the last evaluation.
        best: dev score of the best evaluation so far (higher is better), or None.
        best_step: its step.
        n_worse: evaluations since the best one.
        wall_s: seconds spent training, resumed parts added up.
        train_s: those of them spent in training steps.
        done: training ended by itself.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    pairs_seen: int = 0
    loss_sum: float = 0.0
    token_sum: int = 0
    best: float | None = None
    best_step: int = 0
    n_worse: int = 0
    wall_s: float = 0.0
    train_s: float = 0.0
    done: bool = False
    beside: tuple[tuple[int, int], ...] = ()


def save_checkpoint(
    folder: Path, progress: Progress, tensors: Mapping[str, Tensor], config_digest: str
) -> None:
    """Write a checkpoint, all or nothing, and delete the one before it.

    Raises:
        DataError: the disk is full or not writable; the old checkpoint is still there.
    """
    name = f"step-{progress.step:08d}.safetensors"
    path = folder / name
    write_tensors(path, tensors)
    state = {
        "format_version": 1,
        "config_sha256": config_digest,
        "tensors": name,
        "tensors_sha256": sha256_file(path),
        "progress": asdict(progress),
    }
    atomic_write_json(folder / STATE, state)
    for old in folder.glob("step-*.safetensors"):
        if old.name != name:
            with contextlib.suppress(OSError):
                old.unlink()


def read_state(folder: Path) -> dict[str, Any] | None:
    """The JSON of a checkpoint, or None when there is no checkpoint.

    Raises:
        DataError: the file is there but is not what we write.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        Progress(**state["progress"])
        state["config_sha256"], state["tensors"], state["tensors_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a checkpoint of this version ({error}); start anew with another --out"
        ) from error
    return state


def load_checkpoint(folder: Path) -> tuple[Progress, dict[str, Tensor]]:
    """Read what ``save_checkpoint`` wrote and verify its checksum.

    Raises:
        DataError: there is no checkpoint, or its tensors are missing or damaged.
    """
    state = read_state(folder)
    if state is None:
        raise DataError(f"{folder}: no checkpoint to resume from; start without --resume")
    path = folder / state["tensors"]
    try:
        intact = path.is_file() and sha256_file(path) == state["tensors_sha256"]
        if not intact:
            raise DataError(
                f"{path}: missing or damaged (checksum differs); start a new run with another --out"
            )
        return Progress(**state["progress"]), load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file, all or nothing.

    Raises:
        DataError: the operating system refuses; nothing is left half-written.
    """
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    with atomic_write_binary(path) as stream:
        stream.write(content)


def pack(
    model: nn.Module, optimizer: Optimizer, average: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    """Copies of all tensors of a run, under ``model.``, ``average.`` and ``optimizer.`` names."""
    tensors = {f"model.{name}": p.detach().cpu().clone() for name, p in model.named_parameters()}
    for name, value in (average or {}).items():
        tensors[f"average.{name}"] = value.detach().cpu().clone()
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = value.detach().cpu().clone()
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    model: nn.Module,
    optimizer: Optimizer,
    average: dict[str, Tensor] | None,
) -> None:
    """Put what ``pack`` took back into a freshly built run of the same configuration.

    Raises:
        DataError: names or shapes are not those of this model.
    """
    import torch

    parameters = dict(model.named_parameters())
    stored = {name[6:]: t for name, t in tensors.items() if name.startswith("model.")}
    wrong = [
        name
        for name in parameters.keys() | stored.keys()
        if name not in parameters
        or name not in stored
        or parameters[name].shape != stored[name].shape
    ]
    if wrong:
        raise DataError(
            f"the checkpoint does not fit this model (for example the tensor {sorted(wrong)[0]!r}) "
            "because the corpus or the code has changed since; start a new run with another --out"
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(stored[name])
        for name, value in (average or {}).items():
            value.copy_(tensors[f"average.{name}"])
    states: dict[int, dict[str, Tensor]] = {}
    for full_name, value in tensors.items():
        if full_name.startswith("optimizer."):
            _, index, key = full_name.split(".", 2)
            states.setdefault(int(index), {})[key] = value
    current = optimizer.state_dict()
    optimizer.load_state_dict({"state": states, "param_groups": current["param_groups"]})
