"""Names in their surroundings: cases by kind, and laws for invented names."""

import pytest
from cases import cases
from hypothesis import given
from hypothesis import strategies as st

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

CASES = cases("names")
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def report_of(mr, text):
    return CHECKER.check(text, parse_mr(mr, DOMAIN))


def verdict(mr, text):
    """The errors as kind and slot, sorted."""
    report = report_of(mr, text)
    errors = [f"missing {slot.name}" for slot in report.missing]
    errors += [f"added {span.slot.name}" for span in report.added]
    errors += [f"wrong {wrong.expected.name}" for wrong in report.wrong]
    errors += [f"repeated {span.slot.name}" for span in report.repeated]
    return sorted(errors)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:50])
def test_names_in_their_surroundings(case):
    assert verdict(case["mr"], case["text"]) == case["verdict"]


def starts(mr, text):
    alignment = report_of(mr, text).alignment
    return [text[at:] for at in alignment.sentence_starts[1:]]


@pytest.mark.parametrize(
    ("name", "text", "later"),
    [
        ("Yo! Sushi", "Yo! Sushi is a pub. It is cheap.", ["It is cheap."]),
        ("A", "There is a pub called A. It is cheap.", ["It is cheap."]),
        ("eat.", "We like eat. It is cheap.", ["It is cheap."]),
        ("eat.", "A pub, eat. and more.", []),
        ("Where's Wally?", "Where's Wally? is a pub.", []),
        ("Ali & Co. Kebabs", "Ali & Co. Kebabs is a pub! Go.", ["Go."]),
        ("St. John", "St. John is a pub. It is cheap.", ["It is cheap."]),
        ("Wow!", "Try Wow!\nIt is a pub.", ["It is a pub."]),
    ],
)
def test_sentences_end_around_names(name, text, later):
    assert starts(f"name[{name}]", text) == later


SYLLABLES = ["ka", "lo", "mi", "ru", "ve", "sto", "bri", "zan", "dor", "fel"]
WORD = st.lists(st.sampled_from(SYLLABLES), min_size=2, max_size=3).map(
    lambda parts: "".join(parts).capitalize()
)
NAME = st.lists(WORD, min_size=1, max_size=2, unique=True).map(" ".join)
FRAME = st.sampled_from(
    [
        "{} is a pub.",
        "The {} is a pub.",
        "There is a pub called {}.",
        "Try {}, which is a pub.",
        "A pub, {}, is open.",
        'The pub "{}" is open.',
    ]
)
MR = "name[{}], eatType[pub]"


@given(NAME, FRAME)
def test_the_right_name_passes(name, frame):
    assert report_of(MR.format(name), frame.format(name)).ok


@given(NAME, WORD, FRAME, st.booleans())
def test_a_longer_name_fails(name, word, frame, before):
    if word in name.split():
        return
    longer = f"{word} {name}" if before else f"{name} {word}"
    assert not report_of(MR.format(name), frame.format(longer)).ok


@given(NAME, FRAME, st.data())
def test_a_changed_letter_fails(name, frame, data):
    letters = [at for at, letter in enumerate(name) if letter != " "]
    at = data.draw(st.sampled_from(letters))
    changed = name[:at] + ("X" if name[at].isupper() else "x") + name[at + 1 :]
    assert not report_of(MR.format(name), frame.format(changed)).ok


@given(NAME, NAME)
def test_exchanged_names_fail(name, landmark):
    if set(name.split()) & set(landmark.split()):
        return
    mr = f"name[{name}], eatType[pub], near[{landmark}]"
    assert report_of(mr, f"{name} is a pub near {landmark}.").ok
    assert not report_of(mr, f"{landmark} is a pub near {name}.").ok
