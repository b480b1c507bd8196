"""The two contexts of a record that a model reads, and the questions that can be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.judges.qa.entities import find_entities
from d2t.judges.qa.questions import YES, fill
from d2t.judges.qa.types import MR_TAG, TEXT_TAG, ContextPair, QAPair
from d2t.language.symbols import slot_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from d2t.judges.qa.entities import Entities
    from d2t.judges.qa.questions import QuestionSet
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Slot


class ContextQuestion(NamedTuple):
    """One question about a record, and what may be answered.

    Attributes:
        expected: answers in accordance with the MR: its value (any of them where a slot has
            several, or values that tell a reader the same), or ``none``.
        said: whether the MR holds the slot (by value: the value).
        value: of a list slot: the value that is asked about.
    """

    slot: str
    question: str
    expected: tuple[str, ...]
    said: bool
    value: str | None = None


def answer_of(slot: Slot, entities: Entities) -> str:
    """A slot's value as the model answers it."""
    return entities.symbol(slot.value) or slot.value.lower()


def linearized(slots: Iterable[Slot], entities: Entities) -> str:
    """``<mr> <slot:food> thai <slot:near> <ent:2>``: the MR as a context, in the order given."""
    pieces = (f"{slot_symbol(slot.name)} {answer_of(slot, entities)}".rstrip() for slot in slots)
    return " ".join([MR_TAG, *pieces])


def context_pair(
    mr: MeaningRepresentation,
    text: str,
    domain: Domain,
    questions: QuestionSet,
    *,
    also: Sequence[str] = (),
    beside: tuple[MeaningRepresentation, str] | None = None,
    mentioned: Sequence[Slot] = (),
    rng: Random | None = None,
) -> ContextPair:
    """Both contexts of a record.

    Args:
        mr: what should be said.
        text: what is said.
        domain: of the MR.
        questions: name the subject slot.
        also: listed values to be copied all the same (training).
        beside: a record about something else, whose text stands beside this one's (training).
        mentioned: what the text says of others: names in it are to be copied too (training).
        rng: draws symbols and the order of the slots (training); None: symbols in order, slots in
            the domain's.
    """
    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    slots = sorted(mr.slots, key=lambda slot: (ranks[slot.name], slot.value))
    everything = [*slots, *mentioned]
    if beside is not None:
        everything += beside[0].slots
        first = rng is None or rng.random() < 0.5
        text = f"{text} {beside[1]}" if first else f"{beside[1]} {text}"
    entities = find_entities(everything, (text,), domain, also=also, rng=rng)
    if rng is not None:
        rng.shuffle(slots)
    return ContextPair(
        text=f"{TEXT_TAG} {entities.hide(text).lower()}",
        data=linearized(slots, entities),
        mr=mr,
        entities=entities,
        subject=_subject(mr, questions, entities),
    )


def _subject(mr: MeaningRepresentation, questions: QuestionSet, entities: Entities) -> str | None:
    if questions.subject is None:
        return None
    named = [slot for slot in mr.slots if slot.name == questions.subject and slot.value]
    return answer_of(named[0], entities) if len(named) == 1 else None


def said_pairs(
    pair: ContextPair, questions: QuestionSet, *, held_out: bool = False
) -> list[QAPair]:
    """Every question about a slot of the MR with its value: all wordings, all values."""
    found = []
    for slot in dict.fromkeys(pair.mr.slots):
        if not slot.value:
            continue
        asking, answer = questions.slots[slot.name], answer_of(slot, pair.entities)
        for wording in asking.usable(subject=pair.subject is not None, held_out=held_out):
            value = answer if asking.by_value else None
            question = fill(wording, subject=pair.subject, value=value).lower()
            found.append(QAPair(question, YES if asking.by_value else answer, slot.name, value))
    return found


def all_questions(
    pair: ContextPair,
    domain: Domain,
    questions: QuestionSet,
    *,
    n_wordings: int | None = None,
    held_out: bool = False,
) -> list[ContextQuestion]:
    """What can be asked about a record: slots of the MR and slots it lacks.

    Args:
        pair: the record.
        domain: its slots, values and synonyms.
        questions: the wordings.
        n_wordings: the first so many of each slot; None: all that are usable.
        held_out: the wordings that no model was trained on.
    """
    asked: list[ContextQuestion] = []
    for name, asking in questions.slots.items():
        usable = asking.usable(subject=pair.subject is not None, held_out=held_out)[:n_wordings]
        values = [value for value in pair.mr.values(name) if value]
        if name in pair.mr.names and not values:
            continue  # a dialogue act that asks for the slot: neither said nor left out
        for wording in usable:
            if asking.by_value:
                asked += _by_value(name, wording, pair, values, domain, questions)
                continue
            question = fill(wording, subject=pair.subject).lower()
            expected = _expected(name, values, pair.entities, domain) or (questions.none,)
            asked.append(ContextQuestion(name, question, expected, bool(values)))
    return asked


def _by_value(
    name: str,
    wording: str,
    pair: ContextPair,
    values: Sequence[str],
    domain: Domain,
    questions: QuestionSet,
) -> list[ContextQuestion]:
    """One question for each value of a list slot, listed ones and the MR's."""
    asked = []
    for value in dict.fromkeys([*domain.slot(name).values, *values]):
        words = pair.entities.symbol(value) or value.lower()
        question = fill(wording, subject=pair.subject, value=words).lower()
        said = value in values
        asked.append(
            ContextQuestion(name, question, (YES if said else questions.none,), said, words)
        )
    return asked


def _expected(
    name: str, values: Sequence[str], entities: Entities, domain: Domain
) -> tuple[str, ...]:
    """The MR's values and those of the domain that tell a reader the same."""
    spec = domain.slot(name)
    groups = {spec.merged(value) for value in values}
    same = [value for value in spec.values if spec.merged(value) in groups]
    everything = dict.fromkeys([*values, *same])
    return tuple(entities.symbol(value) or value.lower() for value in everything)
