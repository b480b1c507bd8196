"""`d2t generate` as the tests call it: on a bundle that says what it is asked to."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from d2t.cli.main import app
from d2t.generate.pipeline import ModelGenerator, _source_length

if TYPE_CHECKING:
    import pytest
    from click.testing import Result
    from echo_bundle import EchoModel

    from d2t.generate.types import EncodedRequest
    from d2t.search.backend import SearchResult

TEXT = "name[Aromi], eatType[pub], food[Italian]"
D2T = [sys.executable, "-c", "from d2t.cli.main import main; main()"]


def run(*args: str, stdin: str | bytes = "") -> Result:
    """The command on standard input; ``echo`` stands in for the model ``m``."""
    return CliRunner().invoke(app, ["generate", "--model", "m", *args], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    """The records on standard output."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def search_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal records cost a search each, so that tests which count searches may repeat a record."""

    def search(self: ModelGenerator, sources: list[EncodedRequest]) -> list[list[SearchResult]]:
        return self._batched(sources, _source_length, self._search)

    monkeypatch.setattr(ModelGenerator, "_search_once", search)


def stop_at_batch(model: EchoModel, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while batch ``n`` is being searched."""
    start, calls = model.start, iter(range(1000))

    def interrupted(*args: Any) -> Any:
        if next(calls) >= n:
            raise KeyboardInterrupt
        return start(*args)

    monkeypatch.setattr(model, "start", interrupted)
