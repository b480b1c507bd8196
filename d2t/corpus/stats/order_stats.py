"""What a checker reads in a corpus: the orders in use, and where given MRs and texts disagree."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.corpus.correct import correct_examples
from d2t.corpus.stats.stats import spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan

_TOP_PLANS = 10


@dataclass
class _Reading:
    texts: int = 0
    changed: int = 0
    silent: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    sentences: list[int] = field(default_factory=list)
    orders: defaultdict[frozenset[str], Counter[tuple[str, ...]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, example: Example, said: Example | None) -> None:
        """Count one text: its example, and the same example corrected (None: it says nothing)."""
        self.texts += 1
        given = set(example.mr.slots)
        told = set() if said is None else set(said.mr.slots)
        self.changed += given != told
        self.missing.update(slot.name for slot in given - told)
        self.added.update(slot.name for slot in told - given)
        if said is None or said.plan is None:
            self.silent += 1
            return
        self.add_plan(said.plan)

    def add_plan(self, plan: Plan) -> None:
        """Count one realised order."""
        self.repeats += len(set(plan.slots)) < len(plan.slots)
        self.sentences.append(len(plan.sentences))
        self.orders[frozenset(plan.names)][plan.names] += 1


def alignment_stats(
    examples: Iterable[Example], checker: Aligner, domain: Domain
) -> dict[str, Any]:
    """Counts over what the checker reads in the texts, as a JSON-able report.

    Shares are in %. Keys:
        texts: references read.
        mrs_changed: share of texts whose MR correction (rule O1.6) would change.
        silent: texts that say nothing the checker knows.
        missing, added: slots of given MRs that the text lacks, and slots of texts that the MR
            lacks, by name; a wrong value counts in both.
        repeated: share of texts that mention a slot again.
        sentences: spread of the number of sentences that say something.
        order_entropy_bits: mean over texts of the entropy of the order given which slots are said,
            ``sum_S p(S) H(order | S)``; 0 when each set of slots has one order.
        first_slot: share of texts by the slot mentioned first.
        top_plans: the most frequent orders.
    """
    reading = _Reading()
    for example in examples:
        for text in example.references:
            single = type(example)(example.id, example.mr, (text,))
            said = correct_examples([single], checker, domain)
            reading.add(single, said[0] if said else None)
    plans = Counter[tuple[str, ...]]()
    for counter in reading.orders.values():
        plans.update(counter)
    told = max(1, plans.total())
    firsts: Counter[str] = Counter()
    for names, count in plans.items():
        firsts[names[0]] += count
    return {
        "texts": reading.texts,
        "mrs_changed": round(100 * reading.changed / max(1, reading.texts), 2),
        "silent": reading.silent,
        "missing": dict(reading.missing.most_common()),
        "added": dict(reading.added.most_common()),
        "repeated": round(100 * reading.repeats / told, 2),
        "sentences": spread(reading.sentences),
        "order_entropy_bits": round(
            sum(c.total() / told * _entropy(c) for c in reading.orders.values()), 3
        ),
        "distinct_plans": len(plans),
        "first_slot": {name: round(100 * n / told, 1) for name, n in firsts.most_common()},
        "top_plans": [
            {"plan": list(names), "texts": n} for names, n in plans.most_common(_TOP_PLANS)
        ],
    }


def _entropy(counts: Counter[tuple[str, ...]]) -> float:
    """Entropy in bits of the distribution that the counts describe."""
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values())
