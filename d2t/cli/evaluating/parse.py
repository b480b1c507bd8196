"""``d2t parse``: what do texts say?  Slots and values by a learned parser or by rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from d2t.cli.answers import write_answers
from d2t.cli.common import LimitOption, Source, StrictOption, ThreadsOption, limit_threads, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.io.records import InputRecord
    from d2t.judges.parser.classifier import LearnedParser
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment

_SHOWN = 0.1
_KEYS = ("text", "ref", "hypothesis", "output")


def parse(
    source: Source = "-",
    model: Annotated[
        Path | None, typer.Option(help="Folder written by `d2t train-parser`.")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Read with the rule checker.")] = False,
    domain: Annotated[
        str | None,
        typer.Option(help="With --rules: a domain or its folder [default: restaurant]."),
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Below this, 'sure' is false.")
    ] = 0.5,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts read together.")] = 64,
    threads: ThreadsOption = None,
    limit: LimitOption = None,
    strict: StrictOption = False,
) -> None:
    """Read texts: JSONL or CSV with a field `text` (and, for names nobody knows, an `mr`).

    Writes `{id, text, mr, confidence, sure, slots}` a line. `confidence` is the lowest probability
    of any yes or no the parser gave, `slots` holds what it read, each with its probability, and
    what it nearly read (10% or more). With --rules there are spans, and no probabilities.

    Example:  `echo '{"text": "Aromi is a pub."}' | d2t parse --rules`
    """
    from d2t.errors import UsageError
    from d2t.io.records import read_records

    if rules == (model is not None):
        raise UsageError("give either --model FOLDER (see `d2t train-parser`) or --rules")
    if model is not None and domain is not None:
        raise UsageError("--domain goes with --rules: a learned parser brings its own domain")
    reader = _reader(model, domain, threads, min_confidence)
    records = read_records(source, limit=limit, known_columns=(*reader.domain.slot_names, *_KEYS))
    bad = write_answers(
        records,
        lambda record: _text(record, reader.domain),
        reader.read,
        batch_size=batch_size,
        strict=strict,
    )
    raise typer.Exit(verdict(None, bad_lines=bad))


@dataclass(frozen=True, slots=True)
class _Text:
    record: InputRecord
    text: str
    mr: MeaningRepresentation | None


class _Reader(Protocol):
    domain: Domain

    def read(self, texts: Sequence[_Text]) -> list[dict[str, Any]]:
        """One output line per text."""
        ...


@dataclass
class _Rules:
    """What the rule checker reads."""

    domain: Domain
    checker: SlotChecker

    def read(self, texts: Sequence[_Text]) -> list[dict[str, Any]]:
        from d2t.mr.render import mr_to_json

        lines = []
        for item in texts:
            alignment = self.checker.align(item.text, item.mr)
            line = {"id": item.record.id, "text": item.text}
            mr = mr_to_json(_said(alignment, self.domain), self.domain)
            lines.append({**line, "mr": mr, "spans": alignment.as_list()})
        return lines


@dataclass
class _Learned:
    """What a learned parser reads; the checker finds the open values."""

    domain: Domain
    checker: SlotChecker
    parser: LearnedParser
    min_confidence: float

    def read(self, texts: Sequence[_Text]) -> list[dict[str, Any]]:
        from d2t.language.template import template_of
        from d2t.mr.render import mr_to_json

        alignments = [self.checker.align(item.text, item.mr) for item in texts]
        templates = [template_of(alignment, self.domain) for alignment in alignments]
        lines = []
        for item, alignment, read in zip(
            texts, alignments, self.parser.parse(templates), strict=True
        ):
            slots = [
                {"slot": name, "value": value, "probability": round(p, 4)}
                for (name, value), p in read.probabilities.items()
                if p >= _SHOWN
            ]
            lines.append(
                {
                    "id": item.record.id,
                    "text": item.text,
                    "mr": mr_to_json(read.mr(alignment, self.domain), self.domain),
                    "confidence": round(read.confidence, 4),
                    "sure": read.confidence >= self.min_confidence,
                    "slots": slots,
                }
            )
        return lines


def _reader(
    model: Path | None, domain: str | None, threads: int | None, min_confidence: float
) -> _Reader:
    from d2t.mr.domain import load_domain
    from d2t.slots.checker import SlotChecker

    if model is None:
        loaded = load_domain(domain or "restaurant")
        return _Rules(loaded, SlotChecker.for_domain(loaded))
    from d2t.judges.parser.classifier import LearnedParser

    limit_threads(threads)
    parser = LearnedParser.load(model)
    return _Learned(parser.domain, SlotChecker.for_domain(parser.domain), parser, min_confidence)


def _said(alignment: Alignment, domain: Domain) -> MeaningRepresentation:
    """The MR of what a text says, in the domain's slot order."""
    from d2t.mr.types import MeaningRepresentation

    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    said = dict.fromkeys(span.slot for span in alignment.spans)
    slots = tuple(sorted(said, key=lambda slot: ranks[slot.name]))
    return MeaningRepresentation(slots, domain.default_dialogue_act)


def _text(record: InputRecord, domain: Domain) -> _Text:
    from d2t.errors import DataError
    from d2t.mr.records import mr_from_fields

    fields = record.fields or {}
    text = next((fields[key] for key in _KEYS if key in fields), None)
    if not isinstance(text, str):
        raise DataError(
            f"no text to parse: expected a string in one of the fields {', '.join(_KEYS)}",
            code="missing_text",
        )
    return _Text(record, text, mr_from_fields(fields, domain) if fields.get("mr") else None)
