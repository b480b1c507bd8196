"""Change what a text says by one thing, and the verdict changes by exactly that."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from phrases import CHECKER, NAMES, SENTENCES, counts, meaning, utterance

from d2t.mr.types import Slot

CLEAN = (0, 0, 0, 0)


@st.composite
def meanings(draw: st.DrawFn, *, size: int = 2) -> tuple[Slot, ...]:
    """A name and at least ``size`` other slots, one value each, the name first."""
    name = Slot("name", draw(st.sampled_from(NAMES)))
    by_name: dict[str, list[Slot]] = {}
    for slot in SENTENCES:
        by_name.setdefault(slot.name, []).append(slot)
    chosen = draw(st.lists(st.sampled_from(sorted(by_name)), min_size=size, unique=True))
    return (name, *(draw(st.sampled_from(by_name[slot])) for slot in chosen))


variants = st.integers(0, 1)


@given(meanings(), variants)
def test_what_is_asked_for_is_found_in_its_order(slots, variant):
    text = utterance(slots, variant)
    assert counts(text, slots) == CLEAN
    assert CHECKER.align(text, meaning(slots)).plan().slots == slots


@given(meanings(), variants, st.data())
def test_cut_a_phrase_and_one_is_missing(slots, variant, data):
    cut = data.draw(st.sampled_from(slots))
    kept = tuple(slot for slot in slots if slot != cut)
    assert counts(utterance(kept, variant), slots) == (1, 0, 0, 0)


@given(meanings(), variants, st.data())
def test_cut_a_span_and_one_is_missing(slots, variant, data):
    text = utterance(slots, variant)
    span = data.draw(st.sampled_from(CHECKER.align(text, meaning(slots)).spans))
    assert counts(text[: span.start] + "something" + text[span.end :], slots) == (1, 0, 0, 0)


@given(meanings(), variants, st.data())
def test_swap_a_value_and_one_is_wrong(slots, variant, data):
    at = data.draw(st.integers(1, len(slots) - 1))
    others = [s for s in SENTENCES if s.name == slots[at].name and s.value != slots[at].value]
    swapped = (*slots[:at], data.draw(st.sampled_from(others)), *slots[at + 1 :])
    assert counts(utterance(swapped, variant), slots) == (0, 0, 1, 0)


@given(meanings(), variants, st.data())
def test_add_a_foreign_phrase_and_one_is_added(slots, variant, data):
    held = {slot.name for slot in slots}
    foreign = [slot for slot in SENTENCES if slot.name not in held]
    if foreign:
        more = (*slots, data.draw(st.sampled_from(foreign)))
        assert counts(utterance(more, variant), slots) == (0, 1, 0, 0)


@given(meanings(), variants, st.data())
def test_say_it_again_and_one_is_repeated(slots, variant, data):
    again = data.draw(st.sampled_from(slots[:-1]))
    assert counts(utterance((*slots, again), variant), slots) == (0, 0, 0, 1)


def tokenised(text: str) -> str:
    """The text as a Treebank tokeniser leaves it."""
    text = re.sub(r"([.,;:!?£()/-])", r" \1 ", text)
    return re.sub(r"('s|n't)\b", r" \1", text)


@given(meanings(), variants)
def test_writing_does_not_change_the_verdict(slots, variant):
    text = utterance(slots, variant)
    plan = CHECKER.align(text, meaning(slots)).plan()
    ways = {
        "lower case": text.lower(),
        "upper case": text.upper(),
        "tokenised": tokenised(text),
        "tokenised, lower case": tokenised(text).lower(),
        "all punctuation spaced": re.sub(r"([^\w\s])", r" \1 ", text),
        "extra spaces": text.replace(" ", "   "),
        "no accents": text.replace("é", "e"),
        "decomposed": unicodedata.normalize("NFD", text),
        "typographic quotes": text.replace("'", "’"),
    }
    for way, written in ways.items():
        alignment = CHECKER.align(written, meaning(slots))
        assert alignment.plan().slots == plan.slots, way
        assert len(alignment.sentence_starts) == len(slots), way


@given(meanings(), variants)
def test_without_the_mr_the_same_slots_are_said(slots, variant):
    known = slots if slots[0].value != NAMES[2] else slots[1:]
    text = utterance(known, variant)
    merged = [CHECKER.merged(slot) for slot in known]
    assert [CHECKER.merged(span.slot) for span in CHECKER.align(text).spans] == merged
