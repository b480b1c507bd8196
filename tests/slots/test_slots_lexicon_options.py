"""What a lexicon may declare beyond wordings, on a domain of the tests' own."""

from __future__ import annotations

import pytest

from d2t.errors import DomainError
from d2t.mr.domain import domain_from_dict
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.lexicon.lexicon import lexicon_from_dict

DOMAIN = domain_from_dict(
    {
        "name": "hotel",
        "slots": {
            "name": {"kind": "open", "values": ["The Lamp", "Arcadia"]},
            "pool": {"kind": "boolean"},
            "bar": {"kind": "boolean"},
            "view": {"kind": "categorical", "values": ["sea"]},
            "verdict": {"kind": "ordinal", "values": ["good", "bad"], "implicit": True},
        },
    }
)


def entry(slot: str, say: str, yes: str = "yes", no: str | None = "no") -> dict[str, object]:
    negated = {} if no is None else {"negated": [no]}
    return {"slot": slot, "values": [yes], "say": [say], **negated}


def checker(**tables: object) -> SlotChecker:
    raw = {
        "entry": [entry("pool", "pool"), entry("bar", "bar"), entry("view", "sea", "sea", None)],
        "negation": {"transparent": ["a", "the", "or", ",", "pool", "bar", "sea"]},
        **tables,
    }
    return SlotChecker(DOMAIN, lexicon_from_dict(raw, DOMAIN))


def said(found: SlotChecker, text: str, mr: str | None = None) -> dict[str, str]:
    given = None if mr is None else parse_mr(mr, DOMAIN)
    return {text[span.start : span.end]: str(span.slot) for span in found.align(text, given).spans}


def test_one_negation_governs_several_phrases_where_it_is_shared():
    transparent = ["a", "the", "or", ",", "pool", "bar"]
    shared = checker(negation={"transparent": transparent, "shared": True})
    text = "There is no pool, or a bar."
    assert said(shared, text) == {"no pool": "pool[no]", "bar": "bar[no]"}
    alone = checker(negation={"transparent": transparent})
    assert len(said(alone, text)) == 1  # the first negated phrase keeps the others out


def test_only_listed_slots_can_be_denied():
    table = {"transparent": ["the", "or", "pool"], "shared": True, "slots": ["pool"]}
    text = "Not by the pool or the sea."
    assert said(checker(negation=table), "not the sea") == {"sea": "view[sea]"}
    assert said(checker(negation={**table, "transparent": ["by", "the", "or", "pool"]}), text) == {
        "Not by the pool": "pool[no]",
        "sea": "view[sea]",
    }


def test_negating_phrases_are_patterns():
    table = {"words": ["no"], "phrases": ["(short|out) of [a|the]"], "transparent": []}
    assert said(checker(negation=table), "short of a pool") == {"short of a pool": "pool[no]"}
    assert said(checker(negation=table), "instead of a pool") == {"pool": "pool[yes]"}


def test_a_slot_of_the_negation_must_exist():
    with pytest.raises(DomainError, match="unknown slot 'pol'"):
        checker(negation={"slots": ["pol"]})


def test_common_names_need_a_capital_or_the_mr():
    found = checker(common={"name": ["The Lamp"]})
    assert said(found, "The hall has a lamp.") == {}
    assert said(found, "Try The Lamp or Arcadia.") == {"The Lamp": "name[The Lamp]",
                                                       "Arcadia": "name[Arcadia]"}  # fmt: skip
    assert said(found, "try the lamp") == {}
    assert said(found, "try the lamp", "name[The Lamp]") == {"the lamp": "name[The Lamp]"}


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a PBS room", {"P": "pool[yes]", "B": "bar[yes]", "S": "view[sea]"}),
        ("two PBSs", {"P": "pool[yes]", "B": "bar[yes]", "Ss": "view[sea]"}),
        ("a poolbar", {"poolbar": "pool[yes]"}),  # no initials: the words share one range
    ],
)
def test_an_abbreviation_gives_each_word_its_letter(text, spans):
    spelling = {"pbs": "pool bar sea", "pbss": "pool bar sea", "poolbar": "pool bar"}
    assert said(checker(spelling=spelling), text) == spans


def test_implicit_is_true_or_false():
    with pytest.raises(DomainError, match="implicit is 'yes', expected true or false"):
        domain_from_dict(
            {"name": "x", "slots": {"a": {"kind": "open", "implicit": "yes"}}}, where="x"
        )
    assert DOMAIN.slot("verdict").implicit
    assert not DOMAIN.slot("view").implicit
