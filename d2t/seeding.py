"""The one place that seeds Python, NumPy and torch, so that no seed is half set."""

from __future__ import annotations

import hashlib
import random
import sys

import numpy as np


def seed_everything(seed: int) -> None:
    """Seed every global generator in use; torch only when it is already imported.

    Library code takes explicit ``random.Random`` or ``torch.Generator`` objects; this covers what
    third parties draw from global state (dropout, initialisation).
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # third parties read the legacy global state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def derive_seed(seed: int, *parts: object) -> int:
    """A 63-bit seed that depends on ``seed`` and on each of ``parts`` (an id, an epoch, a worker).

    Stable across processes and Python versions, unlike ``hash``.
    """
    text = "\x1f".join([str(seed), *map(str, parts)])
    # surrogatepass: an id read from JSON may hold a lone surrogate
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") >> 1


def derived_rng(seed: int, *parts: object) -> random.Random:
    """A ``random.Random`` of its own for (seed, parts): order of use elsewhere cannot change it."""
    return random.Random(derive_seed(seed, *parts))
