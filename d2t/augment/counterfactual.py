"""Counterfactual pairs: an MR, a plan that contradicts it, and an utterance of that plan.

SCOTT's student (rules F3.2, F5.6) learns from them to say what its plan says, whatever
the MR is. The utterance is true to its plan: the checker must read the plan in it exactly, slots,
order and sentences. Such a pair is no augmentation: learnt as an ordinary one it would teach lies,
so its ``kind`` is ``counterfactual``, which ordinary training refuses.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, get_args

from d2t.corpus.records import example_to_record
from d2t.language.delex import Bindings, delexicalize, maskable, relexicalize
from d2t.language.symbols import placeholder
from d2t.language.template import template_words
from d2t.mr.types import MeaningRepresentation
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan, Slot
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment

    _Maker = Callable[[Example, Alignment, Random], Iterable[Example]]


_BORDER = ""


class ValueFrames:
    """Which words have stood before and after each verbatim closed value of a corpus.

    A value is put into a text only between words that it has stood between: "a moderate price" is
    no place for "£20-25". "a" and "an" are one word, since the article follows its value.
    """

    def __init__(self, aligned: Iterable[tuple[Example, Alignment]], domain: Domain) -> None:
        """Read references and their alignments."""
        self._domain = domain
        self._before: dict[Slot, set[str]] = defaultdict(set)
        self._after: dict[Slot, set[str]] = defaultdict(set)
        for example, alignment in aligned:
            for slot in maskable(alignment, example.mr, domain):
                for before, after in _frames(_template(alignment, slot), slot):
                    self._before[slot].add(before)
                    self._after[slot].add(after)
        self._values: dict[str, list[Slot]] = defaultdict(list)
        for slot in sorted(self._before):
            self._values[slot.name].append(slot)

    def replaced(self, example: Example, alignment: Alignment, rng: Random) -> Iterator[Example]:
        """The example with one closed value replaced in text and plan, its MR as it is.

        Each candidate in an order drawn by ``rng``; the id stays. Whether the checker reads them as
        they are meant is the caller's to see.
        """
        plan = example.plan
        if plan is None:
            return
        candidates = [
            (slot, other)
            for slot in maskable(alignment, example.mr, self._domain)
            for other in self._others(example, slot)
        ]
        rng.shuffle(candidates)
        for slot, other in candidates:
            template = _template(alignment, slot)
            if all(
                before in self._before[other] and after in self._after[other]
                for before, after in _frames(template, slot)
            ):
                text = relexicalize(template, Bindings({placeholder(slot.name): other.value}))
                slots = tuple(other if own == slot else own for own in plan.slots)
                yield replace(example, references=(text,), plan=replace(plan, slots=slots))

    def _others(self, example: Example, slot: Slot) -> list[Slot]:
        """Values of the same slot that the example does not have, nor a synonym of one."""
        spec = self._domain.slot(slot.name)
        taken = {spec.merged(value) for value in example.mr.values(slot.name)}
        return [other for other in self._values[slot.name] if spec.merged(other.value) not in taken]


def _template(alignment: Alignment, slot: Slot) -> str:
    """The text with a placeholder for each mention of ``slot``."""
    return delexicalize(alignment, Bindings({placeholder(slot.name): slot.value}))


def _frames(template: str, slot: Slot) -> Iterator[tuple[str, str]]:
    """The words before and after each mention, "" at the ends of the text."""
    symbol = placeholder(slot.name)
    words = [_BORDER, *template_words(template), _BORDER]
    for at, word in enumerate(words):
        if word == symbol:
            before = "a" if words[at - 1] == "an" else words[at - 1]
            yield before, words[at + 1]


Source = Literal["siblings", "substitution", "noisy"]
"""Real MRs that differ in one thing; a value replaced in the text; references that do not fit."""
SOURCES: tuple[Source, ...] = get_args(Source)
DEFAULT_SOURCES: tuple[Source, ...] = ("siblings", "substitution")


class SiblingIndex:
    """Finds the siblings of an MR among the MRs of a corpus (rules F5.0, F5.6 b).

    Two MRs that differ in the value of an open slot only are no siblings: models read a placeholder
    for either value, so that the sources are the same.
    """

    def __init__(self, mrs: Iterable[MeaningRepresentation], domain: Domain) -> None:
        """Index the distinct MRs among ``mrs``."""
        self._open = frozenset(spec.name for spec in domain.slots if spec.kind == "open")
        self._mrs = {mr.key(): mr for mr in mrs}
        self._larger: dict[Hashable, list[MeaningRepresentation]] = defaultdict(list)
        for mr in self._mrs.values():
            for slot in dict.fromkeys(mr.slots):
                self._larger[_without(mr, slot).key()].append(mr)

    def siblings(self, mr: MeaningRepresentation) -> list[MeaningRepresentation]:
        """With one slot fewer, one slot more, or one value different; in a fixed order."""
        siblings = list(self._larger.get(mr.key(), ()))
        for slot in dict.fromkeys(mr.slots):
            rest = _without(mr, slot)
            if (smaller := self._mrs.get(rest.key())) is not None:
                siblings.append(smaller)
            if slot.name in self._open:
                continue
            for other in self._larger.get(rest.key(), ()):
                [added] = set(other.slots) - set(rest.slots)
                if added.name == slot.name and added != slot:
                    siblings.append(other)
        return siblings

    def under_others(self, example: Example, rng: Random) -> Iterator[Example]:
        """The example with the MR of each sibling in place of its own, in an order drawn."""
        others = self.siblings(example.mr)
        rng.shuffle(others)
        return (replace(example, mr=mr) for mr in others)


def _without(mr: MeaningRepresentation, slot: object) -> MeaningRepresentation:
    kept = tuple(own for own in dict.fromkeys(mr.slots) if own != slot)
    return MeaningRepresentation(kept, mr.dialogue_act)


KIND = "counterfactual"
"""``Example.kind`` of these pairs; no kind of phrase has that name."""
_TRIES = 3
"""Candidates that are checked for a reference and a source before it gives nothing."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """One pair.

    Attributes:
        example: ``mr`` is what the model reads, ``plan`` what the utterance says.
        source: how it was made.
        parent: id of the training pair whose reference it is, or was made from.
    """

    example: Example
    source: Source
    parent: str


@dataclass
class CounterfactualCounts:
    """What became of the references.

    Attributes:
        references: that were read.
        kept: pairs by source.
        dropped: candidates that are no pair, by reason.
    """

    references: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


def counterfactual_pairs(
    examples: Sequence[Example],
    alignments: Sequence[Alignment],
    checker: SlotChecker,
    domain: Domain,
    *,
    sources: Collection[Source],
    raw: Sequence[Example] = (),
    held_out: Collection[Hashable] = (),
    seed: int = 0,
    counts: CounterfactualCounts | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Iterator[Counterfactual]:
    """At most one pair a reference and source, in corpus order; equal ones once.

    Args:
        examples: training pairs whose MR is what their one reference says, with plans.
        alignments: of the references.
        checker: verifies each pair.
        domain: kinds of the slots.
        sources: ``siblings``: the reference under a real MR that differs in one value or slot;
            ``substitution``: the reference with another value, under its own MR; ``noisy``: the
            pairs of ``raw`` whose reference does not say its MR.
        raw: training pairs with their MRs as the corpus gives them; only ``noisy`` reads them.
        held_out: ``mr.key()`` of MRs that no pair may read or say: the test set's.
        seed: of what is drawn; what one reference gives does not depend on the others' draws.
        counts: filled on the way, when given.
        advance: called for each reference that is done.
    """
    gate = _Gate(checker, held_out, CounterfactualCounts() if counts is None else counts)
    siblings = SiblingIndex([example.mr for example in examples], domain)
    frames = ValueFrames(list(zip(examples, alignments, strict=True)), domain)
    makers: dict[Source, _Maker] = {
        "siblings": lambda example, _, rng: siblings.under_others(example, rng),
        "substitution": frames.replaced,
    }
    for example, alignment in zip(examples, alignments, strict=True):
        gate.counts.references += 1
        for source, make in makers.items():
            if source in sources:
                made = make(example, alignment, derived_rng(seed, source, example.id))
                yield from gate.first(source, example.id, made)
        advance()
    for example in raw if "noisy" in sources else ():
        plan = checker.align(example.references[0], example.mr).plan()
        yield from gate.first("noisy", example.id, [replace(example, plan=plan)])


class _Gate:
    """Lets one verified pair of each source and reference pass, and each pair once."""

    def __init__(
        self, checker: SlotChecker, held_out: Collection[Hashable], counts: CounterfactualCounts
    ) -> None:
        self.counts = counts
        self._checker, self._held_out = checker, held_out
        self._seen: set[Hashable] = set()

    def first(
        self, source: Source, parent: str, candidates: Iterable[Example]
    ) -> Iterator[Counterfactual]:
        """The first of a few candidates that is a pair, if any."""
        for candidate in islice(candidates, _TRIES):
            reason = fault(candidate, self._checker, self._held_out)
            key = (candidate.mr.key(), candidate.references[0])
            if reason is None and key in self._seen:
                reason = "duplicate"
            if reason is None:
                self._seen.add(key)
                self.counts.kept[source] += 1
                example = replace(candidate, id=f"{parent}:{source}", kind=KIND)
                yield Counterfactual(example, source, parent)
                return
            self.counts.dropped[reason] += 1


def fault(
    candidate: Example, checker: SlotChecker, held_out: Collection[Hashable] = ()
) -> str | None:
    """Why a pair is no counterfactual one: an MR, a plan and its utterance; None where it is one.

    The plan must contradict the MR by more than a synonym, and the utterance must say the plan:
    each slot once, in its order and sentences, and nothing else, read with the plan's own values
    deciding; read with the MR's, it must not say the MR.
    """
    text, plan = candidate.references[0], candidate.plan
    if plan is None or not plan.slots:
        return "says_nothing"
    said = said_mr(plan, candidate.mr)
    merged = {checker.merged(slot) for slot in candidate.mr.slots}
    if merged == {checker.merged(slot) for slot in plan.slots}:
        return "no_contradiction"
    if candidate.mr.key() in held_out or said.key() in held_out:
        return "test_mr"
    report = checker.check(text, said)
    if not report.ok or report.alignment.plan() != plan:
        return "reads_otherwise"
    if checker.check(text, candidate.mr, merge_synonyms=True).ok:
        return "no_contradiction"
    return None


def said_mr(plan: Plan, mr: MeaningRepresentation) -> MeaningRepresentation:
    """What an utterance of ``plan`` says, with the dialogue act of ``mr``."""
    return MeaningRepresentation(tuple(dict.fromkeys(plan.slots)), mr.dialogue_act)


def to_record(pair: Counterfactual, domain: Domain) -> dict[str, Any]:
    """A line of the file: ``{id, mr, references, plan, breaks, kind}`` and how it was made.

    ``only_in_mr`` and ``only_in_plan`` are the contradiction.
    """
    example = pair.example
    plan = () if example.plan is None else example.plan.slots
    return {
        **example_to_record(example, domain),
        "made_by": pair.source,
        "parent": pair.parent,
        "only_in_mr": [str(slot) for slot in example.mr.slots if slot not in plan],
        "only_in_plan": [str(slot) for slot in plan if slot not in example.mr.slots],
    }
