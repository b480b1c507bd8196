"""What phrase augmentation made, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from d2t.language.symbols import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.augment.phrases.phrases import PhraseCounts
    from d2t.corpus.types import Example


def phrase_report(phrases: Sequence[Example], counts: PhraseCounts) -> dict[str, Any]:
    """JSON-able counts of the phrases that are written, and of where the others went.

    ``distinct_orders`` are orders of slot names, ``distinct_plans`` orders of slots with values.
    """
    kinds = Counter(phrase.kind for phrase in phrases)
    sizes = Counter(min(len(phrase.mr.slots), 3) for phrase in phrases)
    plans = [phrase.plan.slots for phrase in phrases if phrase.plan is not None]
    return {
        "references": counts.references,
        "spans": counts.spans,
        "dropped": {
            **dict(counts.dropped.most_common()),
            "not_selected": sum(counts.kept.values()) - len(phrases),
        },
        "written": len(phrases),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "slots": {"1": sizes[1], "2": sizes[2], "3+": sizes[3]},
        "distinct_texts": len({phrase.references for phrase in phrases}),
        "distinct_mrs": len({phrase.mr.key() for phrase in phrases}),
        "distinct_plans": len(set(plans)),
        "distinct_orders": len({tuple(slot.name for slot in plan) for plan in plans}),
    }


def report_lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""

    def listed(table: dict[str, int]) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in table.items())

    return [
        f"{report['references']} references, {report['spans']} spans that hold a slot",
        f"dropped: {listed(report['dropped'])}",
        f"written: {report['written']} ({listed(report['kinds'])})",
        f"slots: {listed(report['slots'])}",
        f"distinct: {report['distinct_texts']} texts, {report['distinct_mrs']} MRs, "
        f"{report['distinct_plans']} plans, {report['distinct_orders']} orders of slot names",
    ]
