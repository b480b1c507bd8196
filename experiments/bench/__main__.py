"""``python -m experiments.bench``: run all benchmarks; a line each, and the results as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys

from experiments.bench.checker import bench_checker
from experiments.bench.startup import bench_startup


def machine() -> str:
    """The processor, the number of cores and the Python version."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next(
                (line.split(":")[1].strip() for line in lines if "model name" in line), name
            )
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> int:
    """Run every benchmark; exit 1 when one misses its floor."""
    here = machine()
    results = [bench_checker(), *bench_startup()]
    for result in results:
        verdict = "ok" if result["ratio"] >= 1 else "MISSED"
        print(
            f"{result['name']}: {result['value']:.4g} {result['unit']} on {result['data']}; bound "
            f"{result['floor']:g}, ratio {result['ratio']:.2f} ({verdict})  [{here}]",
            file=sys.stderr,
        )
    print(json.dumps({"machine": here, "results": results}, indent=2))
    return int(any(result["ratio"] < 1 for result in results))


if __name__ == "__main__":
    sys.exit(main())
