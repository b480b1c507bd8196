"""An engine that says what a test tells it to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from d2t.search.backend import EncodedSource, SearchResult

if TYPE_CHECKING:
    from d2t.model.tokenizer import Tokenizer
    from d2t.search.backend import SampleKey, SamplingOptions

Script = Callable[[str], Sequence[str]]
"""From what the model reads, as one string, to templates, best first."""


@dataclass
class ScriptedBackend:
    """Answers each kind of search by its script; ``log`` has the kinds in the order of calls,
    ``drawn`` how many samples of each kind, ``widths`` the beams of each call.

    A search without a script finds "Nothing.". The best text has score -0.1, the next -0.2, ….
    """

    tokenizer: Tokenizer
    scripts: dict[str, Script]
    name: str = "scripted"
    window: int | None = None
    draws_by_call: bool = False
    at_a_time: int = 1
    log: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    drawn: Counter[str] = field(default_factory=Counter)
    widths: dict[str, list[int]] = field(default_factory=lambda: {"beams": []})

    @contextmanager
    def session(self) -> Iterator[None]:
        yield

    def greedy(self, sources: Sequence[EncodedSource], *, max_length: int) -> list[SearchResult]:
        return [self._say("greedy", source)[0] for source in sources]

    def beams(
        self,
        sources: Sequence[EncodedSource],
        *,
        beam_size: int,
        max_length: int,
        length_penalty: float,
    ) -> list[list[SearchResult]]:
        self.widths["beams"].append(beam_size)
        return [self._say("beams", source)[:beam_size] for source in sources]

    def samples(
        self,
        sources: Sequence[EncodedSource],
        rows: Sequence[tuple[int, SampleKey]],
        options: SamplingOptions,
        *,
        max_length: int,
    ) -> list[SearchResult]:
        kind = "samples" if options.top_p < 0.9 else "wide"
        self.drawn[kind] += len(rows)
        said = [self._say(kind, source) for source in sources]
        return [said[at][key.sample % len(said[at])] for at, key in rows]

    def _say(self, kind: str, source: EncodedSource) -> list[SearchResult]:
        text = " ".join(self.tokenizer.pieces(source.ids)).replace("▁", "")
        self.log.append(kind)
        self.read.append(text)
        templates = self.scripts.get(kind, lambda _: ["Nothing."])(text)
        return [
            SearchResult(tuple(self.tokenizer.encode_target(template)[:-1]), -0.1 * (rank + 1))
            for rank, template in enumerate(templates)
        ]
