"""Standard input that has more, has ended, or lets one wait."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from d2t.io.text_source import input_waits

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform == "win32", reason="select knows no pipes there")
def test_a_pipe_waits_until_there_is_something_or_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        waits = input_waits("-")
        assert waits()
        os.write(writing, b"a line\n")
        assert not waits()
        assert stdin.readline() == "a line\n"
        assert waits()
        os.close(writing)
        assert not waits(), "the end is there at once"


def test_files_and_texts_in_memory_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("", encoding="utf-8")
    assert not input_waits(str(path))()
    with path.open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert not input_waits("-")()
    monkeypatch.setattr(sys, "stdin", None)
    assert not input_waits("-")()
