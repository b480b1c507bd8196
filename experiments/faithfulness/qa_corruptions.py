"""Development references made wrong in known ways, on the MR's side and on the text's.

An *omission* is a text that says less than the MR, a *hallucination* one that says more, a *swap*
one that says another value. On the MR's side the human text stays as it is and the MR is changed;
on the text's side the MR stays and a phrase is exchanged for one that another reference has, a
sentence is taken out or put in. ``text_same`` exchanges a phrase for another wording of the *same*
value: what a judge says against those is not about content.

``distracted`` texts have a clause put in that is not true of their subject, and are faithful: the
MR says what the text says of its subject. ``misattributed`` are the same texts under an MR that
takes the clause for said of the subject (or, where the clause is about the subject, one that leaves
it out). In ``text_misattributed`` a sentence of the reference is gone, and such a clause says what
it said. The frames are those that no model is trained on; ``_known`` conditions have the others.
The wordings in them are those of training references, so that only the frames are new.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from d2t.mr.types import MeaningRepresentation, Slot
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.corpus.types import Example
    from d2t.judges.qa.training.distractors import DistractedText, Distractor
    from d2t.judges.qa.training.pairs import Utterance
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment, Span


MR_SIDE = ("mr_swap", "mr_omission", "mr_hallucination")
TEXT_SIDE = ("text_swap", "text_omission", "text_hallucination")
CONTROL = "text_same"
DOMAIN = "restaurant"


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """A record to be judged.

    Attributes:
        slot: the name of the slot that is wrong; empty for intact records.
        kind: of the clause that was put in; empty without one.
    """

    id: str
    mr: MeaningRepresentation
    text: str
    slot: str = ""
    kind: str = ""


class Corruptor:
    """Draws corruptions; phrases and sentences come from the references it is given."""

    def __init__(
        self, utterances: Sequence[Utterance], domain: Domain, checker: SlotChecker
    ) -> None:
        self.domain, self.checker = domain, checker
        self._values: dict[str, list[str]] = defaultdict(list)
        self._phrases: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._sentences: list[tuple[frozenset[Slot], str]] = []
        for utterance in utterances:
            for slot in utterance.mr.slots:
                self._values[slot.name].append(slot.value)
            alignment = checker.align(utterance.text, utterance.mr)
            for span in alignment.spans:
                phrase = utterance.text[span.start : span.end]
                self._phrases[span.slot.name][span.slot.value].append(phrase)
            self._sentences += [
                (slots, text) for slots, text in _sentences(alignment) if self._can_be_put_in(slots)
            ]

    def draw(
        self, kind: str, number: int, utterance: Utterance, rng: Random
    ) -> JudgedRecord | None:
        """The record after one corruption; None where there is nothing to corrupt."""
        made = getattr(self, kind)(utterance, rng)
        if made is None:
            return None
        mr, text, slot = made
        return JudgedRecord(f"{kind}-{number}", mr, text, slot)

    def mr_swap(self, u: Utterance, rng: Random) -> tuple[MeaningRepresentation, str, str] | None:
        """Another value in the MR, none that tells a reader the same or that the text says too."""
        slot = rng.choice(u.mr.slots)
        value = self.other_value(slot, u, rng)
        if value is None:
            return None
        return replaced(u.mr, slot, Slot(slot.name, value)), u.text, slot.name

    def mr_omission(
        self, u: Utterance, rng: Random
    ) -> tuple[MeaningRepresentation, str, str] | None:
        """A slot more in the MR: the text leaves it out."""
        names = [name for name in self.domain.slot_names if name not in u.mr.names]
        names = [name for name in names if self._values[name]]
        if not names:
            return None
        name = rng.choice(names)
        slot = Slot(name, rng.choice(self._values[name]))
        return MeaningRepresentation((*u.mr.slots, slot), u.mr.dialogue_act), u.text, name

    def mr_hallucination(
        self, u: Utterance, rng: Random
    ) -> tuple[MeaningRepresentation, str, str] | None:
        """A slot less in the MR: the text says too much."""
        if len(u.mr.slots) < 2:
            return None
        slot = rng.choice(u.mr.slots)
        left = tuple(other for other in u.mr.slots if other != slot)
        return MeaningRepresentation(left, u.mr.dialogue_act), u.text, slot.name

    def text_swap(self, u: Utterance, rng: Random) -> tuple[MeaningRepresentation, str, str] | None:
        """Another reference's phrase for another value, where a value is said once."""
        return self._rephrased(u, rng, same=False)

    def text_same(self, u: Utterance, rng: Random) -> tuple[MeaningRepresentation, str, str] | None:
        """Another reference's phrase for the same value."""
        return self._rephrased(u, rng, same=True)

    def text_omission(
        self, u: Utterance, rng: Random
    ) -> tuple[MeaningRepresentation, str, str] | None:
        """A sentence less, one that says something no other does."""
        choices = self.omissions(u)
        if not choices:
            return None
        text, lost = rng.choice(choices)
        return u.mr, text, lost[0].name

    def omissions(self, u: Utterance) -> list[tuple[str, list[Slot]]]:
        """The text without one of its sentences, and the slots that it then no longer says."""
        parts = _sentences(self.checker.align(u.text, u.mr))
        found = []
        for at in range(len(parts) if len(parts) > 1 else 0):
            rest = [part for i, part in enumerate(parts) if i != at]
            left = parts[at][0].difference(*(slots for slots, _ in rest))
            lost = [slot for slot in u.mr.slots if slot in left]
            if lost:
                found.append((" ".join(sentence for _, sentence in rest), lost))
        return found

    def text_hallucination(
        self, u: Utterance, rng: Random
    ) -> tuple[MeaningRepresentation, str, str] | None:
        """A sentence more, about a slot that the MR does not have."""
        fitting = [
            (slots, sentence)
            for slots, sentence in rng.sample(self._sentences, min(200, len(self._sentences)))
            if not {slot.name for slot in slots} & set(u.mr.names)
        ]
        if not fitting:
            return None
        slots, sentence = fitting[0]
        return u.mr, f"{u.text.rstrip()} {sentence}", min(slots).name

    def _rephrased(
        self, u: Utterance, rng: Random, *, same: bool
    ) -> tuple[MeaningRepresentation, str, str] | None:
        spans = self.checker.align(u.text, u.mr).spans
        said = [span.slot.name for span in spans]
        once = [s for s in spans if said.count(s.slot.name) == 1 and s.slot in u.mr.slots]
        rng.shuffle(once)
        for span in once:
            old = u.text[span.start : span.end]
            value = span.slot.value if same else self.other_value(span.slot, u, rng)
            known = self._phrases[span.slot.name].get(value or "", [])
            phrases = [p for p in known if p.lower() != old.lower()]
            if phrases:
                text = _exchanged(u.text, span, rng.choice(phrases))
                return u.mr, text, "" if same else span.slot.name
        return None

    def other_value(self, slot: Slot, u: Utterance, rng: Random) -> str | None:
        """A value that occurs, tells a reader something else, and is not in the text."""
        spec = self.domain.slot(slot.name)
        taken = {spec.merged(value) for value in u.mr.values(slot.name)}
        others = [
            value
            for value in self._values[slot.name]
            if spec.merged(value) not in taken and value.lower() not in u.text.lower()
        ]
        return rng.choice(others) if others else None

    def _can_be_put_in(self, slots: frozenset[Slot]) -> bool:
        """Sentences that say something and name nobody."""
        return bool(slots) and all(self.domain.slot(slot.name).kind != "open" for slot in slots)


def holds(utterance: Utterance | Example, values: dict[str, tuple[str, ...]]) -> bool:
    """Whether the MR has one of the values."""
    return any(slot.value in values.get(slot.name, ()) for slot in utterance.mr.slots)


def intact(utterances: Iterable[Utterance]) -> list[JudgedRecord]:
    """References as they are."""
    return [JudgedRecord(f"intact-{at}", u.mr, u.text) for at, u in enumerate(utterances)]


def _sentences(alignment: Alignment) -> list[tuple[frozenset[Slot], str]]:
    """What each sentence says, and its words."""
    starts = (*alignment.sentence_starts, len(alignment.text))
    return [
        (
            frozenset(span.slot for span in alignment.spans if start <= span.start < end),
            alignment.text[start:end].strip(),
        )
        for start, end in pairwise(starts)
    ]


def replaced(mr: MeaningRepresentation, old: Slot, new: Slot) -> MeaningRepresentation:
    """The MR with one slot in the place of another."""
    slots = tuple(new if slot == old else slot for slot in mr.slots)
    return MeaningRepresentation(slots, mr.dialogue_act)


def _exchanged(text: str, span: Span, phrase: str) -> str:
    """``phrase`` in the place of a span, with a capital where the span had one at a start."""
    if span.start == 0 or text[: span.start].rstrip().endswith((".", "!", "?")):
        phrase = phrase[:1].upper() + phrase[1:]
    return text[: span.start] + phrase + text[span.end :]


FAITHFUL, MISREAD, MOVED = "distracted", "misattributed", "text_misattributed"
KNOWN = "_known"
"""Ends the names of conditions whose frames are trained on."""


def drawn(
    utterances: Sequence[Utterance], distractor: Distractor, seed: int, *, held_out: bool
) -> list[tuple[JudgedRecord, JudgedRecord]]:
    """Every text with a clause, under the right and under the wrong MR; kinds take turns."""
    kinds = list(distractor.frames.kinds)
    found = []
    for at, u in enumerate(utterances):
        kind = kinds[at % len(kinds)]
        rng = derived_rng(seed, FAITHFUL, held_out, at)
        made = distractor.draw(u.mr, u.text, rng, kinds=[kind], held_out=held_out)
        wrong = None if made is None else misread(made, u.mr)
        if made is not None and wrong is not None:
            slot = min(made.about)
            right = JudgedRecord(
                f"{FAITHFUL}-{held_out}-{kind}-{at}", made.mr, made.text, kind=kind
            )
            found.append((right, JudgedRecord(f"{MISREAD}-{at}", wrong, made.text, slot, kind)))
    return found


def misread(made: DistractedText, before: MeaningRepresentation) -> MeaningRepresentation | None:
    """The MR of somebody who takes the clause for the opposite; None where it says nothing new."""
    if not made.elsewhere:
        return before if made.mr != before else None
    names = {slot.name for slot in made.elsewhere}
    kept = [slot for slot in made.mr.slots if slot.name not in names]
    return MeaningRepresentation((*kept, *made.elsewhere), before.dialogue_act)


def moved(
    utterances: Sequence[Utterance], distractor: Distractor, corruptor: Corruptor, seed: int
) -> list[JudgedRecord]:
    """What one sentence alone said is said of something else instead; the MR stays."""
    kinds = [
        name
        for name, kind in distractor.frames.kinds.items()
        if not any(frame.own for frame in kind.held_out)
    ]
    found = []
    for at, u in enumerate(utterances):
        rng = derived_rng(seed, MOVED, at)
        choices = [(text, lost[0]) for text, lost in corruptor.omissions(u) if len(lost) == 1]
        if not choices:
            continue
        text, slot = rng.choice(choices)
        left = tuple(other for other in u.mr.slots if other != slot)
        mr = MeaningRepresentation(left, u.mr.dialogue_act)
        made = distractor.draw(mr, text, rng, kinds=kinds, held_out=True, saying=slot)
        if made is not None:
            slots = (*made.mr.slots, slot)
            whole = MeaningRepresentation(slots, u.mr.dialogue_act)
            found.append(JudgedRecord(f"{MOVED}-{at}", whole, made.text, slot.name, made.kind))
    return found
