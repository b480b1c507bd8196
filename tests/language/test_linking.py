"""Whether sentences speak of one thing, and the sentence that names it late."""

import pytest

from d2t.language.habits.linking import Linking, link_fault, sentences_of, usual_subject
from d2t.language.template import template_words
from d2t.mr.types import Slot

NAME = "<val:name>"


def fault(template: str) -> str | None:
    return link_fault(sentences_of(template_words(template)), NAME, {"try"})


@pytest.mark.parametrize(
    "template",
    [
        "<val:name> is a pub. It is cheap.",
        "<val:name> is a pub. Prices are low. <val:name> is near <val:near>.",
        "There is a cheap pub. It is called <val:name> and is by the river.",
        "There is a cheap pub. Its name is <val:name>.",
        "There is a cheap pub. It's called <val:name>.",
        "There is a pub near <val:near>. The name is <val:name>.",
        "There is a pub near <val:near>. The pub is called <val:name>.",
        "Looking for a pub? Try <val:name>.",
        "Near <val:near> is a pub called <val:name>. This pub is cheap.",
        "It is cheap. It is near <val:near>.",  # no name to wait for
        "<val:name> is a pub. Customer ratings are high.",
        "<val:name> is a place to eat. The restaurant is a pub.",
        "",
    ],
)
def test_texts_about_one_place(template: str) -> None:
    assert fault(template) is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("There is a cheap pub. <val:name> is by the river.", "new_subject"),
        ("It is cheap. <val:name> is a pub.", "new_subject"),
        ("There is a cheap pub. Near <val:near> is a place called <val:name>.", "new_subject"),
        ("A pub near <val:near> is cheap. Thai food is served at <val:name>.", "new_subject"),
        ("<val:name> is cheap. Near <val:near> is a pub.", "new_thing"),
        ("<val:name> is cheap. There is a pub by the river.", "new_thing"),
        ("<val:name> is cheap. There's a pub by the river.", "new_thing"),
        ("<val:name> is cheap. A pub by the river serves Thai food.", "new_thing"),
        ("It is cheap. There is a pub near <val:near>.", "new_thing"),
    ],
)
def test_texts_that_begin_to_speak_of_another(template: str, expected: str) -> None:
    assert fault(template) == expected


def test_the_subject_is_what_texts_usually_begin_with() -> None:
    texts = ["<val:name> is a pub.", "Near <val:near> is <val:name>.", "<val:near> is near."]
    assert usual_subject(map(template_words, [*texts, texts[0]])) == NAME
    assert usual_subject([["it", "is"]] * 20 + [[NAME]]) is None
    assert usual_subject([]) is None


def test_the_naming_sentence_is_the_commonest_of_those_that_name_it_late() -> None:
    templates = [
        *["<val:name> is a pub. It is cheap."] * 200,
        *["There is a pub. It is called <val:name>."] * 4,
        *["There is a pub. Its name is <val:name>."] * 3,
        *["There is a pub. <val:name> is cheap."] * 8,
        *["There is a pub. It is called <val:name> near <val:near>."] * 5,
    ]
    linking = Linking.fit(templates)
    assert linking == Linking("It is called <val:name>.", NAME)
    assert Linking.of("It is called <val:name>.") == linking
    assert linking.names([Slot("name", "Aromi")]) == "It is called Aromi."
    assert linking.names([Slot("near", "Aromi")]) is None
    assert linking.names([Slot("name", "Aromi"), Slot("area", "riverside")]) is None
    assert Linking.fit(templates[:200]) is None, "nobody names it late"
    pools = ["<val:name> is a hotel. There is a pool."] * 20
    assert Linking.fit([*templates, *pools]) is None, "other things are spoken of, too"
    with pytest.raises(ValueError, match="no placeholder"):
        Linking.of("It is called Aromi.")


def test_parts_that_may_follow_others() -> None:
    linking = Linking.of("It is called <val:name>.")
    assert linking.follows("It is cheap.")
    assert linking.follows("It is called <val:name> and is cheap.")
    assert not linking.follows("<val:name> is cheap.")
    assert not linking.follows("There is a pub near <val:near>.")
    assert linking.holds("There is a pub. It is called <val:name>.")
    assert not linking.holds("There is a pub. <val:name> is cheap.")
