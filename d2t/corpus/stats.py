"""Describe a corpus: sizes, slots, values, lengths, orders of mention; and print it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from d2t.corpus.correct import correct_examples

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan


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


_TOP_PLANS = 10


@dataclass
class _Reading:
    """Counts of what the checker reads in the texts of a corpus."""

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


def stats_lines(report: dict[str, Any]) -> list[str]:
    """The lines of a plain report of ``corpus_stats``, with ``alignment`` when it is there."""
    rows = [
        ("examples", str(report["examples"])),
        ("distinct MRs", str(report["distinct_mrs"])),
        ("distinct texts", str(report["distinct_references"])),
        ("duplicate pairs", str(report["duplicate_pairs"])),
        ("dialogue acts", _counts(report["dialogue_acts"])),
        ("slots per MR", _spread(report["slots_per_mr"])),
        ("MRs with a slot twice", str(report["mrs_with_repeated_slot"])),
        ("texts per MR", _spread(report["references_per_mr"])),
        ("words per text", _spread(report["words_per_reference"])),
        ("characters per text", _spread(report["characters_per_reference"])),
        ("vocabulary", str(report["vocabulary"])),
    ]
    lines = _table(rows)
    lines += ["", "slots (% of the examples that have it, values, most frequent ones)"]
    lines += _table(
        [
            (name, f"{slot['share']:5.1f}%  {slot['distinct_values']:4d}  {_top(slot)}")
            for name, slot in report["slots"].items()
        ]
    )
    if "alignment" in report:
        lines += ["", *_alignment_lines(report["alignment"])]
    return lines


def _alignment_lines(aligned: dict[str, Any]) -> list[str]:
    plans = [f"{plan['texts']:5d}  {' > '.join(plan['plan'])}" for plan in aligned["top_plans"]]
    return [
        "as the slot checker reads the texts",
        *_table(
            [
                ("MRs correction changes", f"{aligned['mrs_changed']}% of the texts"),
                ("texts that say nothing", str(aligned["silent"])),
                ("missing from texts", _counts(aligned["missing"])),
                ("added by texts", _counts(aligned["added"])),
                ("a slot said again", f"{aligned['repeated']}% of the texts"),
                ("sentences", _spread(aligned["sentences"])),
                ("distinct orders", str(aligned["distinct_plans"])),
                ("order entropy", f"{aligned['order_entropy_bits']} bits, the set of slots given"),
                ("said first", ", ".join(f"{n} {s}%" for n, s in aligned["first_slot"].items())),
            ]
        ),
        "most frequent orders",
        *(f"  {plan}" for plan in plans),
    ]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(label) for label, _ in rows), default=0)
    return [f"  {label:<{width}}  {value}" for label, value in rows]


def _spread(spread: dict[str, float]) -> str:
    if not spread:
        return "-"
    return (
        f"{spread['mean']} (median {spread['median']}, 95% up to {spread['p95']}, "
        f"{spread['min']} to {spread['max']})"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def _top(slot: dict[str, Any]) -> str:
    values = [f"{value or '(empty)'} {count}" for value, count in slot["top_values"].items()]
    return ", ".join(values[:5]) + (", ..." if len(values) > 5 else "")
