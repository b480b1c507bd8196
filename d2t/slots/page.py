"""Checked texts as one HTML page that needs nothing else: coloured spans, errors, filters.

The page holds one line of JSON for each text; its script shows fifty of them at a time. So it is
written while texts are read, and a hundred thousand of them need no memory here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.explain import Source
    from d2t.slots.types import SlotReport, Span

UNREADABLE = "unreadable"
_KINDS = ("missing", "added", "wrong", "repeated", "unsupported", UNREADABLE)
_DATA = "{data}"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Page:
    """An HTML page, written text by text to ``stream``.

    Example: ``with Page(stream, "texts.jsonl", domain.slot_names) as page: page.add(...)``
    """

    def __init__(self, stream: TextIO, title: str, slot_names: Sequence[str]) -> None:
        self._stream = stream
        self._slot_names = slot_names
        template = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
        blocks = re.findall(r"<(style|script)>(.*?)</\1>", template, re.DOTALL)
        allowed = {name: f"{name}-src 'sha256-{_digest(content)}'" for name, content in blocks}
        policy = "; ".join(
            ["default-src 'none'", *allowed.values(), "base-uri 'none'", "form-action 'none'"]
        )
        shown = template.replace("{policy}", policy).replace("{title}", html.escape(_sound(title)))
        before, self._after = shown.split(_DATA)
        stream.write(before)

    def add(
        self,
        id: str,
        report: SlotReport,
        mr: MeaningRepresentation,
        explained: Sequence[tuple[Source, ...]] = (),
    ) -> None:
        """One text, with what it says, its errors, and perhaps what each span was read by."""
        text = report.alignment.text
        missing = set(report.missing)
        why = [
            f"{text[span.start : span.end]!r} is {span.slot}: {source}"
            for span, sources in zip(report.spans, explained, strict=False)
            for source in sources
        ]
        self._write(
            {
                "id": id,
                "text": text,
                "ok": report.ok,
                "parts": _parts(report),
                "errors": _errors(report),
                "asked": [[str(slot), slot in missing] for slot in mr.slots],
                "why": why,
            }
        )

    def add_error(self, id: str, message: str) -> None:
        """A record that could not be checked."""
        error = [UNREADABLE, "", message]
        self._write(
            {"id": id, "text": "", "ok": False, "parts": [], "errors": [error], "asked": []}
        )

    def close(self, summary: str) -> None:
        """Write the end of the page, with the summary of all texts for its head."""
        facts = {"summary": summary, "slots": list(self._slot_names), "kinds": list(_KINDS)}
        self._stream.write(self._after.replace("{facts}", _json(facts)))

    def _write(self, line: dict[str, Any]) -> None:
        self._stream.write(_json(line) + "\n")


def _digest(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _sound(text: str) -> str:
    """Without halves of characters, which no page can hold."""
    return _SURROGATE.sub("\ufffd", text)


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it ends or opens one."""
    text = _sound(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _parts(report: SlotReport) -> list[list[str]]:
    """The text in pieces: its words; for a span the slot, the value and the kind of error.

    A claim has neither slot nor value, and its kind.
    """
    text = report.alignment.text
    kinds = {_ends(span): "added" for span in report.added}
    kinds |= {_ends(span): "repeated" for span in _repeated(report)}
    kinds |= {_ends(wrong.span): "wrong" for wrong in report.wrong}
    marked = [
        (*_ends(span), [span.slot.name, span.slot.value, kinds.get(_ends(span), "")])
        for span in report.spans
    ]
    marked += [(claim.start, claim.end, ["", "", "unsupported"]) for claim in report.unsupported]
    parts: list[list[str]] = []
    at = 0
    for start, end, about in sorted(marked):
        if start > at:
            parts.append([text[at:start]])
        parts.append([text[max(at, start) : end], *about])
        at = end
    return [*parts, [text[at:]]] if at < len(text) else parts


def _repeated(report: SlotReport) -> tuple[Span, ...]:
    return () if report.repeats == "ignore" else report.repeated


def _ends(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _errors(report: SlotReport) -> list[list[str]]:
    """Every error: its kind, its slot, and the words of the report."""
    slots = [slot.name for slot in report.missing]
    slots += [span.slot.name for span in report.added]
    slots += [wrong.span.slot.name for wrong in report.wrong]
    slots += [span.slot.name for span in _repeated(report)]
    words = report.errors()
    slots += [""] * (len(words) - len(slots))
    listed = [[error.split()[0], slot, error] for error, slot in zip(words, slots, strict=True)]
    return listed + [
        ["unsupported", "", f"unsupported {claim.text!r}"] for claim in report.unsupported
    ]
