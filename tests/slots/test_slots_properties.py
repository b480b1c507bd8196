"""What holds for every text and every MR."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker, mentions
from d2t.slots.lexicon.lexicon import load_lexicon

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
# Words that begin, end or negate phrases, so that random texts hit the lexicon hard.
WORDS = [
    "not", "no", "n't", "isn't", "The", "the", "a", "near", "by", "is", "and", ",", ".", "of",
    "family", "kid", "kids", "friendly", "child", "adults", "only", "price", "prices", "range",
    "low", "high", "cheap", "average", "moderate", "£", "£20", "£20-25", "£30", "20", "25", "5",
    "/", "out", "three", "star", "rating", "rated", "customer", "reviews", "city", "centre",
    "river", "riverside", "in", "for", "less", "than", "more", "pub", "coffee", "shop", "café",
    "restaurant", "Chinese", "English", "fast", "food", "Indian", "Aromi", "Rice", "Boat",
    "Burger", "King", "Café", "Rouge", "called", "welcome", "allowed", "are", "-", "’s", "'s",
    "🙂", "\u202e", "ABC", "\0", "éa",
]  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.text(max_size=120),
)
values = {
    spec.name: st.sampled_from(spec.values) | st.text(min_size=1, max_size=12)
    for spec in DOMAIN.slots
}
slot = st.sampled_from(DOMAIN.slot_names).flatmap(
    lambda name: values[name].map(lambda value: Slot(name, value))
)
mrs = st.lists(slot, min_size=1, max_size=8, unique=True).map(
    lambda slots: MeaningRepresentation(tuple(slots))
)


@given(texts, st.none() | mrs)
def test_spans_are_ordered_disjoint_and_inside(text, mr):
    alignment = CHECKER.align(text, mr)
    assert alignment.text == text
    end = 0
    for span in alignment.spans:
        assert end <= span.start < span.end <= len(text)
        end = span.end
    starts = alignment.sentence_starts
    assert starts[0] == 0
    assert list(starts) == sorted(set(starts))
    assert starts[-1] <= len(text)


@given(texts, mrs, st.integers(0, 99))
def test_errors_do_not_depend_on_the_order_of_the_mr(text, mr, seed):
    shuffled = list(mr.slots)
    random.Random(seed).shuffle(shuffled)
    one = CHECKER.check(text, mr)
    two = CHECKER.check(text, MeaningRepresentation(tuple(shuffled)))
    assert one.n_errors == two.n_errors
    assert sorted(one.missing) == sorted(two.missing)
    assert len(one.wrong) == len(two.wrong)


@given(texts, mrs)
def test_the_counts_add_up(text, mr):
    report = CHECKER.check(text, mr)
    said = {span.slot for span in report.alignment.spans}
    expected = set(mr.slots)
    assert len(report.missing) + len(report.wrong) == len(expected - said)
    assert len(report.added) + len(report.wrong) == len(said - expected)
    plan = report.alignment.plan()
    later = len(plan.slots) - len(set(plan.slots))
    assert len(report.repeated) == later + len(report.alignment.again)
    assert set(report.alignment.again) <= set(report.spans)
    assert [span.slot for span in mentions(report.alignment)] == list(plan.slots)


@settings(max_examples=5)
@given(st.lists(texts, min_size=2, max_size=30), mrs)
def test_what_was_checked_before_does_not_matter(before, mr):
    fresh = SlotChecker(DOMAIN, load_lexicon(DOMAIN))
    for text in before:
        CHECKER.align(text)
    text = " ".join(before)
    assert fresh.check(text, mr) == CHECKER.check(text, mr)


@given(mrs)
def test_a_value_written_out_alone_is_found(mr):
    for slot in mr.slots:
        spec = DOMAIN.slot(slot.name)
        if spec.kind == "open" and slot.value.isalpha() and slot.value.isascii():
            one = MeaningRepresentation((slot,))
            text = f"It is near {slot.value}." if spec.name == "near" else f"This is {slot.value}."
            assert not CHECKER.check(text, one).missing, text
