"""Reports as JSON-able objects: the one line a text gets from ``d2t check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.mr.types import Slot
    from d2t.slots.types import Alignment, SlotReport, Span


def spans_as_list(alignment: Alignment) -> list[dict[str, Any]]:
    """``[{slot, value, start, end}]`` in text order."""
    return [_span(span) for span in alignment.spans]


def report_as_dict(id: str, report: SlotReport) -> dict[str, Any]:
    """``{id, spans, plan, breaks, missing, added, wrong, repeated}``; offsets are characters.

    ``spans`` holds what the text says, whether or not the MR asked for it; ``plan`` is the realised
    order.
    """
    plan = report.alignment.plan()
    return {
        "id": id,
        "spans": spans_as_list(report.alignment),
        "plan": plan.labels(),
        "breaks": list(plan.breaks or ()),
        "missing": slots_as_list(report.missing),
        "added": [_span(span) for span in report.added],
        "wrong": [
            {"slot": wrong.span.slot.name, "expected": wrong.expected.value, **_place(wrong.span)}
            for wrong in report.wrong
        ],
        "repeated": [_span(span) for span in report.repeated],
    }


def slots_as_list(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    """``[{slot, value}]`` in the order given."""
    return [{"slot": slot.name, "value": slot.value} for slot in slots]


def _place(span: Span) -> dict[str, Any]:
    return {"value": span.slot.value, "start": span.start, "end": span.end}


def _span(span: Span) -> dict[str, Any]:
    return {"slot": span.slot.name, **_place(span)}
