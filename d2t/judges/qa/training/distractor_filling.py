"""What goes into the fields of a distractor frame: names, and content, true or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.judges.qa.entities import fold_value
from d2t.judges.qa.training.distractor_frames import OWN
from d2t.mr.types import Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.judges.qa.training.distractor_content import Content, ContentStore
    from d2t.judges.qa.training.distractor_frames import Frame, FrameKind, FrameSet
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

_LANDMARK_IS_OTHER = 0.5
"""Chance that ``{other}`` is the record's own landmark, where it has one."""


class Filling(NamedTuple):
    """The words of each field, and what they say; see ``Distracted`` for the slots."""

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
