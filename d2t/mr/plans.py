"""Plans that users write: ``area,food,name``, ``area > food | name``, ``area,...``, a JSON list."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from d2t.errors import MRParseError
from d2t.mr.types import Plan, Slot
from d2t.mr.values import check_characters, shorten, unescape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

BREAK = "|"
"""Between two entries: a new sentence starts here."""
REST = "..."
"""As the last entry: a planner orders what the plan does not name."""
OPTIONAL = "?"
"""After an entry: it counts only for MRs that have the slot, so that one plan serves many MRs."""
_MARK = re.compile(r"\\.|[\[\],>|]", re.DOTALL)
_EXAMPLE = "write a plan as area,food,name or area > food | name[Aromi]"


class _Entry(NamedTuple):
    """``name`` or ``name[value]``, both canonical; ``value`` None = whatever the MR holds."""

    name: str
    value: str | None
    optional: bool = False

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}[{self.value}]"


def parse_plan(
    source: str | Sequence[str], mr: MeaningRepresentation, domain: Domain, *, partial: bool = False
) -> Plan:
    """Read the order in which the slots of ``mr`` are to be said.

    Entries are ``slot`` or ``slot[value]``, separated by ``,`` or ``>``; ``|`` separates too and
    starts a new sentence. A bare name stands for all values of that slot which no other entry
    names, in the MR's order; written n times, the first n - 1 stand for one value each. An entry
    with a ``?`` at its end is left out where the MR has no such slot. Without any ``|`` sentences
    are not planned; a final ``|`` plans a single sentence.

    Args:
        source: a text, or a list whose entries are such texts (what ``Plan.labels`` gives).
        mr: the plan must hold each of its slots exactly once.
        domain: resolves spellings of names and values.
        partial: accept the beginning of an order; what it leaves out follows in the MR's order.

    Raises:
        MRParseError: code ``plan_syntax`` (malformed) or ``plan_mismatch`` (slots missing, said
            twice, or not in the MR).
        DomainError: a slot that the domain does not have.
    """
    texts = _entries(source)
    if texts[-1] == REST:
        raise MRParseError(
            f"the plan {shorten(str(source))} ends in {REST} and needs a planner for the other "
            "slots, but no planner is used here; name all slots",
            code="plan_syntax",
        )
    ordered, breaks, extra = _read(texts, mr, domain, escaped=isinstance(source, str))
    planned = set(ordered)
    missing = [slot for slot in mr.slots if slot not in planned]
    if extra or (missing and not partial):
        raise _mismatch(extra, missing, mr)
    ordered += missing
    inner = tuple(at for at in dict.fromkeys(breaks) if 0 < at < len(ordered))
    return Plan(tuple(ordered), inner if breaks else None)


def is_partial(source: str | Sequence[str]) -> bool:
    """Whether the plan ends in ``...``, so that a planner is to finish it."""
    last = source if isinstance(source, str) else source[-1] if source else ""
    return isinstance(last, str) and last.rstrip().endswith(REST)


def parse_prefix(source: str | Sequence[str], mr: MeaningRepresentation, domain: Domain) -> Plan:
    """Read the beginning of an order: a plan as in ``parse_plan`` with ``...`` as last entry.

    Returns:
        The slots that are named. A break directly before ``...`` stands at ``len(slots)``.

    Raises:
        MRParseError: code ``plan_syntax``, or ``plan_mismatch``: a slot said twice or not in the
            MR.
        DomainError: a slot that the domain does not have.
    """
    texts = _entries(source)
    if texts[-1] != REST:
        raise MRParseError(
            f"the beginning of a plan ends in {REST}, found {shorten(str(source))}; write it as "
            f"area,food,{REST}",
            code="plan_syntax",
        )
    ordered, breaks, extra = _read(texts[:-1], mr, domain, escaped=isinstance(source, str))
    if extra:
        raise _mismatch(extra, [], mr, begins=True)
    return Plan(tuple(ordered), tuple(dict.fromkeys(breaks)) if breaks else None)


def plan_as_list(plan: Plan) -> list[str]:
    """The plan's labels, with ``"|"`` where a sentence begins; ``parse_plan`` reads it back.

    A plan of a single sentence ends with ``"|"``, so that it differs from one without sentences.
    """
    labels = plan.labels()
    if plan.breaks is None:
        return labels
    for index in reversed(plan.breaks or (len(labels),)):
        labels.insert(index, "|")
    return labels


def check_plan(source: str, domain: Domain) -> None:
    """See that a plan which is to serve many MRs can be read at all: its syntax and slot names.

    Raises:
        MRParseError: code ``plan_syntax``.
        DomainError: a slot that the domain does not have.
    """
    for text in _entries(source):
        if text not in (BREAK, REST):
            domain.slot(_required(text)[0].partition("[")[0].strip())


def fit_plan(source: str) -> str:
    """A plan for MRs that need not have its slots and may have others.

    Each of its entries becomes optional, and a planner orders the slots that it does not name.
    """
    texts = _entries(source)
    told = [text if text in (BREAK, REST) else _required(text)[0] + OPTIONAL for text in texts]
    if told[-1] != REST:
        told.append(REST)
    joined = ",".join(told)
    return joined.replace(f",{BREAK},", f" {BREAK} ")


def _entries(source: str | Sequence[str]) -> list[str]:
    """The entries and breaks of a plan; ``...`` only at its end."""
    texts = _checked(_split(source) if isinstance(source, str) else _listed(source))
    if REST in texts[:-1]:
        raise MRParseError(
            f"{REST} stands for the other slots and may only be the last entry of a plan, found "
            f"{shorten(str(source))}; write area,food,{REST}",
            code="plan_syntax",
        )
    return texts


def _read(
    texts: list[str], mr: MeaningRepresentation, domain: Domain, *, escaped: bool
) -> tuple[list[Slot], list[int], list[_Entry]]:
    """The slots in the order of the entries, where breaks stand, entries that fit no slot."""
    entries = [None if text == BREAK else _resolve(text, mr, domain, escaped) for text in texts]
    assigned = iter(_assign([entry for entry in entries if entry is not None], mr))
    ordered: list[Slot] = []
    breaks: list[int] = []
    extra: list[_Entry] = []
    for entry in entries:
        if entry is None:
            breaks.append(len(ordered))
            continue
        claimed = next(assigned)
        ordered += claimed
        if not claimed and not entry.optional:
            extra.append(entry)
    return ordered, breaks, extra


def _assign(entries: list[_Entry], mr: MeaningRepresentation) -> list[list[Slot]]:
    """The slots each entry stands for; an empty list marks one that stands for nothing."""
    free = list(mr.slots)
    claimed: dict[int, list[Slot]] = {}
    for index, entry in enumerate(entries):  # entries with a value first: they leave no choice
        if entry.value is not None:
            slot = Slot(entry.name, entry.value)
            claimed[index] = [slot] if slot in free else []
            if slot in free:
                free.remove(slot)
    to_come = Counter(entry.name for entry in entries if entry.value is None)
    for index, entry in enumerate(entries):
        if entry.value is None:
            to_come[entry.name] -= 1
            mine = [slot for slot in free if slot.name == entry.name]
            claimed[index] = mine[:1] if to_come[entry.name] else mine
            free = [slot for slot in free if slot not in claimed[index]]
    return [claimed[index] for index in range(len(entries))]


def _mismatch(
    extra: list[_Entry], missing: list[Slot], mr: MeaningRepresentation, *, begins: bool = False
) -> MRParseError:
    foreign = [
        str(e) for e in extra if e.name not in mr.names or e.value not in (None, *mr.values(e.name))
    ]
    twice = [str(e) for e in extra if str(e) not in foreign]
    parts = [
        f"{what}: {', '.join(dict.fromkeys(names))}"
        for what, names in (
            ("not in the MR", foreign),
            ("twice in the plan", twice),
            ("missing from the plan", [_label(slot, mr) for slot in missing]),
        )
        if names
    ]
    held = ", ".join(_label(slot, mr) for slot in mr.slots)
    return MRParseError(
        f"the plan does not fit the MR ({'; '.join(parts)}); "
        f"{'begin with some of' if begins else 'order exactly'} these slots: {held}",
        code="plan_mismatch",
    )


def _label(slot: Slot, mr: MeaningRepresentation) -> str:
    return slot.name if len(mr.values(slot.name)) == 1 else str(slot)


def _resolve(text: str, mr: MeaningRepresentation, domain: Domain, escaped: bool) -> _Entry:
    text, optional = _required(text)
    name, bracket, rest = text.partition("[")
    spec = domain.slot(name.strip())
    if not bracket:
        return _Entry(spec.name, None, optional)
    if not rest.endswith("]"):
        raise MRParseError(
            f"the plan entry {shorten(text)} is not closed by ']'; {_EXAMPLE}", code="plan_syntax"
        )
    # A text escapes values as an MR does; `Plan.labels` writes them as they are. Try both readings.
    raw = Slot(spec.name, rest[:-1])
    read = Slot(spec.name, spec.canonical_value(unescape(rest[:-1])))
    first, second = (read, raw) if escaped else (raw, read)
    chosen = second if second in mr.slots and first not in mr.slots else first
    return _Entry(chosen.name, chosen.value, optional)


def _required(text: str) -> tuple[str, bool]:
    """An entry without its mark, and whether it had one."""
    if text.endswith(OPTIONAL):
        return text.removesuffix(OPTIONAL).rstrip(), True
    return text, False


def _listed(source: Sequence[str]) -> list[str]:
    texts: list[str] = []
    for entry in source:
        if not isinstance(entry, str) or not entry.strip():
            raise MRParseError(
                f"a plan is a list of slot names, found {shorten(str(entry))}; {_EXAMPLE}",
                code="plan_syntax",
            )
        check_characters(entry, "the plan")
        texts.append(entry.strip())
    return texts


def _split(source: str) -> list[str]:
    """Cut at separators outside brackets; breaks are entries of their own."""
    check_characters(source, "the plan")
    texts: list[str] = []
    depth = start = 0
    for mark in _MARK.finditer(source):
        char = mark[0]
        if char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif depth == 0 and len(char) == 1:
            texts.append(source[start : mark.start()].strip())
            texts += [BREAK] if char == BREAK else []
            start = mark.end()
    if depth:
        raise MRParseError(
            f"brackets do not match in the plan {shorten(source)}; {_EXAMPLE}", code="plan_syntax"
        )
    rest = source[start:].strip()
    if rest or texts[-1:] != [BREAK]:  # nothing after a final break: it ends the last sentence
        texts.append(rest)
    if not all(texts):
        raise MRParseError(
            f"an empty entry in the plan {shorten(source)}: remove the extra separator; {_EXAMPLE}",
            code="plan_syntax",
        )
    return texts


def _checked(texts: list[str]) -> list[str]:
    if not texts:
        raise MRParseError(f"the plan is empty; {_EXAMPLE}", code="plan_syntax")
    if texts[0] == BREAK or any(a == b == BREAK for a, b in pairwise(texts)):
        raise MRParseError(f"the plan has a sentence without slots; {_EXAMPLE}", code="plan_syntax")
    return texts
