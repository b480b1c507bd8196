"""What texts say, read by a learned parser or by the rules of the slot checker (``d2t parse``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from d2t.language.template import template_of
from d2t.mr.domain import load_domain
from d2t.mr.lexicon_layers import with_lexicons
from d2t.mr.render import mr_to_json
from d2t.mr.types import MeaningRepresentation
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.judges.parser.classifier import LearnedParser
    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.slots.types import Alignment

SHOWN = 0.1
"""Values with a lower probability are not shown."""


@dataclass(frozen=True, slots=True)
class ReadableText:
    """A text with its id; an MR names values that are in no lexicon."""

    id: str
    text: str
    mr: MeaningRepresentation | None

    @classmethod
    def from_record(cls, record: Record) -> ReadableText:
        """The text of a record, and its MR if it has one.

        Raises:
            DataError: there is no text.
            MRParseError, DomainError: the MR is malformed.
        """
        return cls(record.id, record.require_text(), record.mr)


class TextReader(Protocol):
    """Reads the slots and values of texts in a domain."""

    domain: Domain

    def read(self, texts: Sequence[ReadableText]) -> list[dict[str, Any]]:
        """One JSON-able line for each text: ``{id, text, mr, ...}``."""
        ...


@dataclass
class RuleReader:
    """Reads with the slot checker; each line has ``spans``."""

    domain: Domain
    checker: SlotChecker

    def read(self, texts: Sequence[ReadableText]) -> list[dict[str, Any]]:
        """One line for each text."""
        lines = []
        for item in texts:
            alignment = self.checker.align(item.text, item.mr)
            mr = mr_to_json(_said(alignment, self.domain), self.domain)
            line = {"id": item.id, "text": item.text, "mr": mr, "spans": alignment.as_list()}
            lines.append(line)
        return lines


@dataclass
class LearnedReader:
    """Reads with a learned parser; the slot checker finds the open values.

    Attributes:
        min_confidence: with less, ``sure`` is false.
    """

    domain: Domain
    checker: SlotChecker
    parser: LearnedParser
    min_confidence: float

    def read(self, texts: Sequence[ReadableText]) -> list[dict[str, Any]]:
        """One line for each text, with ``confidence``, ``sure`` and ``slots``."""
        alignments = [self.checker.align(item.text, item.mr) for item in texts]
        templates = [template_of(alignment, self.domain) for alignment in alignments]
        lines = []
        for item, alignment, read in zip(
            texts, alignments, self.parser.parse(templates), strict=True
        ):
            slots = [
                {"slot": name, "value": value, "probability": round(p, 4)}
                for (name, value), p in read.probabilities.items()
                if p >= SHOWN
            ]
            lines.append(
                {
                    "id": item.id,
                    "text": item.text,
                    "mr": mr_to_json(read.mr(alignment, self.domain), self.domain),
                    "confidence": round(read.confidence, 4),
                    "sure": read.confidence >= self.min_confidence,
                    "slots": slots,
                }
            )
        return lines


def text_reader(
    model: Path | None = None,
    domain: str | None = None,
    lexicon: Sequence[str | Path] = (),
    *,
    min_confidence: float = 0.5,
) -> TextReader:
    """The parser in the folder ``model``, or, without one, the rules of a domain.

    Args:
        model: a folder that ``d2t train-parser`` wrote; it brings its own domain.
        domain: of the rules; None: restaurant.
        lexicon: files that are layers above the lexicon of the domain, the last on top.
        min_confidence: see ``LearnedReader``.

    Raises:
        BundleError, DomainError: there is no such parser or domain.
    """
    if model is None:
        loaded = with_lexicons(load_domain(domain or "restaurant"), lexicon)
        return RuleReader(loaded, SlotChecker.for_domain(loaded))
    from d2t.judges.parser.classifier import LearnedParser  # imports torch

    parser = LearnedParser.load(model)
    checker = SlotChecker.for_domain(parser.domain)
    return LearnedReader(parser.domain, checker, parser, min_confidence)


def _said(alignment: Alignment, domain: Domain) -> MeaningRepresentation:
    """The MR of what a text says, in the domain's slot order."""
    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    said = dict.fromkeys(span.slot for span in alignment.spans)
    slots = tuple(sorted(said, key=lambda slot: ranks[slot.name]))
    return MeaningRepresentation(slots, domain.default_dialogue_act)
