"""What `d2t generate` writes of a record: a JSON object, or a line of text that is proved."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.cli.common import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.generate.stream import StreamItem
    from d2t.generate.types import Hypothesis
    from d2t.mr.columns import ColumnMap


@dataclass(frozen=True)
class Lines:
    """The lines of answered records.

    Attributes:
        columns: says what of a record is only carried along.
        text: texts alone; a bad record has an empty line, its error goes to stderr.
        proved: so does a text that did not pass the check: whoever reads the line could not know.
    """

    columns: ColumnMap
    text: bool
    proved: bool

    def of(self, items: Iterable[StreamItem]) -> str:
        """The lines of one window."""
        return "".join(self._text(item) if self.text else self._record(item) for item in items)

    def _text(self, item: StreamItem) -> str:
        if item.error is not None:
            say(f"d2t: record {item.record.id}, line {item.record.line}: {item.error.message}")
        elif item.hypothesis is not None:
            if item.hypothesis.status != "failed" or not self.proved:
                return " ".join(item.hypothesis.text.splitlines()) + "\n"
            say(
                f"d2t: record {item.record.id}, line {item.record.line}: no text passed the check "
                f"({_why(item.hypothesis)}); --format jsonl shows the closest"
            )
        return "\n"

    def _record(self, item: StreamItem) -> str:
        from d2t.generate.output import error_as_dict, hypothesis_as_dict
        from d2t.io.records import write_record

        if item.hypothesis is not None:
            found = hypothesis_as_dict(item.hypothesis, self.columns.domain)
        else:
            assert item.error is not None
            found = error_as_dict(item.record.id, item.error, line=item.record.line)
        buffer = io.StringIO()
        write_record(buffer, found | self._extra(item))
        return buffer.getvalue()

    def _extra(self, item: StreamItem) -> dict[str, Any]:
        """What the record holds beside its MR, as it came."""
        extra = self.columns.extra(item.record.fields)
        return {"extra": extra} if extra else {}


def _why(said: Hypothesis) -> str:
    report = said.report
    faults = [f"{slot} is missing" for slot in report.missing]
    faults += [f"{span.slot} is added" for span in report.added]
    faults += [f"{wrong.span.slot} stands for {wrong.expected}" for wrong in report.wrong]
    faults += [f"{span.slot} comes twice" for span in report.repeated]
    faults += [f"{span.slot} may be understood" for span in said.alignment.faint]
    if not said.finished:
        faults.append("it is cut at --max-length")
    elif not said.order_kept:
        faults.append("its order is not the one asked for")
    return "; ".join(faults) or "a value is not copied"
