"""What every test runs under: no network, deterministic hypothesis, one thread of torch."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Two test processes on two cores are faster than two threads that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A suite run in the background inherits an ignored Ctrl-C; the commands under test must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "d2t", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("d2t")

_connect = socket.socket.connect


def _guarded(self: socket.socket, address: Any) -> None:
    """Refuse every connection that leaves this machine."""
    host = address[0] if isinstance(address, tuple) else ""
    if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"tests may not use the network: connection to {address!r}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _guarded)
