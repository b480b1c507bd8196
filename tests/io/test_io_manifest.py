"""The manifest says what a stranger needs to repeat a run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

from d2t.io import manifest
from d2t.io.hashing import sha256_file, sha256_json

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_manifest_is_complete_and_json() -> None:
    started = time.time() - 2
    found = manifest.run_manifest(
        command=["d2t", "train"],
        config={"b": 1, "a": 2},
        data={"train": "ab12"},
        seeds={"train": 3},
        started=started,
        metrics={"ser": 0.3},
        device="cpu",
    )
    assert json.loads(json.dumps(found)) == found
    assert found["command"] == ["d2t", "train"]
    assert found["config_sha256"] == sha256_json({"a": 2, "b": 1})
    assert found["seeds"] == {"train": 3}
    assert found["device"] == "cpu"
    assert 2 <= found["wall_s"] < 60
    assert found["started"].endswith("+00:00")
    assert found["peak_memory_mb"] > 5
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_commit_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_CHECKOUT", tmp_path)
    assert manifest.git_state() == {"sha": None, "dirty": None}  # an installed wheel
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (tmp_path / "a").write_text("1", encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "a"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    state = manifest.git_state()
    assert state["dirty"] is False
    assert len(str(state["sha"])) == 40
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert manifest.git_state()["dirty"] is True


def test_a_machine_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(manifest, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert manifest.git_state() == {"sha": None, "dirty": None}


def test_threads_and_accelerator_of_a_torch_that_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda: "An Accelerator")
    torch = SimpleNamespace(get_num_threads=lambda: 3, cuda=cuda)
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    found = manifest.machine()
    assert (found["torch_threads"], found["accelerator"]) == (3, "An Accelerator")


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert sha256_json({"a": 1, "b": "é"}) == sha256_json({"b": "é", "a": 1})
    assert sha256_json([1, 2]) != sha256_json([2, 1])
