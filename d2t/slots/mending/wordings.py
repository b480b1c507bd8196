"""The wordings of a value: show them, add one, take one back."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, UsageError, did_you_mean
from d2t.io.atomic import atomic_write_text
from d2t.mr.domain import LexiconFile
from d2t.mr.domain_files import toml_string
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker
from d2t.slots.explain import explain
from d2t.slots.lexicon.pattern import NUMBER, Choice, Node, Sequence, Word

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence as Several
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.slots.lexicon.lexicon import Entry
    from d2t.slots.types import Alignment, Span

_PAIR = re.compile(r"([^=\[\]]+)(?:=(.*)|\[(.*)\])?", re.DOTALL)
_SAYS = re.compile(r"[^\W\d_]|[£$€¥]")  # a letter, or the sign of a price
_HEAD = """\
# Wordings of your own, as a layer above the lexicon of the domain: d2t check --lexicon {name} ...
# `d2t guide domains` describes the file, `d2t lexicon test` tries it.
"""


def parse_target(
    source: str, domain: Domain, *, new: bool = False, need_value: bool = True
) -> tuple[str, str | None]:
    """The slot and value that ``priceRange=cheap``, ``priceRange[cheap]`` or ``priceRange`` names.

    Args:
        source: as a person writes it.
        domain: resolves the names.
        new: the value may be one that nobody lists.
        need_value: a slot alone is refused.

    Raises:
        UsageError: it is no slot and value.
        DomainError: there is no such slot or value; the message suggests one.
    """
    pair = _PAIR.fullmatch(source.strip())
    if pair is None:
        raise UsageError(f"expected SLOT=VALUE, such as priceRange=cheap, found {source[:60]!r}")
    spec = domain.slot(pair[1].strip())
    given = pair[2] if pair[2] is not None else pair[3]
    if given is None:
        if need_value:
            raise UsageError(f"{source[:60]!r} names no value; write {spec.name}=VALUE")
        return spec.name, None
    value = spec.canonical_value(given)
    known = {*spec.values, *(v for slot, v in _worded(domain) if slot == spec.name)}
    listed = new or spec.kind in ("open", "numeric") or value in known
    if not listed and not any("#" in one and _fills(one, value) for one in known):
        near = did_you_mean(value[:60], [one for one in known if one])
        raise DomainError(
            f"{value[:60]!r} is no value of {spec.name}"
            f"{near or '; known values: ' + ', '.join(sorted(known))} "
            "(--new-value, if it is a new one)",
            code="unknown_value",
        )
    return spec.name, value


def _worded(domain: Domain) -> frozenset[tuple[str, str]]:
    return SlotChecker.for_domain(domain).lexicon.worded()


def _fills(template: str, value: str) -> bool:
    """Whether ``value`` is a template of an entry with its numbers filled in."""
    pattern = re.escape(template).replace(r"\#", r"\d+(?:[.,]\d+)?")
    return re.fullmatch(pattern, value) is not None


@dataclass(frozen=True, slots=True)
class Wording:
    """One pattern of an entry.

    Attributes:
        pattern: as the lexicon has it.
        slot: that it says.
        values: of the entry; the first one is meant where the MR holds none of them.
        marks: ``weak``, ``sole``, ``firm``; ``negated``: it says the value when it is denied;
            ``removed``: what it reads does not count.
        where, line: the file and the line.
    """

    pattern: str
    slot: str
    values: tuple[str, ...]
    marks: tuple[str, ...]
    where: str
    line: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "pattern": self.pattern, "slot": self.slot, "values": list(self.values),
            "marks": list(self.marks), "file": self.where, "line": self.line,
        }  # fmt: skip

    def __str__(self) -> str:
        notes = [*self.marks]
        if len(self.values) > 1:
            notes.append("also " + ", ".join(self.values[1:]))
        about = f"  ({'; '.join(notes)})" if notes else ""
        return f"{self.where}:{self.line}: {self.pattern}{about}"


def wordings(domain: Domain, slot: str, value: str | None = None) -> list[Wording]:
    """The wordings of a value, or of all values of a slot; those of the highest layer first."""
    lexicon = SlotChecker.for_domain(domain).lexicon
    found: list[Wording] = []
    for entry in sorted(lexicon.entries, key=lambda entry: entry.rank):
        if entry.slot != slot or not _concerns(entry, value):
            continue
        by_denial = value in entry.negated and value not in entry.values
        marks = {
            "removed": entry.removes,
            "weak": entry.weak,
            "sole": entry.sole,
            "firm": entry.firm,
            "negated": by_denial,
        }
        values = entry.negated if by_denial else entry.values
        if value is not None and value in values:
            values = (value, *(one for one in values if one != value))
        set_marks = tuple(mark for mark, holds in marks.items() if holds)
        for pattern in entry.sources:
            place = lexicon.place(entry, pattern)
            found.append(Wording(pattern, slot, values, set_marks, place.where, place.line))
    return found


def _concerns(entry: Entry, value: str | None) -> bool:
    if value is None or (entry.removes and not entry.values):
        return True
    values = (*entry.values, *entry.negated)
    return value in values or any("#" in one and _fills(one, value) for one in values)


def counts(domain: Domain) -> Counter[tuple[str, str]]:
    """The number of patterns of each slot and value."""
    lexicon = SlotChecker.for_domain(domain).lexicon
    found: Counter[tuple[str, str]] = Counter()
    for entry in lexicon.entries:
        if entry.slot and not entry.removes:
            for value in dict.fromkeys((*entry.values, *entry.negated)):
                found[entry.slot, value] += len(entry.patterns)
    return found


@dataclass(frozen=True, slots=True)
class Block:
    """A table for a lexicon file: an ``[[entry]]``, or a ``[[remove]]``.

    Attributes:
        slot: that the words say, or do not say.
        value: which value; None, of a removal: any.
        say: the words, or patterns.
        weak: see the lexicon.
        new: nobody lists the value.
        removes: what is read in the words today does not count.
        note: a comment above it.
    """

    slot: str
    value: str | None
    say: tuple[str, ...]
    weak: bool = False
    new: bool = False
    removes: bool = False
    note: str = ""

    def toml(self) -> str:
        """The table as it stands in a file."""
        lines = [f"# {' '.join(self.note.split())}"] if self.note else []
        lines += ["[[remove]]" if self.removes else "[[entry]]", f"slot = {toml_string(self.slot)}"]
        if self.value is not None:
            lines.append(f"values = [{toml_string(self.value)}]")
        said = ", ".join(toml_string(words) for words in self.say)
        if len(said) > 80:
            said = "".join(f"\n  {toml_string(words)}," for words in self.say) + "\n"
        lines.append(f"say = [{said}]")
        lines += ["weak = true"] if self.weak else []
        lines += ["new = true"] if self.new else []
        return "\n".join(lines) + "\n"

    def on(self, domain: Domain) -> Domain:
        """The domain with this table as one more layer of its lexicon."""
        text = self.toml()
        file = LexiconFile("the new entry", text, False, tomllib.loads(text))
        return replace(domain, lexicons=(*domain.lexicons, file))


@dataclass(frozen=True, slots=True)
class Trial:
    """What the checker does with a new table.

    Attributes:
        idle: in words, why it changes nothing; empty: it does.
        unread: in words, what would not be read as it says.
        clashes: in words, what is read today and would not be read any more.
    """

    idle: str = ""
    unread: str = ""
    clashes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it may be written."""
        return not (self.idle or self.unread or self.clashes)


def try_block(block: Block, domain: Domain) -> Trial:
    """Try a table on sentences made of its words, before it is written.

    Raises:
        DomainError: a pattern or value is not valid.
    """
    before, after = SlotChecker.for_domain(domain), SlotChecker.for_domain(block.on(domain))
    held = (Slot(block.slot, block.value),) if block.value is not None and not block.removes else ()
    mr = MeaningRepresentation(held, domain.default_dialogue_act)
    clashes: dict[str, None] = {}
    changed = False
    for words in _samples(block.say, after):
        if not _SAYS.search(words):
            return Trial(unread=f"{words!r} holds no word: it would be read in any text")
        for opening, closing in (("", "."), ("And here: ", ", as they say.")):
            text, start = opening + words + closing, len(opening)
            old, new = (one.align(text, mr, strict_numbers=True) for one in (before, after))
            told = _within(old, start, start + len(words), block.slot, block.value)
            tells = _within(new, start, start + len(words), block.slot, block.value)
            if block.removes:
                if tells:
                    return Trial(unread=f"{words!r} is still read as {tells[0].slot}")
                changed = changed or bool(told)
                continue
            if not tells:
                return Trial(unread=_unread(after, new, mr, words))
            changed = changed or not told
            for span, sources in zip(old.spans, explain(before, old, mr), strict=True):
                if span.start >= start + len(words) or span.end <= start:
                    continue
                if span.slot.name == block.slot and span.slot.value == block.value:
                    continue
                if span not in new.spans:
                    said = text[span.start : span.end]
                    clashes[f"{said!r} is read as {span.slot} today ({sources[0]})"] = None
    if not changed:
        what = "are not read so today" if block.removes else "are read so already"
        return Trial(idle=f"these words {what}")
    return Trial(clashes=tuple(clashes))


def _within(alignment: Alignment, start: int, end: int, slot: str, value: str | None) -> list[Span]:
    return [
        span
        for span in alignment.spans
        if span.start < end and span.end > start
        if span.slot.name == slot and value in (None, span.slot.value)
    ]


def _unread(
    checker: SlotChecker, alignment: Alignment, mr: MeaningRepresentation, words: str
) -> str:
    read = [
        f"{alignment.text[span.start : span.end]!r} is read as {span.slot} ({sources[0]})"
        for span, sources in zip(alignment.spans, explain(checker, alignment, mr), strict=True)
    ]
    return f"{words!r} would not be read as it says" + (": " + "; ".join(read) if read else "")


def _samples(patterns: Several[str], checker: SlotChecker) -> Iterable[str]:
    """Words that fit the patterns: of each the first that it allows."""
    for pattern in patterns:
        if re.fullmatch(r"[^\[\](){}|#@<>]+", pattern) and ".." not in pattern:
            yield pattern
            continue
        entry = checker.lexicon.entries
        node = next(
            node
            for one in entry
            for node, source in zip(one.patterns, one.sources, strict=True)
            if source == pattern and one.origin.where == "the new entry"
        )
        yield " ".join(_words(node, checker.domain))


def _words(node: Node, domain: Domain) -> list[str]:
    """The first words that a pattern allows."""
    if isinstance(node, Word):
        if node.text == NUMBER:
            return ["3"]
        if node.text.startswith("\0"):
            slot = domain.slot(node.text[1:])
            return [slot.values[0] if slot.values else "Zanzibar"]
        return [node.text]
    if isinstance(node, Choice):
        ways = [_words(option, domain) for option in node.options]
        return next((way for way in ways if way), [])
    if isinstance(node, Sequence):
        return [word for part in node.parts for word in _words(part, domain)]
    return []


def append(blocks: Iterable[Block], path: Path) -> None:
    """Write tables at the end of a lexicon file, which is made if there is none.

    Raises:
        DataError: the file cannot be written.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD.format(name=path.name)
    if text and not text.endswith("\n"):
        text += "\n"
    atomic_write_text(path, text + "".join("\n" + block.toml() for block in blocks))
