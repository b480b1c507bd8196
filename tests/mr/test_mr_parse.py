"""Reading MRs: what each form means, and what each mistake is told."""

from __future__ import annotations

import pytest

from d2t.errors import D2TError, DomainError, MRParseError
from d2t.mr.domain import Domain, load_domain
from d2t.mr.parse import parse_mr, unseen_values
from d2t.mr.types import MeaningRepresentation, Slot

E2E = load_domain("restaurant")
VIGGO = load_domain("viggo")


def mr(*pairs: tuple[str, str], act: str = "inform") -> MeaningRepresentation:
    return MeaningRepresentation(tuple(Slot(*pair) for pair in pairs), act)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name[Aromi], eatType[pub]", mr(("name", "Aromi"), ("eatType", "pub"))),
        ("  name [ Aromi ] ,eatType[pub]\n", mr(("name", "Aromi"), ("eatType", "pub"))),
        ("customerRating[low]", mr(("customer rating", "low"))),
        ("customer_rating[low]", mr(("customer rating", "low"))),
        ("CUSTOMER RATING[LOW]", mr(("customer rating", "low"))),
        ("familyFriendly[True]", mr(("familyFriendly", "yes"))),
        ("family friendly[No]", mr(("familyFriendly", "no"))),
        ("food[fast FOOD]", mr(("food", "Fast food"))),
        ("food[Ethiopian]", mr(("food", "Ethiopian"))),
        ("name[the mill]", mr(("name", "the mill"))),  # open values keep their letters
        ("name[Fish, Chips]", mr(("name", "Fish, Chips"))),
        ("name[T (for Teen) [x]]", mr(("name", "T (for Teen) [x]"))),
        (r"name[a \] b \[ \\ c]", mr(("name", r"a ] b [ \ c"))),
        (r"name[AC\DC]", mr(("name", r"AC\DC"))),
        (r"name[two\nlines]", mr(("name", "two\nlines"))),
        ("name[two\nlines]", mr(("name", "two\nlines"))),
        ("name[👩‍🍳 Café], near[مطعم النيل]", mr(("name", "👩‍🍳 Café"), ("near", "مطعم النيل"))),
        ("name[Cafe\u0301]", mr(("name", "Cafe\u0301"))),  # not normalised: letters are the user's
        ("inform(name[Aromi])", mr(("name", "Aromi"))),
        ("eatType[pub], eatType[restaurant]", mr(("eatType", "pub"), ("eatType", "restaurant"))),
        ('{"name": "Aromi"}', mr(("name", "Aromi"))),
    ],
)
def test_restaurant_texts(text: str, expected: MeaningRepresentation) -> None:
    assert parse_mr(text, E2E) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "inform(name[X], genres[action, shooter], has_multiplayer[no])",
            mr(("name", "X"), ("genres", "action"), ("genres", "shooter"),
               ("has_multiplayer", "no")),
        ),
        (
            "give opinion (esrb[e 10+ (for everyone 10 and older)] ) ",
            mr(("esrb", "E 10+ (for Everyone 10 and Older)"), act="give_opinion"),
        ),
        ("request(developer[])", mr(("developer", ""), act="request")),
        ("request_attribute(genres[ ])", mr(("genres", ""), act="request_attribute")),
        ("developer[Spectrum HoloByte, Inc.]", mr(("developer", "Spectrum HoloByte, Inc."))),
        ("genres[action,shooter]", mr(("genres", "action"), ("genres", "shooter"))),
        (r"genres[one\, two, three]", mr(("genres", "one, two"), ("genres", "three"))),
        ("genres[action], platforms[pc], genres[indie]",
         mr(("genres", "action"), ("platforms", "PC"), ("genres", "indie"))),
    ],
)  # fmt: skip
def test_viggo_texts(text: str, expected: MeaningRepresentation) -> None:
    assert parse_mr(text, VIGGO) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"name": "Aromi", "eatType": "pub"}, mr(("name", "Aromi"), ("eatType", "pub"))),
        ({"name": " Aromi ", "near": None, "food": ""}, mr(("name", "Aromi"))),
        ({"family_friendly": True}, mr(("familyFriendly", "yes"))),
        ({"familyFriendly": False}, mr(("familyFriendly", "no"))),
        ({"name": 1900}, mr(("name", "1900"))),
        ({"name": 4.5}, mr(("name", "4.5"))),
        ({"eatType": ["pub", "restaurant"]}, mr(("eatType", "pub"), ("eatType", "restaurant"))),
        ({"eatType": "pub", "eat type": "restaurant"},
         mr(("eatType", "pub"), ("eatType", "restaurant"))),
        ({"dialogue_act": "Inform", "name": "x"}, mr(("name", "x"))),
        ({"dialogue_act": None, "name": "x"}, mr(("name", "x"))),
        ({"name": r"a\n, [b"}, mr(("name", r"a\n, [b"))),  # JSON has its own escapes
    ],
)  # fmt: skip
def test_json_objects(source: dict[str, object], expected: MeaningRepresentation) -> None:
    assert parse_mr(source, E2E) == expected


def test_json_lists() -> None:
    asked = {"dialogue_act": "request_attribute", "genres": "", "rating": ""}
    assert parse_mr(asked, VIGGO) == mr(("genres", ""), ("rating", ""), act="request_attribute")
    both = mr(("genres", "action"), ("genres", "shooter"))
    assert parse_mr({"genres": ["action", "shooter"]}, VIGGO) == both
    assert parse_mr({"genres": "action, shooter"}, VIGGO) == both
    assert parse_mr({"genres": ["a, b"]}, VIGGO) == mr(("genres", "a, b"))
    assert parse_mr({"release_year": 2015}, VIGGO) == mr(("release_year", "2015"))


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "words"),
    [
        ("", "empty_mr", 1, 1, ["at least one slot"]),
        (" \n ", "empty_mr", 1, 1, []),
        ("inform()", "empty_mr", 1, 1, []),
        ("inform( )", "empty_mr", 1, 1, []),
        ("name[Aromi] eatType[pub]", "mr_syntax", 1, 13,
         ["expected ',' or the end of the text after slot 1", "found 'e' at column 13", "commas"]),
        ("name[Aromi]; eatType[pub]", "mr_syntax", 1, 12, ["found ';'"]),
        ("name[a], food[b], area", "mr_syntax", 1, 23, ["expected '['", "end of the text"]),
        ("name[Aromi", "mr_syntax", 1, 11, ["'[Aromi'", "not closed", r"\["]),
        ("name[Aromi\\]", "mr_syntax", 1, 13, ["not closed"]),
        ("name", "mr_syntax", 1, 5, ["'['"]),
        ("name]", "mr_syntax", 1, 5, [r"\]"]),
        ("name[a]]", "mr_syntax", 1, 8, [r"\]"]),
        ("[Aromi]", "mr_syntax", 1, 1, ["a slot name"]),
        ("name[Aromi],", "mr_syntax", 1, 13, ["a slot name after slot 1"]),
        ("name[Aromi],,food[b]", "mr_syntax", 1, 13, ["a slot name"]),
        ("inform(name[x]", "mr_syntax", 1, 15, ["')'"]),
        ("inform(name[x]) and", "mr_syntax", 1, 17, ["the end of the text"]),
        ("inform(name(x))", "mr_syntax", 1, 12, ["'['"]),
        ("name[a],\nfood(b)", "mr_syntax", 2, 5, ["of line 2"]),
        ("name[a], nme[b]", "unknown_slot", 1, 10, ["'nme'", "did you mean 'name'"]),
        ("name[a],\n qqq[b]", "unknown_slot", 2, 2, ["known slots: name, eatType"]),
        ("confrm(name[a])", "unknown_dialogue_act", 1, 1, ["'confrm'"]),
        ("name[a], food[b], name[a]", "duplicate_slot", 1, 19, ["name[a]", "twice"]),
        ("food[italian], food[Italian]", "duplicate_slot", 1, 16, []),
        ("name[a], near[]", "empty_value", 1, 10, ["'near'", "leave the slot out"]),
        ("name[a\x00b]", "control_character", 1, 7, ["U+0000", "remove it"]),
        ("name[a],\nfood[\x1b]", "control_character", 2, 6, ["U+001B"]),
        ("name[\x85]", "control_character", 1, 6, ["U+0085"]),
        ("name[\ud83d]", "lone_surrogate", 1, 6, ["U+D83D", "UTF-8"]),
        ("name[" + "x" * 10_000 + "]", "value_too_long", 1, 1, ["10,000", "2,000", "shorten"]),
        ("a" * 100_001, "mr_too_long", 1, 1, ["100,001"]),
        ('{"name": "Aromi"', "json_syntax", 1, 17, ["not valid JSON"]),
        ('{"name":\n nope}', "json_syntax", 2, 2, []),
        ('{"name": "a", "name": "b"}', "json_syntax", 1, 1, ["'name' is given twice"]),
        ('{"name": NaN}', "json_syntax", 1, 1, ["NaN"]),
        ('{"name": ' + "9" * 5000 + "}", "json_syntax", 1, 1, []),
        ('{"name": ' + "[" * 100_000, "json_syntax", 1, 1, []),
    ],
)  # fmt: skip
def test_what_a_malformed_text_is_told(
    text: str, code: str, line: int, column: int, words: list[str]
) -> None:
    with pytest.raises(D2TError) as caught:
        parse_mr(text, E2E)
    error = caught.value
    assert (error.code, error.line, error.column) == (code, line, column)
    assert isinstance(error, DomainError if code.startswith("unknown") else MRParseError)
    assert len(str(error)) < 400
    for word in words:
        assert word in str(error)


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ({}, "empty_mr", []),
        ({"name": None}, "empty_mr", []),
        ({"name": {"first": "a"}}, "json_value", ["'name'", "a list of strings"]),
        ({"name": [["a"]]}, "json_value", []),
        ({"name": [None]}, "json_value", []),
        ({"name": True}, "json_value", ["open, not boolean"]),
        ({"eatType": ["pub", "pub"]}, "duplicate_slot", ["twice"]),
        ({"eatType": ["pub", ""]}, "empty_value", []),
        ({"name": "a\x07"}, "control_character", ["'name'", "column 2"]),
        ({"name": "\udfff"}, "lone_surrogate", []),
        ({"name": "x" * 2001}, "value_too_long", ["2,001"]),
        ({"dialogue_act": 3, "name": "x"}, "mr_parse", ["must be a string"]),
        ({"dialogue_act": "order", "name": "x"}, "unknown_dialogue_act", []),
        ({"nane": "x"}, "unknown_slot", ["did you mean 'name'"]),
        (["name"], "mr_parse", ["list"]),
    ],
)
def test_what_a_malformed_object_is_told(source: object, code: str, words: list[str]) -> None:
    with pytest.raises(D2TError) as caught:
        parse_mr(source, E2E)  # type: ignore[arg-type]
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)


def test_list_mistakes() -> None:
    for source in ("inform(genres[action, , shooter])", "genres[a,]", {"genres": "a,"}):
        with pytest.raises(MRParseError, match="remove the extra comma") as caught:
            parse_mr(source, VIGGO)  # type: ignore[arg-type]
        assert caught.value.code == "empty_value"


def test_an_empty_value_names_the_acts_that_may_have_one() -> None:
    with pytest.raises(MRParseError, match="only request, request_attribute may ask"):
        parse_mr("inform(developer[])", VIGGO)


def test_values_at_the_limit_are_accepted() -> None:
    assert len(parse_mr("name[" + "x" * 2000 + "]", E2E).slots[0].value) == 2000


def test_deep_nesting_is_read_without_recursion() -> None:
    value = "[" * 990 + "]" * 990
    assert parse_mr(f"name[{value}]", E2E).slots[0].value == value


def test_a_named_format_is_held_to() -> None:
    with pytest.raises(MRParseError, match="use format 'viggo'"):
        parse_mr("inform(name[a])", E2E, format="e2e")
    with pytest.raises(MRParseError, match="no dialogue act"):
        parse_mr("name[a]", E2E, format="viggo")
    with pytest.raises(MRParseError, match="not valid JSON"):
        parse_mr("name[a]", E2E, format="json")
    with pytest.raises(MRParseError, match="expected a JSON object"):
        parse_mr("[1]", E2E, format="json")


@pytest.mark.parametrize(
    ("text", "domain", "unseen"),
    [
        ("name[Nobody's], near[Nowhere], food[Thai], area[riverside]", E2E, ["food[Thai]"]),
        ("customer rating[4 out of 5], familyFriendly[maybe]", E2E,
         ["customer rating[4 out of 5]", "familyFriendly[maybe]"]),
        ("inform(release_year[1850], genres[action, knitting])", VIGGO, ["genres[knitting]"]),
        ("request(developer[], rating[])", VIGGO, []),
    ],
)  # fmt: skip
def test_unseen_values_are_accepted_and_named(text: str, domain: Domain, unseen: list[str]) -> None:
    assert [str(slot) for slot in unseen_values(parse_mr(text, domain), domain)] == unseen
