"""Composed pairs: MRs with values of the world, and texts that the domain's frames give them.

A record's values come from ``world.toml`` of the domain or from the domain's own lists, its order
is random or that of a plain description, and its text is one of the best that the composer finds.
The slot checker must read in it what was composed, else the pair is left out and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.corpus.records import example_to_record
from d2t.corpus.types import Example
from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.language.frames.compose import compose, natural_orders
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path
    from random import Random

    from d2t.language.frames.compose import Composed, Style
    from d2t.language.frames.frames import Frames
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker

WORLD = "world.toml"
_STYLES: tuple[Style, ...] = ("auto", "auto", "brief", "full")
_PART = re.compile(r"\{(\w+)\}")
_SEVERAL = frozenset({"categorical", "list", "open"})  # kinds of slots that may have two values
_WORDINGS = 8  # texts of a record that one is drawn from


@dataclass(frozen=True)
class WorldSlot:
    """Values of a slot: some as they are, some made from patterns with the chance ``share``."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True)
class World:
    """Values that a domain's corpora never had (``world.toml``)."""

    slots: Mapping[str, WorldSlot] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def draw(self, name: str, rng: Random) -> str | None:
        """A value of the slot, or None where the world has none."""
        slot = self.slots.get(name)
        if slot is None:
            return None
        if slot.patterns and (not slot.values or rng.random() < slot.share):
            pattern = rng.choice(slot.patterns)
            return _PART.sub(lambda part: rng.choice(self.parts[part[1]]), pattern)
        return rng.choice(slot.values)


def load_world(path: Path, domain: Domain) -> World:
    """Read a ``world.toml``.

    Raises:
        DomainError: the file cannot be read, or does not fit the domain.
    """
    try:
        raw, _ = read_toml(path)
        parts = {name: _strings(values) for name, values in raw.get("parts", {}).items()}
        slots = {
            domain.slot(name).name: WorldSlot(
                _strings(table.get("values", [])),
                _strings(table.get("patterns", [])),
                float(table.get("share", 0.5)),
            )
            for name, table in raw.get("slots", {}).items()
        }
    except (FileFault, AttributeError, TypeError, ValueError) as error:
        raise DomainError(f"{path}: cannot read the values of the world: {error}") from error
    for name, slot in slots.items():
        if not slot.values and not slot.patterns:
            raise DomainError(f"{path}: [slots.{name}] has neither values nor patterns")
        for part in {part for pattern in slot.patterns for part in _PART.findall(pattern)}:
            if not parts.get(part):
                hint = did_you_mean(part, parts)
                raise DomainError(f"{path}: [parts] has no list {part!r} for [slots.{name}]{hint}")
    return World(slots, parts)


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise TypeError("expected lists of strings")
    return tuple(values)


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """Which pairs are composed.

    Attributes:
        pairs: how many are tried; those that the checker does not read as composed are left out.
        listed: chance of each value to be one that the domain lists, where it lists some.
        natural: chance of a record to have the order of a plain description; else it is random.
        second: chance of a second value, of slots that can have two and are not the name.
        fewest, most: slots of a record.
        seed: of all choices.
    """

    pairs: int = 1000
    listed: float = 0.3
    natural: float = 0.3
    second: float = 0.04
    fewest: int = 1
    most: int = 8
    seed: int = 0


def composed_pairs(
    domain: Domain,
    frames: Frames,
    world: World,
    options: ComposeOptions,
    *,
    checker: SlotChecker | None = None,
    held_out: Collection[object] = (),
    counts: Counter[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """The records ``{id, mr, references, plan, breaks, spans}`` of composed pairs.

    Args:
        domain: of the records.
        frames: how values stand in clauses.
        world: values beside those that the domain lists.
        options: how many and which.
        checker: reads every text; None leaves no pair out.
        held_out: keys of MRs (``MeaningRepresentation.key``) that must not occur.
        counts: gets the number of pairs ``written``, and of those left out by reason.
    """
    counts = Counter() if counts is None else counts
    for number in range(options.pairs):
        rng = derived_rng(options.seed, "compose", number)
        mr = _draw_mr(domain, frames, world, options, rng)
        if mr.key() in held_out:
            counts["held_out"] += 1
            continue
        if rng.random() < options.natural:
            plan = rng.choice(natural_orders(mr, frames, domain.slot_names))
        else:
            plan = Plan(tuple(rng.sample(mr.slots, len(mr.slots))))
        style = rng.choice(_STYLES)
        texts = compose(mr, frames, plan, n=_WORDINGS, seed=1 + number, style=style)
        if not texts:
            counts["no_text"] += 1
            continue
        text = _draw_text(texts, rng)
        if checker is not None and not _is_read(text, mr, checker):
            counts["misread"] += 1
            continue
        counts["written"] += 1
        example = Example(f"composed-{options.seed}-{number}", mr, (text.text,), text.plan)
        spans = [span.as_dict() for span in text.spans]
        yield {**example_to_record(example, domain), "spans": spans, "made_by": "compose"}


def _draw_mr(
    domain: Domain, frames: Frames, world: World, options: ComposeOptions, rng: Random
) -> MeaningRepresentation:
    names = [n for n in domain.slot_names if n in frames.tables or n in (frames.name, frames.head)]
    most = min(options.most, len(names))
    size = max(rng.randint(options.fewest, most), rng.randint(options.fewest, most))
    chosen = rng.sample(names, size)
    if frames.name and frames.name not in chosen and rng.random() < 0.9:
        chosen[rng.randrange(size)] = frames.name
    slots: list[Slot] = []
    for name in domain.slot_names:
        if name not in chosen:
            continue
        several = name != frames.name and domain.slot(name).kind in _SEVERAL
        values = 2 if several and rng.random() < options.second else 1
        for _ in range(values):
            slot = Slot(name, _draw_value(domain, frames, world, name, options, rng))
            if slot.value and slot not in slots:
                slots.append(slot)
    return MeaningRepresentation(tuple(slots), domain.default_dialogue_act)


def _draw_value(
    domain: Domain, frames: Frames, world: World, name: str, options: ComposeOptions, rng: Random
) -> str:
    spec = domain.slot(name)
    listed = spec.values or (("yes", "no") if spec.kind == "boolean" else ())
    new = world.draw(name, rng)
    if new is None or (listed and rng.random() < options.listed):
        return rng.choice(listed) if listed else new or ""
    return spec.canonical_value(new)


def _draw_text(texts: list[Composed], rng: Random) -> Composed:
    """One of the texts; the better it reads, the likelier it is."""
    best = texts[0].cost
    weights = [2.0 ** (-4.0 * (text.cost - best)) for text in texts]
    return rng.choices(texts, weights)[0]


def _is_read(text: Composed, mr: MeaningRepresentation, checker: SlotChecker) -> bool:
    report = checker.check(text.text, mr, strict_numbers=True)
    said = report.alignment.plan()
    return report.ok and not report.unsupported and said.slots == text.plan.slots
