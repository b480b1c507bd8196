"""What a corpus is made of: sizes, slots, values, lengths."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain

_TOP_VALUES = 10


def corpus_stats(examples: Sequence[Example], domain: Domain) -> dict[str, Any]:
    """Counts that need no checker, as a JSON-able report.

    Keys: ``examples``, ``references``, ``distinct_mrs``, ``distinct_references``,
    ``duplicate_pairs``, ``dialogue_acts``, ``slots_per_mr``, ``references_per_mr``,
    ``words_per_reference``, ``characters_per_reference``, ``vocabulary``,
    ``mrs_with_repeated_slot`` and ``slots`` (for each slot: ``examples`` that have it, their
    ``share`` in %, ``distinct_values``, ``unseen_values`` that the domain does not list,
    ``top_values``).
    """
    texts = [text for example in examples for text in example.references]
    per_mr: Counter[Hashable] = Counter()
    for example in examples:
        per_mr[example.mr.key()] += len(example.references)
    pairs = {(example.mr.key(), text) for example in examples for text in example.references}
    words = [text.split() for text in texts]
    mrs = {example.mr.key(): example.mr for example in examples}
    return {
        "examples": len(examples),
        "references": len(texts),
        "distinct_mrs": len(per_mr),
        "distinct_references": len(set(texts)),
        "duplicate_pairs": len(texts) - len(pairs),
        "dialogue_acts": dict(Counter(ex.mr.dialogue_act for ex in examples).most_common()),
        "slots_per_mr": spread([len(mr.slots) for mr in mrs.values()]),
        "references_per_mr": spread(list(per_mr.values())),
        "words_per_reference": spread([len(each) for each in words]),
        "characters_per_reference": spread([len(text) for text in texts]),
        "vocabulary": len({word.strip(".,;:!?\"'()").lower() for each in words for word in each}),
        "mrs_with_repeated_slot": sum(len(mr.names) < len(mr.slots) for mr in mrs.values()),
        "slots": _slot_table(examples, domain),
    }


def spread(numbers: Sequence[int]) -> dict[str, float]:
    """``min``, ``median``, ``mean``, ``p95`` and ``max`` of whole numbers; empty without any."""
    if not numbers:
        return {}
    ordered = sorted(numbers)

    def quantile(share: float) -> int:
        """The value below which ``share`` of the sorted values lie."""
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {
        "min": ordered[0],
        "median": quantile(0.5),
        "mean": round(fmean(ordered), 2),
        "p95": quantile(0.95),
        "max": ordered[-1],
    }


def _slot_table(examples: Sequence[Example], domain: Domain) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for spec in domain.slots:
        values: Counter[str] = Counter()
        holders = 0
        for example in examples:
            own = example.mr.values(spec.name)
            holders += bool(own)
            values.update(own)
        if not holders:
            continue
        table[spec.name] = {
            "kind": spec.kind,
            "examples": holders,
            "share": round(100 * holders / len(examples), 1),
            "distinct_values": len(values),
            "unseen_values": sorted(value for value in values if spec.is_unseen(value)),
            "top_values": dict(values.most_common(_TOP_VALUES)),
        }
    return table
