"""Where the data files that ship with d2t are, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """The folder with one folder per domain: ``d2t/_data`` in a wheel, ``data/`` in a checkout."""
    installed = _PACKAGE / "_data"
    return installed if installed.is_dir() else _PACKAGE.parent / "data"


def shipped_model() -> Path:
    """The bundle that speaks where no other is named; its model card says what it is."""
    return data_root() / "model"
