"""``python -m experiments.bench.rates THREADS SECONDS SIDE``: what the machine does at its best.

Prints one JSON line per measurement. A process of its own: some int8 kernels of torch end the
process on processors they were not written for, and a benchmark should survive that.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

_MAIN_MEMORY = 1 << 28  # bytes: larger than any cache
_CACHED = 1 << 21  # bytes: the size of a small model in int8


def main() -> None:
    """Measure; the engines that may crash come last."""
    threads, seconds, side = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    left, right = torch.randn(side, side), torch.randn(side, side)
    operations = 2 * side**3
    with torch.inference_mode():
        _report("fp32_ops_per_s", "torch matmul", operations, lambda: left @ right, seconds)
        for name, size in (("memory_bytes_per_s", _MAIN_MEMORY), ("cache_bytes_per_s", _CACHED)):
            buffer = torch.ones(size // 4)
            _report(name, "torch sum", size, buffer.sum, seconds)
            other = torch.empty_like(buffer)
            _report(name, "torch copy", 2 * size, partial(other.copy_, buffer), seconds)
        for engine in ("onednn", "fbgemm", "qnnpack"):
            if engine in torch.backends.quantized.supported_engines:
                multiply = _int8_product(engine, left, right)
                _report("int8_ops_per_s", f"torch {engine}", operations, multiply, seconds)


def _int8_product(engine: str, left: torch.Tensor, right: torch.Tensor) -> Callable[[], Any]:
    """An int8 linear layer of torch's quantized operators, without scaling to floats."""
    torch.backends.quantized.engine = engine
    weights = torch.quantize_per_tensor(right, 0.05, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(weights, None)
    values = torch.quantize_per_tensor(left, 0.05, 64, torch.quint8)
    return lambda: torch.ops.quantized.linear(values, packed, 0.05, 64)


def _report(name: str, how: str, amount: float, run: Callable[[], Any], seconds: float) -> None:
    """The best of the repetitions that fit into ``seconds``: a limit, not a mean."""
    run()
    best, until = float("inf"), time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        run()
        ended = time.perf_counter()
        best = min(best, ended - started)
        if ended > until:
            break
    print(json.dumps({"name": name, "how": how, "rate": amount / best}), flush=True)


if __name__ == "__main__":
    main()
