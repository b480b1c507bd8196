"""Several texts for one request: the distinct ones, best first, and which to take (rule O5.6)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.language.delex import relexicalize, unbound
from d2t.plan.base import bigram_f1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d2t.generate.types import Hypothesis
    from d2t.language.delex import Bindings
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.search.backend import SearchResult


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text that a search or a sampler gave for a request.

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
        """Whether the text is finished, has every name put in, and no placeholder is left.

        The checker alone might take another word for a name: "A place to eat is B." for ``A``.
        """
        named = all(name in self.template for name in bindings.open_symbols)
        return self.finished and named and not unbound(self.template, bindings)


def read_result(
    result: SearchResult, decode: Callable[[Sequence[int]], str], bindings: Mapping[str, str]
) -> Candidate:
    """The text of a search result; ``decode`` is the tokenizer's."""
    template = decode(result.ids)
    return Candidate(template, relexicalize(template, bindings), result.score, result.finished)


def distinct_candidates(
    results: Iterable[SearchResult],
    decode: Callable[[Sequence[int]], str],
    bindings: Mapping[str, str],
    keep: int,
) -> list[Candidate]:
    """The ``keep`` best distinct texts: finished ones first, then by score, then by place."""
    best: dict[str, Candidate] = {}
    seen: set[tuple[int, ...]] = set()
    for result in sorted(results, key=lambda result: (not result.finished, -result.score)):
        if len(best) == keep:
            break
        if result.ids in seen:
            continue
        seen.add(result.ids)
        candidate = read_result(result, decode, bindings)
        best.setdefault(candidate.text, candidate)
    return list(best.values())


def rerank(candidates: Sequence[Hypothesis], *, by_order: bool = True) -> int:
    """The index of the best candidate: finished texts, then slot F1, order, the model's ranking.

    The source's reranker returns the *rank* of the best, which is always 0, and so changes nothing
    (rule W3); this is the position in ``candidates``. The source does not rank by order; here an
    exact order comes first, then bigram F1, then the planned sentences.

    Args:
        candidates: of one request, at least one, in the model's order, which decides between
            equally good ones.
        by_order: False if nobody asked for the plans, as with the shuffles of RND.
    """
    return tied(candidates, by_order=by_order)[0]


def tied(candidates: Sequence[Hypothesis], *, by_order: bool = True) -> list[int]:
    """The indices of all candidates that are as good as the best, in the model's order.

    ``rerank`` takes the first of them; a caller with a further criterion may take another one. The
    arguments are those of ``rerank``.
    """
    keys = [_key(candidate, by_order) for candidate in candidates]
    best = max(keys)
    return [i for i, key in enumerate(keys) if key == best]


def _key(candidate: Hypothesis, by_order: bool) -> tuple[float, ...]:
    realised = candidate.realised
    order: tuple[float, ...] = ()
    if by_order:
        closeness = bigram_f1(candidate.plan, realised)
        order = (candidate.order_kept, closeness, candidate.breaks_kept is not False)
    return (candidate.finished, slot_f1(realised, candidate.mr), *order)


def slot_f1(realised: Plan, mr: MeaningRepresentation) -> float:
    """F1 of two multisets, from 0 to 1: the mentions of the realised plan, and the MR's slots.

    A slot that is said twice counts twice, so it costs precision.
    """
    said, wanted = Counter(realised.slots), Counter(mr.slots)
    total = said.total() + wanted.total()
    return 2 * (said & wanted).total() / total if total else 1.0
