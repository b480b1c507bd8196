"""The label of a sampled text: the MR and the plan that the checker reads in it (rule O7.5).

The paper has a second set of samples, labelled by classifiers. Ours (``LearnedParser``) only judges
what the checker reads (``filter.parser``): it finds no order and no places, so it cannot label a
plan, and of 60 development texts on which the two disagreed it was right about none (LOG).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.corpus.correct import correct_examples
from d2t.corpus.types import Example
from d2t.language.symbols import PLACEHOLDER, symbol_name
from d2t.language.template import HIDDEN_KINDS, template_of, template_words

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CAPITALISED = re.compile(r"(?<![\w'’-])[^\W\d_a-z]\w*")

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan, Slot
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with what it says.

    Attributes:
        example: the text as the one reference; MR and plan (with sentences) read from it.
        alignment: of the text with that MR.
        template: the text with ``<val:NAME>`` for its open values.
        said: the words of the spans of closed slots.
        residue: the words of the text that stand outside every span.
    """

    example: Example
    alignment: Alignment
    template: str
    said: tuple[str, ...]
    residue: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """The realised order; the example has it too, but there it may be None."""
        return self.alignment.plan()


def label(
    id: str, text: str, mr: MeaningRepresentation, checker: SlotChecker, domain: Domain
) -> LabelledText | None:
    """What ``text`` says, ``mr`` (the proposal) deciding between values that share a wording.

    None when it says nothing, or when it reads differently once its own MR is what decides: such
    a label would not survive training, which aligns the text with the label. None too where an
    implicit or a requested slot is not said: correction would keep it because it was proposed.
    """
    corrected = correct_examples([Example(id, mr, (text,))], checker, domain)
    if not corrected:
        return None
    labelled = read(corrected[0], checker, domain)
    return labelled if labelled.plan == corrected[0].plan else None


def read(example: Example, checker: SlotChecker, domain: Domain) -> LabelledText:
    """An example with one reference, described as a sample is."""
    return described(example, checker.align(example.references[0], example.mr), domain)


def described(example: Example, alignment: Alignment, domain: Domain) -> LabelledText:
    """An example whose one reference is aligned already."""
    text = alignment.text
    ends = [0, *(span.end for span in alignment.spans)]
    starts = [*(span.start for span in alignment.spans), len(text)]
    gaps = (text[end:start] for end, start in zip(ends, starts, strict=True))
    closed = (
        text[span.start : span.end]
        for span in alignment.spans
        if domain.slot(span.slot.name).kind not in HIDDEN_KINDS
    )
    said = tuple(word for part in closed for word in template_words(part))
    residue = tuple(word for part in gaps for word in template_words(part))
    return LabelledText(example, alignment, template_of(alignment, domain), said, residue)


def skeleton(alignment: Alignment, domain: Domain) -> str:
    """The text with one symbol for each span: its slot, and how the wording begins and ends.

    ``<val:priceRange_price_0> of``: what a language model reads to judge grammar. Values are gone,
    also verbatim ones of closed slots, so that n-grams reach from one slot to the next; the first
    and last word stay, since "moderately priced" and "a price of £20" fit different sentences.
    """
    text, parts, end = alignment.text, [], 0
    for span in alignment.spans:
        name = symbol_name(span.slot.name)
        said = template_words(_NUMBER.sub("0", text[span.start : span.end]))
        words = [word for word in said if word.isalnum()]
        hidden = domain.slot(span.slot.name).kind in HIDDEN_KINDS or not words
        verbatim = text[span.start : span.end].lower() == span.slot.value.lower()
        form = "" if hidden or verbatim else f"_{words[0]}_{words[-1]}"
        parts += [text[end : span.start], f"<val:{name}{form}>"]
        end = span.end
    return "".join([*parts, text[end:]])


def is_cased(alignment: Alignment) -> bool:
    """Whether sentences begin with a capital letter and no other word outside spans does."""
    text, starts = alignment.text, set(alignment.sentence_starts)
    if any(text[at : at + 1].islower() for at in starts):
        return False
    inside = {at for span in alignment.spans for at in range(span.start, span.end)}
    return not any(
        match.start() not in starts and match.start() not in inside
        for match in _CAPITALISED.finditer(text)
    )


def shape(slots: Iterable[Slot], domain: Domain) -> tuple[tuple[str, str | None], ...]:
    """Delexicalised slots, in the order given: name and value, None for every open value."""
    return tuple(
        (slot.name, None if domain.slot(slot.name).kind == "open" else slot.value) for slot in slots
    )


def open_names(mr: MeaningRepresentation, domain: Domain) -> list[str]:
    """The open slots of ``mr`` as symbols name them, one entry per value, sorted."""
    return sorted(
        symbol_name(slot.name) for slot in mr.slots if domain.slot(slot.name).kind == "open"
    )


def open_names_in(template: str, domain: Domain) -> list[str]:
    """The open slots whose placeholders a generated template holds, one entry per value, sorted."""
    known = {symbol_name(spec.name) for spec in domain.slots if spec.kind == "open"}
    names = (symbol.removeprefix("<val:")[:-1] for symbol in set(PLACEHOLDER.findall(template)))
    return sorted(name for part in names if (name := part.split(":")[0]) in known)
