"""Wordings that a lexicon lacks, found in texts whose right MR is known.

A text whose right MR holds a value that the checker does not read says it in words that the checker
does not know. So its unread words are searched for n-grams that stand in texts with the value, and
in no others. The words of readings that are wrong again and again are proposed to be taken back.
What would make the reading of any given text worse is not proposed.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from d2t.mr.domain import LexiconFile
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker
from d2t.slots.mending.wordings import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.slots.types import Alignment

MAX_WORDS = 6
"""Words of a proposed wording."""
_EXAMPLES = 3
_HANDFUL = 10
_SURE = 3
"""From this many texts on, and two words with content, a wording is not proposed as weak."""
_PLAIN = re.compile(r"\w[\w']*")
# Words that a wording neither begins nor ends with, and which alone say nothing.
_FUNCTION_WORDS = """
a an the this that these those it its is are was were be been being am has have had do does did will
would can could may might shall should must you your we our they their he she i my me us them and or
but so as at by for from in into of on onto to up with than then there here where when which who
whose what how if while because very really quite just also too both all any some such not no nor
about around over under out off s t re ve ll d m
"""
_FUNCTION = frozenset(_FUNCTION_WORDS.split())
# With these a wording may begin: "for a song", "without breaking the bank", "on a shoestring".
_OPENING = frozenset({"for", "on", "in", "at", "by", "no", "not", "from", "under", "over", "to"})


@dataclass(frozen=True)
class Lesson:
    """A text and the MR that says what it says.

    ``mr``: what it was made from, where that is another one.
    """

    text: str
    right: MeaningRepresentation
    mr: MeaningRepresentation | None = None


@dataclass(frozen=True)
class Proposal:
    """Words that should say a value, or that should not.

    Attributes:
        block: the table for the lexicon.
        count: texts that it puts right.
        seen: texts that hold the words, and ``fitting``: those of them whose MR has the value (of a
            removal: has it not).
        examples: of the texts that it puts right.
    """

    block: Block
    count: int
    seen: int
    fitting: int
    examples: tuple[str, ...]

    @property
    def precision(self) -> float:
        """The share of texts with the words whose MR agrees."""
        return self.fitting / self.seen if self.seen else 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "slot": self.block.slot, "value": self.block.value, "say": list(self.block.say),
            "remove": self.block.removes, "count": self.count, "seen": self.seen,
            "fitting": self.fitting, "examples": list(self.examples),
        }  # fmt: skip

    def __str__(self) -> str:
        block = self.block
        about = block.slot if block.value is None else f"{block.slot}[{block.value}]"
        verb = "does not say" if block.removes else "says"
        verb = "weakly says" if block.weak else verb
        return (
            f"{block.say[0]!r} {verb} {about}: puts {self.count} of the texts right; "
            f"{self.fitting} of {self.seen} texts with these words agree"
        )


@dataclass
class _Read:
    """A lesson as the checker reads it."""

    lesson: Lesson
    alignment: Alignment
    missing: frozenset[Slot]
    over: frozenset[Slot]
    words: list[str]
    free: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class _Key:
    slot: Slot
    words: tuple[str, ...]


def lesson_from_record(record: Record, domain: Domain) -> Lesson:
    """A record with a ``text`` and its right MR: ``gold``, or ``mr`` where there is no ``gold``.

    Raises:
        D2TError: the record has neither, or one of them cannot be read.
    """
    if record.error is not None:
        raise record.error
    gold = record.fields.get("gold")
    if gold is None:
        return Lesson(record.require_text(), record.require_mr())
    right = parse_mr(gold, domain) if gold else MeaningRepresentation(())
    return Lesson(record.require_text(), right, record.mr)


def teach(lessons: Iterable[Lesson], domain: Domain, *, min_count: int = 2) -> list[Proposal]:
    """Wordings for what the checker does not read, and removals of what it reads wrongly.

    Args:
        lessons: texts with their right MRs; what is unread in one of them is looked for in all.
        domain: with the layers of its lexicon that are there already.
        min_count: texts that a proposal must put right. With 1, words that stand in a single text
            are proposed too: many of them need a person who looks at them.

    Returns:
        The proposals, best supported first; none makes the reading of a lesson worse.
    """
    checker = SlotChecker.for_domain(domain)
    reads = [_read(lesson, checker) for lesson in lessons]
    listed = [(spec.name, value) for spec in domain.slots for value in spec.values]
    worded = [*listed, *checker.lexicon.worded()]
    proposals = [*_wordings(reads, min_count, worded), *_removals(reads, min_count, checker)]
    return _harmless(proposals, reads, domain)


def n_right(lessons: Sequence[Lesson], domain: Domain) -> int:
    """How many of the texts are read exactly as their MR says."""
    checker = SlotChecker.for_domain(domain)
    return sum(not (one.missing or one.over) for one in (_read(les, checker) for les in lessons))


def _read(lesson: Lesson, checker: SlotChecker) -> _Read:
    """What is read, what is not, and which words are free for a reading of their own."""
    alignment = checker.align(lesson.text, lesson.mr or lesson.right, strict_numbers=True)
    merged = checker.merged
    said = {merged(span.slot) for span in alignment.spans}
    right = {merged(slot) for slot in lesson.right.slots}
    closed = [slot for slot in lesson.right.slots if _is_taught(slot, checker.domain)]
    missing = frozenset(slot for slot in closed if merged(slot) not in said)
    over = frozenset(span.slot for span in alignment.spans if merged(span.slot) not in right)
    tokens = checker.lexicon.tokenizer(lesson.text)
    taken = [(span.start, span.end) for span in alignment.spans]
    free = [
        not any(start < last and end > first for first, last in taken)
        and _PLAIN.fullmatch(word) is not None
        for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True)
    ]
    return _Read(lesson, alignment, missing, over, list(tokens.words), free)


def _is_taught(slot: Slot, domain: Domain) -> bool:
    """Whether its wordings are learnt: names are written out, and figures have a grammar."""
    return domain.slot(slot.name).kind != "open" and not re.search(r"\d", slot.value)


def _grams(read: _Read) -> set[tuple[str, ...]]:
    """The n-grams of free words that may be wordings."""
    grams: set[tuple[str, ...]] = set()
    words, free = read.words, read.free
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + MAX_WORDS) + 1):
            if not free[end - 1]:
                break
            gram = tuple(words[start:end])
            if _may_say(gram):
                grams.add(gram)
    return grams


def _may_say(gram: tuple[str, ...]) -> bool:
    first, last = gram[0], gram[-1]
    if last in _FUNCTION or (first in _FUNCTION and (first not in _OPENING or len(gram) < 3)):
        return False
    return sum(len(word) for word in gram if word not in _FUNCTION) >= 4


def _wordings(
    reads: Sequence[_Read], min_count: int, worded: Iterable[tuple[str, str]]
) -> list[Proposal]:
    """For each value that is not read, the words that are associated with it."""
    grams = {at: _grams(read) for at, read in enumerate(reads) if read.missing}
    possible = {gram for found in grams.values() for gram in found}
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, read in enumerate(reads):
        for gram in (grams[at] if at in grams else _grams(read)) & possible:
            holders[gram].append(at)
    rates: Counter[Slot] = Counter(slot for read in reads for slot in set(read.lesson.right.slots))
    wanted = {(at, slot) for at, read in enumerate(reads) for slot in read.missing}
    candidates: dict[_Key, list[int]] = {}
    for at, slot in sorted(wanted, key=lambda pair: (pair[0], str(pair[1]))):
        for gram in grams[at]:
            candidates.setdefault(_Key(slot, gram), []).append(at)
    scored: list[tuple[tuple[float, ...], _Key]] = []
    for key, texts in candidates.items():
        held = holders[key.words]
        fitting = [at for at in held if key.slot in reads[at].lesson.right.slots]
        # How likely a text fits by accident; of a handful nobody can tell.
        chance = min(0.5, rates[key.slot] / len(reads)) if len(reads) >= _HANDFUL else 0.0
        if len(texts) < min_count or len(fitting) < len(held) or chance ** len(held) > 0.3:
            continue
        content = [word for word in key.words if word not in _FUNCTION]
        rare = sum(1.0 / len(holders.get((word,), held)) for word in content) / len(content)
        scored.append(((len(texts), rare, len(content), -len(key.words)), key))
    scored.sort(key=lambda pair: (*(-part for part in pair[0]), pair[1].words))
    known: defaultdict[str, set[str]] = defaultdict(set)
    for name, value in worded:
        known[name].add(value)
    proposals: list[Proposal] = []
    for _, key in scored:
        texts = [at for at in candidates[key] if (at, key.slot) in wanted]
        if len(texts) < min_count:
            continue
        wanted -= {(at, key.slot) for at in texts}
        held = holders[key.words]
        examples = tuple(reads[at].lesson.text for at in texts[:_EXAMPLES])
        slot = key.slot
        content = [word for word in key.words if word not in _FUNCTION]
        block = Block(
            slot.name,
            slot.value,
            (" ".join(key.words),),
            weak=len(texts) < _SURE or len(content) < 2,
            new=slot.value not in known[slot.name],
        )
        proposals.append(Proposal(block, len(texts), len(held), len(held), examples))
    return proposals


def _removals(reads: Sequence[_Read], min_count: int, checker: SlotChecker) -> list[Proposal]:
    """Words that are read as a value again and again where the MR does not hold it."""
    wrong: defaultdict[tuple[Slot, str], list[int]] = defaultdict(list)
    right: Counter[tuple[str, str]] = Counter()
    for at, read in enumerate(reads):
        for span in read.alignment.spans:
            if not _is_taught(span.slot, checker.domain):
                continue
            text = read.lesson.text[span.start : span.end]
            words = " ".join(checker.lexicon.tokenizer.words(text))
            if span.slot not in read.over:
                right[span.slot.name, words] += 1
            elif at not in wrong[span.slot, words]:
                wrong[span.slot, words].append(at)
    proposals: list[Proposal] = []
    for (slot, words), texts in wrong.items():
        plain = all(_PLAIN.fullmatch(word) for word in words.split())
        if len(texts) < max(2, min_count) or right[slot.name, words] or not plain:
            continue
        examples = tuple(reads[at].lesson.text for at in texts[:_EXAMPLES])
        block = Block(slot.name, slot.value, (words,), removes=True)
        proposals.append(Proposal(block, len(texts), len(texts), len(texts), examples))
    return sorted(proposals, key=lambda one: (-one.count, one.block.say))


def _harmless(proposals: list[Proposal], reads: Sequence[_Read], domain: Domain) -> list[Proposal]:
    """The proposals that change readings, and change them for the better only."""
    while proposals:
        taught = with_blocks(domain, [one.block for one in proposals])
        checker = SlotChecker.for_domain(taught)
        helped: Counter[int] = Counter()
        harmed: set[int] = set()
        for before in reads:
            after = _read(before.lesson, checker)
            n_before = len(before.missing) + len(before.over)
            n_after = len(after.missing) + len(after.over)
            if after.alignment.spans == before.alignment.spans:
                continue
            behind = [
                at
                for at, one in enumerate(proposals)
                if _stands_in(one.block.say[0].split(), before.words)
            ]
            if n_after < n_before and not after.over - before.over:
                helped.update(behind)
            elif n_after > n_before or after.over - before.over:
                harmed.update(behind)
        kept = [
            replace(one, count=helped[at])
            for at, one in enumerate(proposals)
            if at not in harmed and helped[at]
        ]
        if len(kept) == len(proposals):
            return sorted(kept, key=lambda one: -one.count)
        proposals = kept
    return []


def _stands_in(words: list[str], text: list[str]) -> bool:
    size = len(words)
    return any(text[at : at + size] == words for at in range(len(text) - size + 1))


def with_blocks(domain: Domain, blocks: Sequence[Block]) -> Domain:
    """The domain with these tables as one more layer of its lexicon."""
    text = "".join(block.toml() for block in blocks)
    file = LexiconFile("the new entries", text, False, tomllib.loads(text))
    return replace(domain, lexicons=(*domain.lexicons, file))
