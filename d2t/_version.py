"""The version of the installed package; modules of d2t read it here, never from the root."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("d2t")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
