from __future__ import annotations

import pytest

from d2t.errors import DomainError
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker
from d2t.slots.lexicon.lexicon import lexicon_from_dict, load_lexicon

TOY = domain_from_dict(
    {
        "name": "toy",
        "slots": {
            "name": {"kind": "open", "values": ["Zed"]},
            "size": {"kind": "categorical", "values": ["small", "big"]},
            "has_linux_release": {"kind": "boolean"},
            "genres": {"kind": "list", "values": ["action", "role-playing"]},
            "developer": {"kind": "open"},
        },
        "dialogue_acts": ["inform", "request"],
    }
)


def mr(*slots: tuple[str, str]) -> MeaningRepresentation:
    return MeaningRepresentation(tuple(Slot(*slot) for slot in slots))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"entrys": []}, "entrys.*did you mean 'entry'"),
        ({"entry": [{"slot": "size", "values": ["big"]}]}, "needs the key 'say'"),
        (
            {"entry": [{"slot": "size", "values": ["big"], "say": [], "sya": []}]},
            "unknown key 'sya'",
        ),
        ({"entry": [{"slot": "sise", "values": ["big"], "say": ["x"]}]}, "unknown slot 'sise'"),
        ({"entry": [{"slot": "size", "values": ["big"], "say": ["(x"]}]}, "here.*not closed"),
        ({"landmark": {"slot": "name"}}, "needs the key 'name_slot'"),
    ],
)
def test_a_broken_lexicon_says_where(raw, message):
    with pytest.raises(DomainError, match=message):
        lexicon_from_dict(raw, TOY, where="here")


def test_the_shipped_lexicon_words_every_closed_value():
    domain = load_domain("restaurant")
    worded = load_lexicon(domain).worded()
    assert domain.slots
    for spec in domain.slots:
        if spec.kind not in ("open", "ordinal"):
            assert all((spec.name, value) in worded for value in spec.values)


def test_the_digest_changes_with_the_content():
    one = lexicon_from_dict({"spelling": {"a": "b"}}, TOY)
    two = lexicon_from_dict({"spelling": {"a": "c"}}, TOY)
    assert one.digest != two.digest


def test_a_domain_without_lexicon_goes_by_what_is_written():
    checker = SlotChecker.for_domain(TOY)
    wanted = mr(
        ("name", "Zed"), ("size", "big"), ("has_linux_release", "no"), ("genres", "action"),
        ("genres", "role-playing"), ("developer", "Odd, Inc."),
    )  # fmt: skip
    text = "Zed by Odd, Inc. is a big action role-playing game, not available on Linux."
    assert checker.check(text, wanted).ok
    report = checker.check(text.replace("not available", "available"), wanted)
    assert [str(wrong.span.slot) for wrong in report.wrong] == ["has_linux_release[yes]"]


def test_a_slot_that_is_asked_for_goes_by_its_name():
    checker = SlotChecker.for_domain(TOY)
    wanted = MeaningRepresentation((Slot("developer", ""),), "request")
    assert checker.check("Is there a developer you like?", wanted).ok
    assert checker.check("What do you play?", wanted).missing == (Slot("developer", ""),)


def test_the_signature_names_domain_lexicon_and_synonyms():
    checker = SlotChecker.for_domain(load_domain("restaurant"))
    signature = checker.signature(merge_synonyms=True)
    assert signature.startswith("SER|dom:restaurant@")
    assert f"lex:{checker.lexicon_digest[:4]}" in signature
    assert "syn:yes" in signature
