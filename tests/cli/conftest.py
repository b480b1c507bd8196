"""Bundles for the tests of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from echo_bundle import EchoBundle, echo_bundle, save_random_bundle

from d2t.model.bundle.network import Bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def random_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt nothing."""
    return save_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


@pytest.fixture(scope="module")
def built() -> EchoBundle:
    """A model that says what it is asked to."""
    return echo_bundle()


@pytest.fixture
def echo(built: EchoBundle, monkeypatch: pytest.MonkeyPatch) -> EchoBundle:
    """Every bundle that is loaded is the faithful one; nothing is composed in its place."""
    monkeypatch.setattr("d2t.generate.verified.load_frames", lambda domain: None)
    monkeypatch.setattr(Bundle, "load", staticmethod(lambda path, device="cpu": built))
    return built
