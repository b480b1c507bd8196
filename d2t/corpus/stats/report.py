"""Corpus statistics as text for a person."""

from __future__ import annotations

from typing import Any


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
