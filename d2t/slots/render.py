"""A checked text for a terminal: its spans in the colours of their slots, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from d2t.printable import one_line, pictured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.slots.types import Alignment, SlotReport

_COLOURS = ("cyan", "magenta", "yellow", "green", "bright_blue", "bright_red", "bright_magenta")


def slot_styles(slot_names: Sequence[str]) -> dict[str, str]:
    """A colour for each slot; the same domain always gets the same ones."""
    return {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(slot_names)}


def render_alignment(alignment: Alignment, slot_names: Sequence[str]) -> Text:
    """The text, each span underlined in its slot's colour and followed by ``slot[value]``."""
    styles = slot_styles(slot_names)
    text = alignment.text
    shown = Text()
    at = 0
    for span in alignment.spans:
        colour = styles.get(span.slot.name, "white")
        shown.append(pictured(text[at : span.start]))
        shown.append(pictured(text[span.start : span.end]), style=f"underline {colour}")
        shown.append(one_line(f" {span.slot}"), style=f"dim {colour}")
        at = span.end
    shown.append(pictured(text[at:]))
    return shown


def render_report(report: SlotReport, slot_names: Sequence[str]) -> Text:
    """The coloured text, and below it ``ok`` or every error in words."""
    shown = render_alignment(report.alignment, slot_names)
    errors = one_line("; ".join(report.errors()))
    if report.ok:
        shown.append("\n  ok", style="bold green")
        return shown.append(f" ({errors})", style="yellow") if errors else shown
    return shown.append("\n  " + errors, style="bold red")
