"""What holds of every phrase of every reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.augment.phrases.phrases import phrase_examples
from d2t.augment.phrases.words import CLOSED, ENDS, words_of
from d2t.corpus.correct import correct_examples
from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.language.symbols import KINDS
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker
from d2t.slots.types import Alignment, Span

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
DANGLING = CLOSED - {"not", "one", "up", "out", "right", "here", "well"}


@pytest.fixture(scope="module")
def parents() -> dict[str, Example]:
    pairs = correct_examples(load_split("mini", "train", DOMAIN)[:100], CHECKER, DOMAIN)
    return {pair.id: pair for pair in pairs}


@pytest.fixture(scope="module")
def phrases(parents: dict[str, Example]) -> list[Example]:
    return list(phrase_examples(parents.values(), CHECKER, DOMAIN, dedupe="none"))


def parent_of(phrase: Example, parents: dict[str, Example]) -> Example:
    return parents[phrase.id.rpartition(":")[0]]


def test_every_kind_occurs(phrases: list[Example]) -> None:
    assert {phrase.kind for phrase in phrases} == set(KINDS)
    assert len(phrases) > 500


def test_plans_are_sub_sequences_of_their_parents_plans(
    phrases: list[Example], parents: dict[str, Example]
) -> None:
    assert phrases
    for phrase in phrases:
        plan = parent_of(phrase, parents).plan
        assert plan is not None
        assert phrase.plan is not None
        small, whole = phrase.plan.slots, plan.slots
        assert any(
            whole[at : at + len(small)] == small for at in range(len(whole) - len(small) + 1)
        )
        assert set(small) == set(phrase.mr.slots)


def test_texts_are_substrings_of_their_parents(
    phrases: list[Example], parents: dict[str, Example]
) -> None:
    assert phrases
    for phrase in phrases:
        start, end = map(int, phrase.id.rpartition(":")[2].split("-"))
        assert phrase.references == (parent_of(phrase, parents).references[0][start:end],)


def test_each_is_read_alone_as_it_says(phrases: list[Example]) -> None:
    assert phrases
    for phrase in phrases:
        report = CHECKER.check(phrase.references[0], phrase.mr)
        assert report.ok
        assert phrase.plan is not None
        assert report.alignment.plan().slots == phrase.plan.slots


def test_no_word_is_left_hanging(phrases: list[Example]) -> None:
    assert phrases
    for phrase in phrases:
        words = words_of(CHECKER.align(phrase.references[0], phrase.mr))
        last = words[-1]
        assert (last.low in ENDS) == (phrase.kind == "sentence")
        assert last.span is not None or last.low not in DANGLING, phrase.references
        assert words[0].low not in {"and", "or", "but", ","}


def test_mining_is_deterministic(phrases: list[Example], parents: dict[str, Example]) -> None:
    again = list(phrase_examples(parents.values(), CHECKER, DOMAIN, dedupe="none"))
    assert again == phrases


WORDS = (
    "a the cheap pub Aromi , . and that is has serves near it in located of to not food "
    "which - : ( ' its called 5 £20 very You'll try both"
)
texts = st.lists(st.sampled_from(WORDS.split()), max_size=25).map(" ".join)


class Anything:
    """Reads every text as its first words, so that whatever the cutter proposes comes through."""

    def align(self, text: str, mr: MeaningRepresentation | None = None) -> Alignment:
        spans = []
        for word, slot in (("cheap", Slot("priceRange", "cheap")), ("pub", Slot("eatType", "pub"))):
            at = text.find(word)
            if at >= 0:
                spans.append(Span(at, at + len(word), slot))
        return Alignment(text, tuple(sorted(spans)))


@given(st.lists(texts, max_size=3))
def test_no_text_breaks_the_cutter(given: list[str]) -> None:
    pairs = [Example(str(n), MeaningRepresentation(()), (text,)) for n, text in enumerate(given)]
    for phrase in phrase_examples(pairs, Anything(), DOMAIN, dedupe="text"):
        assert phrase.references[0] in given[int(phrase.id.partition(":")[0])]
        assert phrase.mr.slots
