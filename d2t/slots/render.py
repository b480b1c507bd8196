"""A checked text for a terminal: its spans in the colours of their slots, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from d2t.printable import one_line, pictured
from d2t.slots.types import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.slots.types import Alignment, SlotReport, Span

_COLOURS = ("cyan", "magenta", "yellow", "green", "bright_blue", "bright_red", "bright_magenta")


def slot_styles(slot_names: Sequence[str]) -> dict[str, str]:
    """A colour for each slot; the same domain always gets the same ones."""
    return {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(slot_names)}


CLAIM_STYLE = "black on bright_yellow"


def render_alignment(
    alignment: Alignment, slot_names: Sequence[str], claims: Sequence[Claim] = ()
) -> Text:
    """The text, each span underlined in its slot's colour and followed by ``slot[value]``.

    Claims beyond the slots are on a ground of their own.
    """
    styles = slot_styles(slot_names)
    text = alignment.text
    shown = Text()
    at = 0
    parts: list[Span | Claim] = [*alignment.spans, *claims]
    for part in sorted(parts, key=lambda part: part.start):
        shown.append(pictured(text[at : part.start]))
        words = pictured(text[max(at, part.start) : part.end])  # two slots may share a word
        if isinstance(part, Claim):
            shown.append(words, style=CLAIM_STYLE)
        else:
            colour = styles.get(part.slot.name, "white")
            shown.append(words, style=f"underline {colour}")
            shown.append(one_line(f" {part.slot}"), style=f"dim {colour}")
        at = part.end
    shown.append(pictured(text[at:]))
    return shown


def render_report(report: SlotReport, slot_names: Sequence[str]) -> Text:
    """The coloured text, and below it ``ok`` or every error in words, and the claims."""
    shown = render_alignment(report.alignment, slot_names, report.unsupported)
    errors = one_line("; ".join(report.errors()))
    if report.ok:
        shown.append("\n  ok", style="bold green")
        shown.append(f" ({errors})" if errors else "", style="yellow")
    else:
        shown.append("\n  " + errors, style="bold red")
    if report.unsupported:
        words = one_line(f"unsupported: {report.claims_in_words()}")
        shown.append("\n  " + words, style="bold yellow")
    return shown
