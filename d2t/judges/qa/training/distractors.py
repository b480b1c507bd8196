"""Texts with a clause put in that is not, or not only, about their subject (rules F5.1, F5.2).

A distractor leaves the answers of a record as they were, however much its words are those in which
references say something else: they are said of another place, by somebody whose opinion is not
asked for, or of another time. Some frames say something of the subject too, in such surroundings;
that is then a slot of the record.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d2t.augment.phrases.words import DETERMINERS, PREPOSITIONS, PRONOUNS
from d2t.judges.qa.training.distractor_content import ContentStore
from d2t.judges.qa.training.distractor_filling import Filler
from d2t.mr.types import MeaningRepresentation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.judges.qa.training.distractor_frames import Frame, FrameKind, FrameSet
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

TRIES = 8
"""Draws of a frame and its content before another kind is taken."""
IN_FRONT = 0.25
"""Share of sentences that go before the text, where they can."""
_BACKWARD = re.compile(r"\b(?:it|its|he|she|they|their|this|there|these)\b", re.IGNORECASE)
_OPENERS = (PRONOUNS | DETERMINERS | PREPOSITIONS) - {"i"}
_ENDS = ".!?"


class DistractedText(NamedTuple):
    """A text after a clause was put in.

    Attributes:
        mr: what the text says of its subject now.
        text: with the clause.
        kind: of the frame.
        elsewhere: what the clause says of something else, or only denies or imagines.
        own: what it says of the subject, whether the record held it before or not.
        names: other places that it speaks of, as slots of the name that places of their sort have.
    """

    mr: MeaningRepresentation
    text: str
    kind: str
    elsewhere: tuple[Slot, ...]
    own: tuple[Slot, ...]
    names: tuple[Slot, ...]

    @property
    def about(self) -> frozenset[str]:
        """The slots that a reader may get wrong."""
        return frozenset(slot.name for slot in (*self.elsewhere, *self.own))

    @property
    def mentioned(self) -> tuple[Slot, ...]:
        """All that is not the record's own, for who looks for names in the text."""
        return (*self.elsewhere, *self.names)


class Distractor:
    """Puts clauses into texts; what is drawn depends on the generator it is given alone.

    Attributes:
        frames: of the domain.
    """

    def __init__(self, frames: FrameSet, filler: Filler) -> None:
        self.frames, self._filler = frames, filler

    @classmethod
    def of(
        cls, frames: FrameSet, references: Sequence[Example], aligner: Aligner, domain: Domain
    ) -> Distractor:
        """Content and names are those of ``references``, one text each.

        What ``frames`` brings along is used for the values that the references say.
        """
        store = ContentStore.of(references, aligner, domain, written=frames.written)
        return cls(frames, Filler(frames, store, domain, (r.mr for r in references)))

    def draw(
        self,
        mr: MeaningRepresentation,
        text: str,
        rng: Random,
        *,
        kinds: Sequence[str] | None = None,
        held_out: bool = False,
        saying: Slot | None = None,
    ) -> DistractedText | None:
        """The text with a clause, or None where none of some that were tried fits it.

        Args:
            mr: what the text says.
            text: without a clause.
            rng: the source of chance.
            kinds: of the frames that may be used; None: all.
            held_out: take frames that no model is trained on, and no others.
            saying: what shall be said elsewhere; None: anything that the record does not say.
        """
        names = list(self.frames.kinds if kinds is None else kinds)
        rng.shuffle(names)
        for kind in map(self.frames.kinds.__getitem__, names):
            frames = kind.held_out if held_out else kind.frames
            for _ in range(TRIES if frames else 0):
                frame = rng.choice(frames).spelt(self.frames.parts, rng)
                made = self._tried(kind, frame, mr, text, rng, saying)
                if made is not None:
                    return made
        return None

    def _tried(
        self,
        kind: FrameKind,
        frame: Frame,
        mr: MeaningRepresentation,
        text: str,
        rng: Random,
        saying: Slot | None,
    ) -> DistractedText | None:
        filling = self._filler.fill(kind, frame, mr, rng, saying)
        if filling is None:
            return None
        clause = frame.text
        for field, words in filling.words.items():
            clause = clause.replace(f"{{{field}}}", words)
        made = self._put(frame, clause, mr, text.strip(), rng)
        if made is None:
            return None
        said = MeaningRepresentation(
            tuple(dict.fromkeys((*mr.slots, *filling.own))), mr.dialogue_act
        )
        return DistractedText(said, made, kind.name, *filling[1:])

    def _put(
        self, frame: Frame, clause: str, mr: MeaningRepresentation, text: str, rng: Random
    ) -> str | None:
        """The text with the clause in its place; None where it has none."""
        named = any(v and text.startswith(v) for v in mr.values(self.frames.subject))
        if frame.place == "tail":
            return f"{text.rstrip(_ENDS + ' ')}{clause}."
        if frame.place == "head":
            return _headed(clause, text, named=named)
        if frame.place == "aside":
            return _behind(mr.values(self.frames.landmark or ""), clause, text)
        clause = f"{clause[0].upper()}{clause[1:]}"
        if named and not _BACKWARD.search(frame.text) and rng.random() < IN_FRONT:
            return f"{clause} {text}"
        return f"{text if text.endswith(tuple(_ENDS)) else text + '.'} {clause}"


def _headed(clause: str, text: str, *, named: bool) -> str | None:
    """The clause before a text, whose first word loses its capital if it is no name."""
    if not named and text.split(" ", 1)[0].casefold() not in _OPENERS:
        return None
    return f"{clause} {text}" if named else f"{clause} {text[0].lower()}{text[1:]}"


def _behind(names: Sequence[str], clause: str, text: str) -> str | None:
    """The clause behind the first of the names that the text holds as it is spelt."""
    for name in filter(None, names):
        match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        if match is not None:
            return f"{text[: match.end()]} {clause}{text[match.end() :]}"
    return None
