"""Why the checker reads what it reads: the entry, pattern and line behind each span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment, Span


@dataclass(frozen=True, slots=True)
class Source:
    """What a span was read by.

    Attributes:
        why: in words, such as ``wording of the lexicon``.
        pattern: as the lexicon has it; empty where no entry is behind the span.
        file: of the lexicon; ``line`` is that of the pattern.
        values: of the entry; the first one is meant where the MR holds none of them.
        marks: ``weak``, ``sole``, ``firm``, ``negated``.
    """

    why: str
    pattern: str = ""
    file: str = ""
    line: int = 0
    values: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; without what there is not."""
        facts = {
            "why": self.why, "pattern": self.pattern, "file": self.file, "line": self.line,
            "values": list(self.values), "marks": list(self.marks),
        }  # fmt: skip
        return {key: fact for key, fact in facts.items() if fact}

    def __str__(self) -> str:
        if not self.pattern:
            return self.why
        marks = f" ({', '.join(self.marks)})" if self.marks else ""
        return f"{self.file}:{self.line}: {self.pattern}{marks}"


WORDING = "wording of the lexicon"
VALUE_OF_MR = "the MR's value, letter for letter"
VALUE_OF_DOMAIN = "a value that the domain lists, letter for letter"
MEANING = "the MR's value, by what it means"
QUANTITY = "a quantity, by what it means"
SURROUNDINGS = "a name that nobody lists, by the words around it ([landmark] in the lexicon)"


def explain(
    checker: SlotChecker, alignment: Alignment, mr: MeaningRepresentation | None = None
) -> list[tuple[Source, ...]]:
    """For each span of the alignment what it was read by; usually one thing."""
    wordings = checker.wordings(alignment.text, mr)
    explained: list[tuple[Source, ...]] = []
    for span in alignment.spans:
        sources: list[Source] = []
        for start, end, entry, pattern in wordings:
            if start >= span.end or end <= span.start or entry.slot != span.slot.name:
                continue
            place = checker.lexicon.place(entry, pattern)
            given = span.slot.value in entry.values or entry.numeric
            marks = {
                "weak": entry.weak,
                "sole": entry.sole,
                "firm": entry.firm,
                "negated": not given and span.slot.value in entry.negated,
            }
            set_marks = tuple(mark for mark, holds in marks.items() if holds)
            values = entry.values if given else entry.negated
            sources.append(Source(WORDING, pattern, place.where, place.line, values, set_marks))
        explained.append(tuple(sources) or (Source(_why(checker, alignment, span, mr)),))
    return explained


def _why(
    checker: SlotChecker, alignment: Alignment, span: Span, mr: MeaningRepresentation | None
) -> str:
    """Why a span is read that no entry words."""
    name, value = span.slot.name, span.slot.value
    written = value.casefold() in alignment.text[span.start : span.end].casefold()
    if mr is not None and value in mr.values(name):
        return VALUE_OF_MR if written else MEANING
    spec = checker.domain.slot(name)
    if spec.kind != "open" and any(sign.isdigit() for sign in value):
        return QUANTITY
    if value in spec.values or not written:
        return VALUE_OF_DOMAIN
    return SURROUNDINGS


def spans_with_sources(
    spans: Sequence[dict[str, Any]], explained: Sequence[tuple[Source, ...]]
) -> list[dict[str, Any]]:
    """Spans in JSON form with the ``sources`` of each."""
    return [
        {**span, "sources": [source.as_dict() for source in sources]}
        for span, sources in zip(spans, explained, strict=True)
    ]
