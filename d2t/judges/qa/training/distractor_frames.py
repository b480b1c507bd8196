"""A domain's ``distractors.toml``: clauses whose content is not true of a text's subject, as data.

Question-answering models that are trained on references alone take whatever a text says for said of
its subject, by anybody, now. Frames put the words of other references where that is not so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from d2t.errors import DomainError, did_you_mean
from d2t.io.hashing import sha256_json
from d2t.judges.qa.questions import domain_table, require_keys, require_slots, strings
from d2t.mr.types import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from random import Random

    from d2t.mr.domain import Domain

FILE_NAME = "distractors.toml"
FORMS = ("says", "say", "denies", "thing", "has", "with")
"""What a field of content may be; see ``distractor_content``."""
NAMES = ("subject", "other", "stranger", "landmark")
OWN = "own "
"""Begins a field whose content is true of the subject."""
FIELD = re.compile(r"\{([^{}]*)\}")
PART = re.compile(r"<([^<>]*)>")

Place = Literal["sentence", "tail", "head", "aside"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One clause with fields.

    Attributes:
        text: as it is written in the file.
        kind: name of its kind.
        place: where it is put, by its shape: ", tail", "Head,", "(aside)", or else a sentence.
    """

    text: str
    kind: str
    place: Place

    @property
    def fields(self) -> tuple[str, ...]:
        """What stands in braces, in order."""
        return tuple(FIELD.findall(self.text))

    @property
    def said(self) -> str | None:
        """The form of the content that is not true of the subject."""
        return next((name for name in self.fields if name in FORMS), None)

    @property
    def own(self) -> str | None:
        """The form of the content that is."""
        owned = (name.removeprefix(OWN) for name in self.fields if name.startswith(OWN))
        return next(owned, None)

    def spelt(self, parts: Mapping[str, Sequence[str]], rng: Random) -> Frame:
        """The frame with a wording of each part; a part that comes twice is drawn twice."""
        return replace(self, text=PART.sub(lambda match: rng.choice(parts[match[1]]), self.text))


@dataclass(frozen=True, slots=True)
class FrameKind:
    """Frames that mislead in one way.

    Attributes:
        slots: what their fields may be about.
        about: the slots that frames without such a field are about.
        without: words, in small letters, that their fields may not hold.
        max_slots: that a field may say at once; one that is set beside an own one says one.
        frames, held_out: to train on, and never to train on.
    """

    name: str
    slots: tuple[str, ...]
    about: tuple[str, ...]
    without: frozenset[str]
    max_slots: int
    frames: tuple[Frame, ...]
    held_out: tuple[Frame, ...]


@dataclass(frozen=True)
class FrameSet:
    """All frames of a domain.

    Attributes:
        kinds: by name.
        subject: the slot that names what a text is about.
        landmark: the slot of another place, which frames may speak of; None: there is none.
        parts: wordings of what stands in angle brackets, by name.
        written: content from English and not from references: phrases by the slot they say.
        source: the content of the file.
    """

    kinds: dict[str, FrameKind]
    subject: str
    landmark: str | None
    parts: dict[str, tuple[str, ...]]
    written: dict[Slot, tuple[str, ...]]
    source: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, for manifests."""
        return sha256_json(self.source)


def load_frames(domain: Domain, folder: Path | None = None) -> FrameSet | None:
    """The frames of a domain, from its folder or another one; None where it has no such file.

    Raises:
        DomainError: the file is not valid.
    """
    path, raw = domain_table(domain, folder, FILE_NAME)
    return None if raw is None else frames_from_dict(raw, domain, where=path)


def frames_from_dict(raw: dict[str, Any], domain: Domain, *, where: str = FILE_NAME) -> FrameSet:
    """Build and validate frames.

    Raises:
        DomainError: a key, slot or field is unknown, a kind has no frames, or a frame comes twice.
    """
    require_keys(raw, {"subject", "landmark", "kinds", "parts", "content"}, where)
    subject, landmark, tables = raw.get("subject"), raw.get("landmark"), raw.get("kinds")
    if not isinstance(subject, str) or not isinstance(tables, dict) or not tables:
        raise DomainError(f"{where}: expected a slot as 'subject' and a table [kinds.NAME] a kind")
    require_slots([subject, *([] if landmark is None else [landmark])], domain, f"{where}:")
    names = NAMES if landmark else NAMES[:-1]
    parts = _parts(raw.get("parts", {}), names, f"{where}: [parts]")
    kinds = {
        name: _kind(name, table, domain, subject, names, parts, f"{where}: [kinds.{name}]")
        for name, table in tables.items()
    }
    seen: set[str] = set()
    for kind in kinds.values():
        for frame in (*kind.frames, *kind.held_out):
            if frame.text.casefold() in seen:
                raise DomainError(f"{where}: {frame.text!r} is there twice")
            seen.add(frame.text.casefold())
    written = _written(raw.get("content", {}), domain, f"{where}: [content]")
    return FrameSet(kinds, subject, landmark, parts, written, raw)


def _parts(table: Any, names: tuple[str, ...], where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise DomainError(f"{where} must be a table of lists")
    found = {name: strings(table, name, where) for name in table}
    for name, wordings in found.items():
        if not wordings:
            raise DomainError(f"{where}: {name!r} has no wordings")
        for text in wordings:
            if PART.search(text) or any(field not in names for field in FIELD.findall(text)):
                raise DomainError(
                    f"{where}: {text!r}: a part holds no other parts, and of the fields only "
                    + ", ".join(f"{{{field}}}" for field in names)
                )
    return found


def _written(table: Any, domain: Domain, where: str) -> dict[Slot, tuple[str, ...]]:
    if not isinstance(table, dict) or not all(isinstance(v, dict) for v in table.values()):
        raise DomainError(f'{where}: expected [content.SLOT] with VALUE = ["a phrase", ...]')
    require_slots(list(table), domain, f"{where}:")
    return {
        Slot(slot, value): strings(values, value, f"{where}: {slot}")
        for slot, values in table.items()
        for value in values
    }


def _kind(
    name: str,
    table: Any,
    domain: Domain,
    subject: str,
    names: tuple[str, ...],
    parts: dict[str, tuple[str, ...]],
    where: str,
) -> FrameKind:
    if not isinstance(table, dict):
        raise DomainError(f"{where} must be a table with 'frames'")
    require_keys(table, {"slots", "about", "without", "max_slots", "frames", "held_out"}, where)
    usual = [slot for slot in domain.slot_names if slot != subject]
    slots, about = strings(table, "slots", where, usual), strings(table, "about", where)
    require_slots([*slots, *about], domain, f"{where}:")
    most = table.get("max_slots", 1)
    if type(most) is not int or most < 1:
        raise DomainError(f"{where}: max_slots must be a whole number above 0")
    frames, held_out = (
        tuple(
            _frame(text, name, names, parts, bool(about), where)
            for text in strings(table, key, where)
        )
        for key in ("frames", "held_out")
    )
    if not frames:
        raise DomainError(f"{where}: no frames to train on; add a list 'frames'")
    without = frozenset(word.casefold() for word in strings(table, "without", where))
    return FrameKind(name, slots, about, without, most, frames, held_out)


def _frame(
    text: str,
    kind: str,
    names: tuple[str, ...],
    parts: dict[str, tuple[str, ...]],
    about: bool,
    where: str,
) -> Frame:
    for part in PART.findall(text):
        if part not in parts:
            raise DomainError(
                f"{where}: {text!r}: unknown part <{part}>{did_you_mean(part, parts)}"
            )
    fields = FIELD.findall(text)
    unknown = [f for f in fields if f not in names and f.removeprefix(OWN) not in FORMS]
    if unknown:
        near = did_you_mean(unknown[0], (*names, *FORMS))
        raise DomainError(f"{where}: {text!r}: unknown field {{{unknown[0]}}}{near}")
    content = [f for f in fields if f in FORMS]
    own = [f for f in fields if f.startswith(OWN)]
    if len(content) > 1 or len(own) > 1 or about == bool(content or own):
        raise DomainError(
            f"{where}: {text!r}: expected one field of content, and at most one beside it that "
            "begins with 'own'; or none at all in a kind that has 'about'"
        )
    return Frame(text, kind, _place(text, where))


def _place(text: str, where: str) -> Place:
    if text.startswith(","):
        return "tail"
    if text.endswith(","):
        return "head"
    if text.startswith("(") and text.endswith(")"):
        return "aside"
    if not text.endswith((".", "!")):
        raise DomainError(
            f"{where}: the frame {text!r} must end a sentence, begin or end with a comma, or stand "
            "in parentheses"
        )
    return "sentence"
