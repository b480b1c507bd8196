"""parse after render is the identity, in every written form, for any value a text can carry."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.errors import D2TError, MRParseError
from d2t.io.records import RawRecord, RecordSource
from d2t.mr.cells import CellReader
from d2t.mr.domain import Domain, domain_from_dict, load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.mr.reader import RecordReader, read_fields
from d2t.mr.render import mr_to_json, render_mr
from d2t.mr.syntax import RawItem, RawMR, read_syntax
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.mr.values import escape, position, split_list, unescape

TOY = domain_from_dict(
    {
        "name": "toy",
        "dialogue_acts": ["inform", "ask for"],
        "request_acts": ["ask for"],
        "slots": {
            "a name": {"kind": "open"},
            "flag": {"kind": "boolean"},
            "tags": {"kind": "list", "values": ["Red", "blue, or green", "[x]"]},
            "size": {"kind": "numeric"},
            "grade": {"kind": "ordinal", "values": ["low", "high"]},
            "colour": {"kind": "categorical", "values": ["Red", 'a "quoted" one']},
        },
    }
)
DOMAINS = (TOY, load_domain("restaurant"), load_domain("viggo"))

# Text that hurts: what the written forms are made of, right-to-left letters, joined emoji, escapes.
NASTY = st.text(
    st.sampled_from(list("[](){},;:|>\\nrt\"'=_- \n\t\r\u2028é£אב\u200f👩‍🍳a1")), max_size=12
)
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)


@st.composite
def mrs(
    draw: st.DrawFn, domains: tuple[Domain, ...] = DOMAINS
) -> tuple[Domain, MeaningRepresentation]:
    """A canonical MR and its domain; values may be empty in the acts that ask."""
    domain = draw(st.sampled_from(domains))
    act = draw(st.sampled_from(domain.dialogue_acts))
    slots: list[Slot] = []
    for spec in draw(st.lists(st.sampled_from(domain.slots), min_size=1, max_size=7)):
        known = st.sampled_from(spec.values) if spec.values else st.nothing()
        value = spec.canonical_value(draw(known | NASTY | TEXT))
        empty = not value and act not in domain.request_acts
        if empty or (CellReader().looks_blank(value) and value not in spec.values):
            value = "x"
        slots.append(Slot(spec.name, value))
    return domain, MeaningRepresentation(tuple(dict.fromkeys(slots)), act)


def same_multiset(one: MeaningRepresentation, other: MeaningRepresentation) -> bool:
    """JSON and CSV gather the values of a slot, so the order of slots may change."""
    return one.dialogue_act == other.dialogue_act and Counter(one.slots) == Counter(other.slots)


@settings(deadline=None)
@given(mrs())
def test_viggo_form(pair: tuple[Domain, MeaningRepresentation]) -> None:
    domain, mr = pair
    text = render_mr(mr, format="viggo", domain=domain)
    assert parse_mr(text, domain) == mr
    assert parse_mr(f"  {text}\n", domain, format="viggo") == mr


@settings(deadline=None)
@given(mrs())
def test_e2e_form(pair: tuple[Domain, MeaningRepresentation]) -> None:
    domain, mr = pair
    if mr.dialogue_act != domain.default_dialogue_act:
        with pytest.raises(D2TError, match="cannot express the dialogue act"):
            render_mr(mr, format="e2e", domain=domain)
        return
    text = render_mr(mr, format="e2e", domain=domain)
    assert "\n" not in text
    assert parse_mr(text, domain) == mr == parse_mr(text, domain, format="e2e")


@settings(deadline=None)
@given(mrs())
def test_auto_form(pair: tuple[Domain, MeaningRepresentation]) -> None:
    domain, mr = pair
    assert parse_mr(render_mr(mr, domain=domain), domain) == mr


@settings(deadline=None)
@given(mrs())
def test_json_form(pair: tuple[Domain, MeaningRepresentation]) -> None:
    domain, mr = pair
    text = render_mr(mr, format="json", domain=domain)
    for back in (
        parse_mr(text, domain),
        parse_mr(mr_to_json(mr, domain), domain),
        read_fields({"id": "7", "mr": json.loads(text), "text": "x"}, domain).require_mr(),
    ):
        assert same_multiset(back, mr)


@settings(deadline=None)
@given(mrs())
def test_csv_form(pair: tuple[Domain, MeaningRepresentation]) -> None:
    domain, mr = pair
    row = render_mr(mr, format="csv", domain=domain)
    # A file has the same columns in every row: absent slots are empty cells.
    full = dict.fromkeys((*domain.slot_names, "id"), "") | row
    source = RecordSource("x.csv", "csv", iter([RawRecord(2, full)]), list(full))
    (record,) = RecordReader(source, domain)
    assert same_multiset(record.require_mr(), mr)


@settings(deadline=None)
@given(mrs(), st.randoms(use_true_random=False))
def test_equal_content_has_equal_keys(pair: tuple[Domain, MeaningRepresentation], random) -> None:
    _, mr = pair
    shuffled = list(mr.slots)
    random.shuffle(shuffled)
    assert MeaningRepresentation(tuple(shuffled), mr.dialogue_act).key() == mr.key()


@settings(deadline=None)
@given(NASTY | TEXT)
def test_unescape_takes_escape_back(text: str) -> None:
    assert unescape(escape(text)) == text.strip() == unescape(escape(text, in_list=True))


@settings(deadline=None)
@given(st.lists(NASTY | TEXT, min_size=1, max_size=5))
def test_list_items_come_back(items: list[str]) -> None:
    written = ", ".join(escape(item, in_list=True) for item in items)
    assert [unescape(item) for item in split_list(written)] == [item.strip() for item in items]


def read_by_state(text: str) -> RawMR | int:
    """The grammar once more, one character a step: the MR, or the offset of the first error."""
    act: str | None = None
    items: list[RawItem] = []
    state, start, name, depth = "name", 0, "", 0
    at = 0
    while at < len(text):
        char = text[at]
        blank = not text[start:at].strip()
        if state == "name":
            if char == "[" and not blank:
                name, state, start, depth = text[start:at], "value", at + 1, 1
            elif char == "(" and not blank and act is None and not items:
                act, state, start = text[start:at].strip(), "name", at + 1
            elif char == ")" and blank and act is not None and not items:
                state = "end"
            elif char in "[](),\\":
                return start if blank and (items or act is None) else at
        elif state == "value":
            if char == "\\":
                if at + 1 == len(text):
                    return at
                at += 1
            depth += {"[": 1, "]": -1}.get(char, 0)
            if depth == 0:
                offset = start - 1 - len(name.lstrip())
                items.append(RawItem(name.strip(), text[start:at], offset))
                state = "after"
        elif not char.isspace():
            if state == "after" and char == ",":
                state, start = "name", at + 1
            elif state == "after" and char == ")" and act is not None:
                state = "end"
            else:
                return at
        at += 1
    if state == "end" or (state == "after" and act is None):
        return RawMR(act, items)
    if state == "name" and not text[start:].strip() and (items or act is None):
        return start
    return len(text)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "name",
            "a b",
            "[",
            "]",
            "(",
            ")",
            ",",
            ", ",
            " ",
            "\n",
            "\\",
            "[x]",
            "n[v]",
            "é",
            "a(b[c]",
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(FRAGMENTS | NASTY)
def test_the_scanner_agrees_with_the_grammar(text: str) -> None:
    expected = read_by_state(text)
    if isinstance(expected, RawMR):
        assert read_syntax(text) == expected
        return
    with pytest.raises(MRParseError) as caught:
        read_syntax(text)
    assert (caught.value.line, caught.value.column) == position(text, expected)


@settings(deadline=None)
@given(mrs(), st.randoms(use_true_random=False))
def test_a_plan_comes_back_from_its_labels(
    pair: tuple[Domain, MeaningRepresentation], random
) -> None:
    domain, mr = pair
    order = list(mr.slots)
    random.shuffle(order)
    plan = Plan(tuple(order))
    assert parse_plan(plan.labels(), mr, domain) == plan


@settings(deadline=None)
@given(mrs(), st.randoms(use_true_random=False))
def test_a_plan_comes_back_from_text(pair: tuple[Domain, MeaningRepresentation], random) -> None:
    domain, mr = pair
    order = list(mr.slots)
    random.shuffle(order)
    breaks = tuple(i for i in range(1, len(order)) if random.random() < 0.3)
    text = ""
    for i, slot in enumerate(order):
        separator = " | " if i in breaks else random.choice([",", " > ", ", "])
        text += (separator if i else "") + f"{slot.name}[{escape(slot.value)}]"
    assert parse_plan(text, mr, domain) == Plan(tuple(order), breaks or None)
    assert parse_plan(text + " |", mr, domain) == Plan(tuple(order), breaks)


@settings(deadline=None)
@given(mrs(), st.data())
def test_a_partial_plan_is_a_permutation_that_starts_as_asked(
    pair: tuple[Domain, MeaningRepresentation], data: st.DataObject
) -> None:
    domain, mr = pair
    names = data.draw(st.lists(st.sampled_from(mr.names), min_size=1, unique=True))
    plan = parse_plan(names, mr, domain, partial=True)
    assert Counter(plan.slots) == Counter(mr.slots)
    assert list(dict.fromkeys(plan.names))[: len(names)] == names
