"""Put the slot checker's reading of the texts into a corpus: aligned plans and corrected MRs.

Test sets, and texts of domains without a lexicon, are refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from d2t.corpus.load import locate_split
from d2t.corpus.registry import registry
from d2t.errors import DomainError, UsageError
from d2t.io.hashing import sha256_file
from d2t.mr.lexicon_layers import has_lexicon
from d2t.mr.types import MeaningRepresentation, Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.slots.types import Alignment


class Aligner(Protocol):
    """What correction needs of a slot checker."""

    def align(self, text: str, mr: MeaningRepresentation | None = None) -> Alignment:
        """Spans of ``text``; the MR decides between values that share a wording."""
        ...


def align_examples(examples: Iterable[Example], checker: Aligner) -> list[Example]:
    """Each example with ``plan`` set to the aligned order of its first reference.

    The MR is kept as given, so the plan holds what the text says of it: only slots that occur in
    the MR (rule O1.6, the test-set rule), which may be fewer when a value is not realised. An
    example without references keeps its plan.
    """
    return [_aligned(example, checker) for example in examples]


def correct_examples(
    examples: Iterable[Example], checker: Aligner, domain: Domain, *, split: str = "train"
) -> list[Example]:
    """Examples whose MR is what their text says (rule O1.6), with the aligned order as plan.

    The dialogue act is kept. So are slots that a text need not show the checker: an empty value
    (``request(developer[])``), and an implicit slot of which the text says no value; where nothing
    shows them, they stand at the head of the plan, as the paper's header does. Examples whose text
    says nothing are dropped; with several references, each becomes an example of its own, as their
    texts may differ.

    Args:
        examples: training or development examples.
        checker: aligns text with slots; sees the given MR, which decides between values that share
            a wording (``cheap`` / ``less than £20``) and names open values.
        domain: gives the slots of the corrected MR their display order.
        split: what the examples are; ``test`` is refused, because test MRs are never changed.

    Raises:
        UsageError: ``split`` is ``test``.
    """
    if split == "test":
        raise UsageError(
            "test MRs are never changed: a corrected test set scores another task; correct train "
            "and dev, and use `align_examples` for the order of test references",
            code="correct_test",
        )
    corrected: list[Example] = []
    for example in split_references(examples):
        alignment = checker.align(example.references[0], example.mr)
        if alignment.spans:
            plan = _with_head(_unsaid(alignment, example.mr, domain), alignment.plan())
            mr = _in_display_order(plan, example.mr.dialogue_act, domain)
            corrected.append(replace(example, mr=mr, plan=plan))
    return corrected


def split_references(examples: Iterable[Example]) -> list[Example]:
    """Examples with one reference each; those with several get ``-0``, ``-1``, ... behind their id.

    Examples without a reference are left out; a plan stays only where there was one reference, as
    it is the order of that one.
    """
    singles: list[Example] = []
    for example in examples:
        if len(example.references) == 1:
            singles.append(example)
            continue
        singles.extend(
            replace(example, id=f"{example.id}-{index}", references=(text,), plan=None)
            for index, text in enumerate(example.references)
        )
    return singles


def restrict_plan(plan: Plan, mr: MeaningRepresentation) -> Plan:
    """The plan without slots that the MR does not have; adjacent equals left over become one."""
    allowed = set(mr.slots)
    slots: list[Slot] = []
    breaks: list[int] = []
    starts = set(plan.breaks or ())
    pending = False
    for index, slot in enumerate(plan.slots):
        pending = pending or index in starts
        if slot not in allowed or (slots and slots[-1] == slot):
            continue
        if pending and slots:
            breaks.append(len(slots))
        pending = False
        slots.append(slot)
    return Plan(tuple(slots), None if plan.breaks is None else tuple(breaks))


def refuse_test(source: str, split: str) -> None:
    """Make sure that what is about to be corrected is not a test set.

    A file is a test set if it is, byte for byte, the test file of a registered corpus, whatever
    ``split`` says.

    Raises:
        UsageError: it is a test set.
    """
    path, _ = locate_split(source, split)
    if split == "test" or is_test_file(path):
        raise UsageError(
            f"{path} is a test set: test MRs are never changed, because a corrected test set is "
            "another task; give a training or development set",
            code="correct_test",
        )


def is_test_file(path: Path) -> bool:
    """Whether the bytes of a file are those of a registered test split; a folder has none."""
    if path.is_dir():
        return False
    for entry in registry().values():
        test = entry.splits.get("test")
        if test is None:
            continue
        if entry.embedded:
            own = entry.path("test")
            if own.is_file() and sha256_file(own) == sha256_file(path):
                return True
        elif test.form(path) is not None:
            return True
    return False


def require_lexicon(domain: Domain) -> None:
    """Make sure that the domain's texts can be read, before MRs are replaced by what they say.

    Without a lexicon the checker finds values only as they are written; correction would delete
    from MRs whatever the texts paraphrase.

    Raises:
        DomainError: the domain's folder has no ``lexicon.toml``.
    """
    if not has_lexicon(domain):
        raise DomainError(
            f"domain {domain.name!r} has no lexicon.toml, so correction would delete from the MRs "
            "every value that a text words in its own way; write a lexicon beside its domain.toml, "
            "or keep the MRs as they are (in training: data.correct=false)",
            code="no_lexicon",
        )


def _aligned(example: Example, checker: Aligner) -> Example:
    if not example.references:
        return example
    plan = checker.align(example.references[0], example.mr).plan()
    return replace(example, plan=restrict_plan(plan, example.mr))


def _unsaid(alignment: Alignment, given: MeaningRepresentation, domain: Domain) -> tuple[Slot, ...]:
    """The slots of the given MR that are kept although no span shows them."""
    said = {span.slot for span in alignment.spans}
    names = {slot.name for slot in said}
    return tuple(
        dict.fromkeys(
            slot
            for slot in given.slots
            if (slot.value == "" and slot not in said)
            or (domain.slot(slot.name).implicit and slot.name not in names)
        )
    )


def _with_head(head: tuple[Slot, ...], plan: Plan) -> Plan:
    """``plan`` after ``head``, which belongs to its first sentence."""
    breaks = None if plan.breaks is None else tuple(at + len(head) for at in plan.breaks)
    return Plan((*head, *plan.slots), breaks)


def _in_display_order(plan: Plan, dialogue_act: str, domain: Domain) -> MeaningRepresentation:
    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    slots = sorted(dict.fromkeys(plan.slots), key=lambda slot: ranks.get(slot.name, len(ranks)))
    return MeaningRepresentation(tuple(slots), dialogue_act)
