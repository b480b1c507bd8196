"""relexicalize(delexicalize(text)) == text for whatever the values are."""

from __future__ import annotations

import re

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from d2t.language.delex import (
    Bindings,
    delexicalize,
    escape,
    relexicalize,
    starts_with_article,
    starts_with_vowel_sound,
    unescape,
)
from d2t.mr.types import Slot
from d2t.slots.types import Alignment, Span

NASTY = [
    "<val:name>", "<val:near:2>", r"<\val:name>", r"\1", r"\g<0>", "(.*", "$&", "a|b", "[x]",
    "The Mill", "the", "The ", "a", "an", "Zoë’s", "Bar's", "‏בר", "\U0001f355", "O'Neill's (No. 1)",
    "x. y", "A! B?",
]  # fmt: skip
values = (st.sampled_from(NASTY) | st.text(min_size=1, max_size=15)).filter(
    lambda v: v.strip() != ""
)
fillers = st.sampled_from(
    [
        " is near ",
        " and ",
        ". ",
        ", ",
        "'s ",
        " <val:near> ",
        r" <\val:x> ",
        " in an area. ",
        "-",
        "?! ",
        "",
    ]
) | st.text(max_size=10)
SLOTS = ["name", "near", "food", "area"]


def build(parts: list[tuple[str, Slot]], tail: str) -> Alignment:
    text, spans = "", []
    for before, slot in parts:
        text += before
        spans.append(Span(len(text), len(text) + len(slot.value), slot))
        text += slot.value
    return Alignment(text + tail, tuple(spans))


def bind(parts: list[tuple[str, Slot]], open_names: frozenset[str]) -> Bindings:
    symbols: dict[Slot, str] = {}
    for _, slot in parts:
        k = 1 + sum(other.name == slot.name for other in symbols if other != slot)
        symbols.setdefault(slot, f"<val:{slot.name}>" if k == 1 else f"<val:{slot.name}:{k}>")
    table = {symbol: slot.value for slot, symbol in symbols.items()}
    names = frozenset(s for slot, s in symbols.items() if slot.name in open_names)
    return Bindings(table, open_symbols=names)


def grammatical(parts: list[tuple[str, Slot]], open_names: frozenset[str]) -> bool:
    """Articles fit the values, and closed values at sentence starts have their capitals.

    Elsewhere the text is mended, and is then not the same.
    """
    text = ""
    for before, slot in parts:
        text += before
        last = re.search(r"(?:\A|\W|_)(an?|the)\s+\Z", text, re.IGNORECASE)
        article = last.group(1).lower() if last else ""
        vowel = starts_with_vowel_sound(slot.value)
        if article == "the" and starts_with_article(slot.value):
            return False
        if (article == "a" and vowel) or (article == "an" and not vowel):
            return False
        starts = re.search(r"""(?:\A|[.!?]["'”’)]*\s)[\s"'“‘(]*\Z""", text)
        if starts and slot.name not in open_names and slot.value[:1].upper() != slot.value[:1]:
            return False
        text += slot.value
    return True


slot = st.builds(Slot, st.sampled_from(SLOTS), values)
mentions = st.lists(st.tuples(fillers, slot), min_size=1, max_size=4)


@given(parts=mentions, tail=fillers, open_names=st.frozensets(st.sampled_from(SLOTS)))
@example(
    parts=[("", Slot("name", "<val:near>")), (" near ", Slot("near", "<val:name>"))],
    tail=".",
    open_names=frozenset(SLOTS),
)
@example(
    parts=[("The ", Slot("name", "Mill")), (" by the ", Slot("near", "X"))],
    tail="",
    open_names=frozenset(SLOTS),
)
@settings(deadline=None, max_examples=250)
def test_relexicalization_undoes_delexicalization(parts, tail, open_names):
    assume(grammatical(parts, open_names))
    distinct = {slot for _, slot in parts}
    assume(all(sum(s.name == name for s in distinct) <= 4 for name in SLOTS))
    alignment, bindings = build(parts, tail), bind(parts, open_names)
    template = delexicalize(alignment, bindings)
    assert relexicalize(template, bindings) == alignment.text


@given(parts=mentions, tail=fillers, open_names=st.frozensets(st.sampled_from(SLOTS)))
@settings(deadline=None, max_examples=120)
def test_each_mention_becomes_its_placeholder(parts, tail, open_names):
    alignment, bindings = build(parts, tail), bind(parts, open_names)
    template = delexicalize(alignment, bindings)
    expected = []
    for _, said in parts:
        same = [
            s
            for s, value in bindings.items()
            if value == said.value and s.startswith(f"<val:{said.name}")
        ]
        expected.append(min(same, key=len))
    assert re.findall(r"<val:\w+(?::\d)?>", template) == expected


@given(
    template_parts=st.lists(fillers | st.sampled_from(["<val:name>", "<val:food>"])),
    name=values,
    food=values,
)
@settings(deadline=None, max_examples=120)
def test_open_values_come_out_letter_for_letter(template_parts, name, food):
    template = "".join(template_parts)
    bindings = Bindings(
        {"<val:name>": name, "<val:food>": food}, open_symbols=frozenset({"<val:name>"})
    )
    text = relexicalize(template, bindings)
    assert text.count(name) >= template.count("<val:name>") or len(set(name)) < len(name)
    if "<val:food>" not in template and template.count("<val:name>") == 1:
        assert name in text


@given(
    before=st.sampled_from(["", "It is ", "Yes. "]),
    article=st.sampled_from(["a", "an", "A", "An"]),
    value=values,
)
@settings(deadline=None, max_examples=120)
def test_articles_agree_with_whatever_follows(before, article, value):
    text = relexicalize(f"{before}{article} <val:food> pub", {"<val:food>": value})
    word = text[len(before) :].split(" ")[0]
    assert word.lower() == ("an" if starts_with_vowel_sound(value) else "a")
    assert word[0] == article[0]
    assert text.endswith(f" {value} pub")


@given(st.text() | st.lists(fillers).map("".join))
@settings(deadline=None, max_examples=120)
def test_escaping_is_undone(text):
    assert unescape(escape(text)) == text
    assert "<val:" not in escape(text)
