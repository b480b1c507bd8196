"""What a training that starts from a trained model takes over from that model's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from d2t.errors import ConfigError
from d2t.io.hashing import sha256_file
from d2t.train.config.config import TrainConfig

_MANIFEST = "d2t.json"
_OWN = ("init", "objective", "run", "select")
"""Tables that are not taken over: they say how that training went, not what the model is."""
_GENTLE = {"schedule": "linear", "warmup_steps": 0, "epochs": 2.0}
"""Continued training (rule F2.3): short, decaying from the first step on ..."""
_RATE_SHARE = 0.1
"""... at a tenth of the learning rate."""


def bundle_of(model: str) -> Path:
    """The bundle in a run folder, or the folder itself."""
    inside = Path(model) / "bundle"
    return inside if inside.is_dir() else Path(model)


def bundle_digest(bundle: Path) -> str:
    """SHA-256 of the bundle's manifest, which holds the hashes of its other files."""
    return sha256_file(bundle / _MANIFEST)


def inherited(init: str) -> dict[str, Any]:
    """The lowest layer of the configuration of a training that starts from ``init``.

    Model and strategy are the bundle's; data and ``[train]`` those of its training, with a tenth of
    the learning rate, two epochs, linear decay and no warm-up.

    Raises:
        ConfigError: there is no bundle, or it does not say what its model is.
    """
    path = bundle_of(init) / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        strategy, model = manifest["linearizer"]["strategy"]["name"], manifest["model"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"init {init!r} holds no bundle ({error!r}); give the folder of a finished training "
            "run or of a bundle"
        ) from error
    config = (manifest.get("info") or {}).get("config") or {}
    raw = {name: _without_none(part) for name, part in config.items() if name not in _OWN}
    train = {k: v for k, v in raw.get("train", {}).items() if k != "max_steps"} | _GENTLE
    own = TrainConfig.model_validate({"model": model, "train": {"lr": train.get("lr")}})
    train["lr"] = _RATE_SHARE * own.peak_rate
    return {**raw, "strategy": strategy, "model": _without_none(model), "train": train}


def _without_none(part: Any) -> Any:
    """TOML has no null: what is not set is not there."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if value is not None}
