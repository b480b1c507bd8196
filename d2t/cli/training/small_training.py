"""What the commands share that train a small network on the texts of a corpus."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from d2t.cli.common import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain


def dev_examples(corpus: str, domain: Domain) -> list[Example]:
    """The development split; none for a file, which is its own training split."""
    from d2t.corpus.load import load_split
    from d2t.corpus.registry import registry

    return load_split(corpus, "dev", domain) if corpus in registry() else []


@contextmanager
def fraction_shown(title: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar that is told the share done so far, and a note."""
    with progress(title, total=1.0) as advance:
        done = 0.0

        def show(fraction: float, note: str) -> None:
            """Move the bar to ``fraction``."""
            nonlocal done
            advance(fraction - done, note)
            done = fraction

        yield show
