"""All or nothing: what readers of a file see while and after it is written."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, NoReturn

import pytest

from d2t.errors import BundleError, DataError
from d2t.io import atomic
from d2t.io.atomic import (
    atomic_folder,
    atomic_write,
    atomic_write_json,
    atomic_write_text,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "out.txt"
    with atomic_write(path) as stream:
        stream.write("£20\r\nCafé\n")
        assert not path.exists()
    assert path.read_bytes() == "£20\r\nCafé\n".encode()
    assert os.listdir(path.parent) == ["out.txt"]


@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_ends_the_block_leaves_the_old_file(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with atomic_write(path) as stream:
            stream.write("half")
            stream.flush()
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def full(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(atomic.os, step, full)
    with pytest.raises(DataError, match="disk is full: free some space") as caught:
        atomic_write_text(path, "new")
    assert str(path) in str(caught.value)
    assert caught.value.code == "write_failed"
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_disk_that_fills_up_while_the_block_writes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="disk is full"), atomic_write(tmp_path / "out"):
        full()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/dev/full")
    with pytest.raises(DataError, match="disk is full"):
        atomic_write_text(tmp_path / "out", "x")


def test_an_error_of_reading_inside_the_block_is_not_relabelled(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out"):
        (tmp_path / "missing").read_text(encoding="utf-8")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is a folder: give the name of a file inside"):
        atomic_write_text(tmp_path, "x")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="part of the path is a file"):
        atomic_write_text(tmp_path / "file" / "out", "x")
    with pytest.raises(DataError, match="name is too long"):
        atomic_write_text(tmp_path / ("x" * 300), "x")


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DataError, match="no permission"):
            atomic_write_text(tmp_path / "out", "x")
    finally:
        tmp_path.chmod(0o700)


def test_links_are_followed_and_devices_written_directly(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    atomic_write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text(encoding="utf-8") == "x"
    (tmp_path / "null").symlink_to(os.devnull)
    atomic_write_text(tmp_path / "null", "x")


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / "ours", "x")
    (tmp_path / "theirs").write_text("x", encoding="utf-8")
    ours, theirs = (stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ours", "theirs"))
    assert ours == theirs


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    atomic_write_json(path, {"b": ["Café"], "a": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "b": [\n    "Café"\n  ],\n  "a": 1\n}\n'
    with pytest.raises(TypeError):
        atomic_write_json(path, {"bad": object()})
    assert json.loads(path.read_bytes()) == {"b": ["Café"], "a": 1}


def write_folder(path: Path, name: str, failure: BaseException | None = None) -> None:
    with atomic_folder(path, marker="mark") as folder:
        (folder / "mark").touch()
        (folder / name).touch()
        if failure is not None:
            raise failure


def test_a_folder_appears_whole_and_replaces_one_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep"
    write_folder(path, "a")
    write_folder(path, "b")
    assert sorted(os.listdir(path)) == ["b", "mark"]
    assert os.listdir(path.parent) == ["deep"]


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (FileNotFoundError(errno.ENOENT, "no"), FileNotFoundError),
        (OSError(errno.ENOSPC, "No space left on device"), DataError),
        (RuntimeError("I/O error: No space left on device (os error 28)"), DataError),
    ],
)
def test_whatever_ends_the_block_leaves_the_old_folder(
    tmp_path: Path, failure: BaseException, seen: type[BaseException]
) -> None:
    write_folder(tmp_path / "f", "old")
    with pytest.raises(seen):
        write_folder(tmp_path / "f", "new", failure)
    assert sorted(os.listdir(tmp_path / "f")) == ["mark", "old"]
    assert os.listdir(tmp_path) == ["f"]


def test_a_folder_that_cannot_be_moved_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "f", "old")
    rename = atomic.Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            full()
        return rename(path, target)

    monkeypatch.setattr(atomic.Path, "rename", refuse)
    with pytest.raises(DataError, match="disk is full"):
        write_folder(tmp_path / "f", "new")
    assert sorted(os.listdir(tmp_path / "f")) == ["mark", "old"]
    assert os.listdir(tmp_path) == ["f"]


def test_other_folders_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "thesis.txt").touch()
    (tmp_path / "file").touch()
    for name in ("f", "file"):
        with pytest.raises(BundleError):
            write_folder(tmp_path / name, "new")
    assert os.listdir(tmp_path / "f") == ["thesis.txt"]
