"""What goes into the fields of a distractor frame: names, and content that agrees with a record or does not."""

class _Filling(NamedTuple):
    """What goes into the fields of a frame."""

    words: dict[str, str]
    elsewhere: tuple[Slot, ...]
    added: tuple[Slot, ...]
    names: tuple[Slot, ...]


    def _filled(
        self,
        kind: FrameKind,
        frame: Frame,
        mr: MeaningRepresentation,
        rng: Random,
        saying: Slot | None,
    ) -> _Filling | None:
        """Names, then what is said elsewhere, then what is said of the subject."""
        names = self._named(kind, frame, mr, rng)
        if names is None or (saying is not None and frame.said is None):
            return None
        words, elsewhere, added, others = names
        about: str | None = None
        if frame.said is not None:
            content = self._elsewhere(kind, frame, mr, rng, saying)
            if content is None:
                return None
            words[frame.said], elsewhere = content.text, content.slots
            about = content.slots[0].name
        if frame.own is not None:
            own = self._own(kind, frame.own, mr, about, elsewhere, rng)
            if own is None:
                return None
            words[OWN + frame.own] = own.text
            new = [slot for slot in own.slots if slot not in (*mr.slots, *added)]
            if any(self._says(slot.name, added) for slot in new):
                return None  # a landmark that the frame names, and another one
            added = (*added, *new)
        return _Filling(words, elsewhere, added, others)

    def _named(
        self, kind: FrameKind, frame: Frame, mr: MeaningRepresentation, rng: Random
    ) -> _Filling | None:
        """The fields that are names; None where the record lacks one or none is known."""
        subject, landmark = self.frames.subject, self.frames.landmark
        words: dict[str, str] = {}
        added: tuple[Slot, ...] = ()
        elsewhere: tuple[Slot, ...] = ()
        others: tuple[Slot, ...] = ()
        near = [v for v in mr.values(landmark) if v] if landmark else []
        for field in frame.fields:
            if field == "subject":
                own = [value for value in mr.values(subject) if value]
                if len(own) != 1:
                    return None
                words[field] = own[0]
            elif field == "landmark" and landmark:
                value = near[0] if near else self._stranger(landmark, mr, rng)
                if value is None:
                    return None
                words[field] = value
                added = () if near else (Slot(landmark, value),)
            elif field in ("other", "stranger"):
                of = kind.about[0] if kind.about else subject
                value = self._stranger(of, mr, rng)
                if field == "other" and near and rng.random() < 0.5:
                    value = near[0]
                if value is None:
                    return None
                words[field] = value
                others = (Slot(of, value),)
                elsewhere = others if kind.about else ()
        return _Filling(words, elsewhere, added, others)

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
        most = 1 if frame.own else kind.max_slots
        content = rng.choice(pool) if pool else None
        if content is None or not self._fits(kind, content, most):
            return None
        said = any(self._says_same(slot, mr.slots) for slot in content.slots)
        return None if said else content

    def _own(
        self,
        kind: FrameKind,
        form: str,
        mr: MeaningRepresentation,
        about: str | None,
        elsewhere: Sequence[Slot],
        rng: Random,
    ) -> Content | None:
        """Content that agrees with the record: about the slot that is said elsewhere, if one is,
        or else about one that the record lacks."""
        new = [name for name in kind.slots if name not in mr.names]
        name = about or rng.choice(new or kind.slots)
        values = [slot for slot in mr.slots if slot.name == name]
        pool = self._store.saying(form, values[0]) if values else self._store.about(form, name)
        content = rng.choice(pool) if pool else None
        if content is None or not self._fits(kind, content, 1):
            return None
        return None if self._says_same(content.slots[0], elsewhere) else content

    def _fits(self, kind: FrameKind, content: Content, most: int) -> bool:
        words = {word.strip(",").casefold() for word in content.text.split()}
        allowed = all(slot.name in kind.slots for slot in content.slots)
        return allowed and len(content.slots) <= most and not words & kind.without

    def _says(self, name: str, slots: Iterable[Slot]) -> bool:
        return any(slot.name == name for slot in slots)

    def _says_same(self, slot: Slot, slots: Iterable[Slot]) -> bool:
        """Whether one of ``slots`` tells a reader the same."""
        merged = self.domain.slot(slot.name).merged
        return any(s.name == slot.name and merged(s.value) == merged(slot.value) for s in slots)

