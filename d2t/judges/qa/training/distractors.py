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
from d2t.judges.qa.entities import fold_value
from d2t.judges.qa.training.distractor_content import ContentStore
from d2t.judges.qa.training.distractor_frames import OWN
from d2t.mr.types import MeaningRepresentation, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.judges.qa.training.distractor_content import Content
    from d2t.judges.qa.training.distractor_frames import Frame, FrameKind, FrameSet
    from d2t.mr.domain import Domain


_LANDMARK_IS_OTHER = 0.5
"""Chance that ``{other}`` is the record's own landmark, where it has one."""


class Filling(NamedTuple):
    """The words of each field, and what they say; see ``DistractedText`` for the slots."""

    words: dict[str, str]
    elsewhere: tuple[Slot, ...] = ()
    own: tuple[Slot, ...] = ()
    names: tuple[Slot, ...] = ()


class Filler:
    """Fills frames from a store of content and the names of a corpus.

    Content that is not true of the subject says nothing that the record says; content that is says
    the record's own value, or one of a slot that the record lacks. Where a frame has both, they are
    about one slot.
    """

    def __init__(
        self,
        frames: FrameSet,
        store: ContentStore,
        domain: Domain,
        mrs: Iterable[MeaningRepresentation],
    ) -> None:
        self.frames, self.domain, self._store = frames, domain, store
        seen: dict[str, dict[str, None]] = {}
        for mr in mrs:
            for slot in mr.slots:
                if slot.value and domain.slot(slot.name).kind == "open":
                    seen.setdefault(slot.name, {}).setdefault(slot.value)
        self._known = {name: list(values) for name, values in seen.items()}

    def fill(
        self,
        kind: FrameKind,
        frame: Frame,
        mr: MeaningRepresentation,
        rng: Random,
        saying: Slot | None = None,
    ) -> Filling | None:
        """One draw; None where it fits not.

        Args:
            kind: of the frame.
            frame: with the fields.
            mr: what the text says.
            rng: the source of chance.
            saying: what the content that is not true shall say; None: anything.
        """
        if saying is not None and frame.said is None:
            return None
        names = self._named(kind, frame, mr, rng)
        if names is None:
            return None
        words, elsewhere, said, others = names
        about = None
        if frame.said is not None:
            content = self._elsewhere(kind, frame, mr, rng, saying)
            if content is None:
                return None
            words[frame.said], elsewhere = content.text, content.slots
            about = content.slots[0].name
        if frame.own is not None:
            own = self._own(kind, frame.own, mr, about, rng)
            if own is None or self._says_same(own.slots[0], elsewhere):
                return None
            words[OWN + frame.own] = own.text
            if any(slot.name == s.name and slot != s for slot in own.slots for s in said):
                return None  # one landmark that the frame names, and another one
            said = tuple(dict.fromkeys((*said, *own.slots)))
        return Filling(words, elsewhere, said, others)

    def _named(
        self, kind: FrameKind, frame: Frame, mr: MeaningRepresentation, rng: Random
    ) -> Filling | None:
        """The fields that are names; None where the record lacks one or none is known."""
        words: dict[str, str] = {}
        found = Filling(words)
        for field in frame.fields:
            value: str | None = None
            if field == "subject":
                value = _only(mr.values(self.frames.subject))
            elif field == "landmark" and self.frames.landmark:
                value, found = self._landmark(self.frames.landmark, mr, rng, found)
            elif field in ("other", "stranger"):
                value, found = self._other(kind, field, mr, rng, found)
            else:
                continue
            if value is None:
                return None
            words[field] = value
        return found

    def _landmark(
        self, name: str, mr: MeaningRepresentation, rng: Random, found: Filling
    ) -> tuple[str | None, Filling]:
        """The record's, or one that it has from now on."""
        own = next((value for value in mr.values(name) if value), None)
        value = own or self._stranger(name, mr, rng)
        if value is not None:
            found = found._replace(own=(Slot(name, value),))
        return value, found

    def _other(
        self, kind: FrameKind, field: str, mr: MeaningRepresentation, rng: Random, found: Filling
    ) -> tuple[str | None, Filling]:
        """Another place; what the frame is about, if it is about names."""
        name = kind.about[0] if kind.about else self.frames.subject
        value = self._stranger(name, mr, rng)
        landmarks = [v for v in mr.values(self.frames.landmark or "") if v]
        if field == "other" and landmarks and rng.random() < _LANDMARK_IS_OTHER:
            value = landmarks[0]
        if value is not None:
            slots = (Slot(name, value),)
            found = found._replace(names=slots, elsewhere=slots if kind.about else ())
        return value, found

    def _stranger(self, name: str, mr: MeaningRepresentation, rng: Random) -> str | None:
        """A value of an open slot that the record does not mention."""
        own = {fold_value(slot.value) for slot in mr.slots}
        left = [value for value in self._known.get(name, ()) if fold_value(value) not in own]
        return rng.choice(left) if left else None

    def _elsewhere(
        self,
        kind: FrameKind,
        frame: Frame,
        mr: MeaningRepresentation,
        rng: Random,
        saying: Slot | None,
    ) -> Content | None:
        """Content that the record does not say."""
        form = frame.said or ""
        if saying is not None:
            pool = self._store.saying(form, saying) if saying.name in kind.slots else ()
        else:
            pool = self._store.about(form, rng.choice(kind.slots))
        content = rng.choice(pool) if pool else None
        if content is None or not _fits(kind, content, 1 if frame.own else kind.max_slots):
            return None
        return None if any(self._says_same(s, mr.slots) for s in content.slots) else content

    def _own(
        self, kind: FrameKind, form: str, mr: MeaningRepresentation, about: str | None, rng: Random
    ) -> Content | None:
        """Content that agrees with the record, about ``about`` or else a slot that it lacks."""
        new = [name for name in kind.slots if name not in mr.names]
        name = about or rng.choice(new or kind.slots)
        said = next((slot for slot in mr.slots if slot.name == name), None)
        pool = self._store.saying(form, said) if said else self._store.about(form, name)
        content = rng.choice(pool) if pool else None
        return content if content is not None and _fits(kind, content, 1) else None

    def _says_same(self, slot: Slot, slots: Iterable[Slot]) -> bool:
        """Whether one of ``slots`` tells a reader the same."""
        merged = self.domain.slot(slot.name).merged
        return any(s.name == slot.name and merged(s.value) == merged(slot.value) for s in slots)


def _fits(kind: FrameKind, content: Content, most: int) -> bool:
    words = {word.strip(",").casefold() for word in content.text.split()}
    allowed = all(slot.name in kind.slots for slot in content.slots)
    return allowed and len(content.slots) <= most and not words & kind.without


def _only(values: Sequence[str]) -> str | None:
    """The value of a slot that has exactly one."""
    return values[0] if len(values) == 1 and values[0] else None


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
