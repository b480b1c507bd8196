"""What a run must say about itself so that somebody else can repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.io.hashing import sha256_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = (
    "d2t", "torch", "transformers", "sentencepiece", "ctranslate2", "sacrebleu", "numpy",
    "safetensors", "accelerate",
)  # fmt: skip
_CHECKOUT = Path(__file__).resolve().parents[2]


def run_manifest(
    *,
    command: list[str],
    config: Mapping[str, Any],
    data: Mapping[str, str],
    seeds: Mapping[str, int] | Sequence[int],
    started: float,
    metrics: Mapping[str, Any] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """The content of ``run.json``.

    Args:
        command: the command line as given.
        config: the resolved configuration; its SHA-256 goes beside it.
        data: SHA-256 of each input, by name.
        seeds: every seed that was set.
        started: ``time.time()`` at the start, seconds.
        metrics: scores with their signatures.
        extra: further JSON-able keys (``device``, ``dtype``), kept as they are.
    """
    return {
        "command": list(command),
        "config": dict(config),
        "config_sha256": sha256_json(dict(config)),
        "data_sha256": dict(data),
        "git": git_state(),
        "versions": package_versions(),
        "machine": machine(),
        "seeds": dict(seeds) if isinstance(seeds, Mapping) else list(seeds),
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "wall_s": round(time.time() - started, 3),
        "peak_memory_mb": peak_memory_mb(),
        "metrics": dict(metrics or {}),
        **extra,
    }


def git_state() -> dict[str, str | bool | None]:
    """``{"sha", "dirty"}`` of the checkout d2t runs from; both None in an installed wheel."""
    if not (_CHECKOUT / ".git").exists():  # never report somebody else's repository around a venv
        return {"sha": None, "dirty": None}
    sha = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"sha": sha or None, "dirty": None if changes is None else bool(changes)}


def package_versions() -> dict[str, str]:
    """Python's version and those of the installed packages that can change a result."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def machine() -> dict[str, str | int | None]:
    """System, processor and threads; the accelerator too when torch is already in use."""
    found: dict[str, str | int | None] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": usable_cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
    }
    torch = sys.modules.get("torch")  # asked only when a run has it: this module never imports it
    if torch is not None:
        found["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            found["accelerator"] = torch.cuda.get_device_name()
    return found


def usable_cores() -> int:
    """Cores this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mb() -> float | None:
    """Peak resident memory of this process in MB (10^6 bytes); None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return round(peak * unit / 1e6, 1)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_CHECKOUT), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
