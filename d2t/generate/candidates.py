"""Several texts for one request: distinct, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.language.delex import relexicalize, unbound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d2t.language.bindings import Bindings
    from d2t.search.backend import SearchResult


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text that a search or sampler found for a request.

    Attributes:
        template: the text with placeholders such as ``<val:name>`` where values were copied.
        text: the text with the MR's values.
        score: mean log-probability (nats) per token, EOS included.
        finished: False when the text was cut at the greatest length.
    """

    template: str
    text: str
    score: float
    finished: bool = True

    def is_whole(self, bindings: Bindings) -> bool:
        """Whether it came to its end, every name was put in, and no placeholder is left.

        The checker alone might take another word for a name: "A place to eat is B." for ``A``.
        """
        named = all(name in self.template for name in bindings.open_symbols)
        return self.finished and named and not unbound(self.template, bindings)


def distinct_candidates(
    results: Iterable[SearchResult],
    decode: Callable[[Sequence[int]], str],
    bindings: Mapping[str, str],
    keep: int,
) -> list[Candidate]:
    """The ``keep`` best distinct texts: those that ended first, then by score; ties as found."""
    best: dict[str, Candidate] = {}
    seen: set[tuple[int, ...]] = set()
    for result in sorted(results, key=lambda result: (not result.finished, -result.score)):
        if len(best) == keep:
            break
        if result.ids in seen:
            continue
        seen.add(result.ids)
        template = decode(result.ids)
        text = relexicalize(template, bindings)
        best.setdefault(text, Candidate(template, text, result.score, result.finished))
    return list(best.values())
