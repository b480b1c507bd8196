"""Clauses put into texts: whose they are, where they stand, and what the record says after them."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from d2t.corpus.correct import split_references
from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.judges.qa.training.distractor_content import Content, ContentStore, forms
from d2t.judges.qa.training.distractor_frames import FIELD, frames_from_dict, load_frames
from d2t.judges.qa.training.distractors import DistractedText, Distractor, Filler
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Slot
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
FRAMES = load_frames(DOMAIN)
KINDS = sorted(FRAMES.kinds) if FRAMES else []


@pytest.fixture(scope="module")
def references() -> list[Example]:
    examples = split_references(load_split("mini", "train", DOMAIN))[:140]
    return [e for e in examples if not CHECKER.check(e.references[0], e.mr).n_errors][:120]


@pytest.fixture(scope="module")
def distractor(references: list[Example]) -> Distractor:
    assert FRAMES is not None
    return Distractor.of(FRAMES, references, CHECKER, DOMAIN)


@pytest.mark.parametrize(
    ("says", "say", "denies", "other"),
    [
        ("is a cheap pub", "be a cheap pub", "is not a cheap pub", {"thing": "a cheap pub"}),
        ("has a rating", "have a rating", "does not have a rating", {"has": "a rating"}),
        ("serves Thai food", "serve Thai food", "does not serve Thai food", {}),
        ("reaches out", "reach out", "does not reach out", {}),
        ("carries fish", "carry fish", "does not carry fish", {}),
        ("costs 4.50", "cost 4.50", "does not cost 4.50", {}),
    ],
)
def test_forms_of_a_predicate(says: str, say: str, denies: str, other: dict[str, str]) -> None:
    found = dict(forms("predicate", says))
    assert found == {"says": says, "say": say, "denies": denies, **other}


@pytest.mark.parametrize("text", ["has been rated low", "is not family friendly", "can be found"])
def test_what_has_no_other_form(text: str) -> None:
    assert dict(forms("predicate", text)) == {"says": text}


@pytest.mark.parametrize("text", ["are cheap", "was cheap", "is cheap. It is good", "is"])
def test_what_cannot_be_said_of_one_place_now(text: str) -> None:
    assert not dict(forms("predicate", text))


def test_only_prepositions_open_a_modifier() -> None:
    assert dict(forms("modifier", "near the river")) == {"with": "near the river"}
    assert not dict(forms("modifier", "that serves fish"))
    assert not dict(forms("clause", "it serves fish"))


def small(frame: str, *contents: tuple[str, str, str], **kind: Any) -> Distractor:
    """One frame, and content ``(form, text, MR)``."""
    told = {slot.name for _, _, mr in contents for slot in parse_mr(mr, DOMAIN).slots}
    kind = {"frames": [frame], "slots": sorted(told), **kind}
    raw = {"subject": "name", "landmark": "near", "kinds": {"k": kind}}
    frames = frames_from_dict(raw, DOMAIN)
    store = ContentStore(
        (form, Content(text, parse_mr(mr, DOMAIN).slots)) for form, text, mr in contents
    )
    known = [parse_mr("name[Cotto], near[Ranch]", DOMAIN)]
    return Distractor(frames, Filler(frames, store, DOMAIN, known))


def draw(made: Distractor, mr: str, text: str, **options: Any) -> DistractedText | None:
    return made.draw(parse_mr(mr, DOMAIN), text, Random(1), **options)


THAI = ("says", "serves Thai food", "food[Thai]")
LOW = ("says", "has a low rating", "customer rating[low]")
HIGH = ("says", "has a high rating", "customer rating[high]")


def test_written_content_is_used_for_values_that_the_references_say() -> None:
    references = [
        Example("1", parse_mr("name[Aromi], food[Thai]", DOMAIN), ("Aromi serves Thai.",))
    ]
    written = {
        Slot("food", "Thai"): ("smells of Thai basil", "with basil"),
        Slot("food", "French"): ("bakes croissants",),
    }
    store = ContentStore.of(references, CHECKER, DOMAIN, written=written)
    assert [c.text for c in store.saying("say", Slot("food", "Thai"))] == ["smell of Thai basil"]
    assert [c.text for c in store.about("with", "food")] == ["with basil"]
    assert not store.saying("says", Slot("food", "French"))


LANDMARK = "It is near {landmark}, which {says}."
AROMI, NEAR = "name[Aromi]", "name[Aromi], near[Ranch]"
PUB = "Aromi is a pub."


@pytest.mark.parametrize(
    ("frame", "mr", "text", "expected"),
    [
        (
            "It is {other} that {says}.",
            AROMI,
            PUB[:-1],
            f"{PUB} It is Cotto that serves Thai food.",
        ),
        (", while {other} {says}", AROMI, PUB, "Aromi is a pub, while Cotto serves Thai food."),
        ("While {other} {says},", AROMI, PUB, f"While Cotto serves Thai food, {PUB}"),
        (
            "As {other} {says},",
            AROMI,
            "The pub is it.",
            "As Cotto serves Thai food, the pub is it.",
        ),
        ("While {other} {says},", AROMI, "Italian pub Aromi.", None),
        ("(it {says})", NEAR, "It is by Ranch.", "It is by Ranch (it serves Thai food)."),
        ("(it {says})", NEAR, "Aromi is near Rancher.", None),
        (LANDMARK, NEAR, PUB, f"{PUB} It is near Ranch, which serves Thai food."),
        (LANDMARK, AROMI, PUB, f"{PUB} It is near Ranch, which serves Thai food."),
        ("Its {subject} {says}.", AROMI, "Aromi!", "Aromi! Its Aromi serves Thai food."),
        ("Its {subject} {says}.", "food[French]", "A place.", None),
    ],
)
def test_where_a_clause_stands(frame: str, mr: str, text: str, expected: str | None) -> None:
    made = draw(small(frame, THAI), mr, text)
    assert (made and made.text) == expected


def test_a_clause_in_front_never_takes_the_place_of_what_it_refers_to() -> None:
    plain, back = small("{other} {says}.", THAI), small("It is {other} that {says}.", THAI)
    mr = parse_mr("name[Aromi]", DOMAIN)
    fronts = [d.draw(mr, "Aromi is a pub.", Random(at)) for d in (plain, back) for at in range(60)]
    starts = [made is not None and not made.text.startswith("Aromi") for made in fronts]
    assert any(starts[:60])
    assert not all(starts[:60])
    assert not any(starts[60:])
    behind = [plain.draw(mr, "A pub is Aromi.", Random(at)) for at in range(40)]
    assert all(made is not None and made.text.startswith("A pub") for made in behind)


def test_a_landmark_that_a_frame_names_is_one_of_the_record_from_now_on() -> None:
    made = draw(small("{landmark} nearby {says}.", THAI), "name[Aromi]", "It is Aromi.")
    assert made is not None
    assert made.own == (Slot("near", "Ranch"),)
    assert made.elsewhere == (Slot("food", "Thai"),)
    assert made.mr.values("near") == ("Ranch",)
    assert made.about == {"near", "food"}


def test_what_the_record_says_itself_is_said_of_nobody_else() -> None:
    other = small("It is {other} that {says}.", THAI, HIGH)
    for at in range(20):
        mr = parse_mr("name[Aromi], customer rating[5 out of 5]", DOMAIN)
        made = other.draw(mr, "Aromi", Random(at))
        assert made is None or made.elsewhere == (Slot("food", "Thai"),)
    assert draw(small("It is {other} that {says}.", HIGH), "customer rating[high]", "A.") is None


def test_two_contents_are_about_one_slot_and_the_own_one_agrees_with_the_record() -> None:
    both = small("It is not true that it {says}: it {own says}.", THAI, LOW, HIGH)
    made = draw(both, "name[Aromi], customer rating[high]", "Aromi.")
    assert made is not None
    assert made.text == "Aromi. It is not true that it has a low rating: it has a high rating."
    assert made.own == (Slot("customer rating", "high"),)
    assert made.mr == parse_mr("name[Aromi], customer rating[high]", DOMAIN)
    found = {
        d for at in range(30) if (d := both.draw(parse_mr("name[A]", DOMAIN), "A.", Random(at)))
    }
    assert {(d.elsewhere[0].value, d.own[0].value) for d in found} == {
        ("low", "high"), ("high", "low"),
    }  # fmt: skip


def test_kinds_say_what_their_content_may_be_and_what_they_are_about() -> None:
    contents = (THAI, ("says", "has low customer ratings", "customer rating[low]"), HIGH)
    critics = small("It {says}.", *contents, slots=["customer rating"], without=["Customer"])
    made = draw(critics, "name[Aromi]", "Aromi.")
    assert made is not None
    assert made.elsewhere == (Slot("customer rating", "high"),)
    far = small("It is a long way from {stranger}.", about=["near"])
    made = draw(far, "name[Aromi], near[Zizzi]", "Aromi is near Zizzi.")
    assert made is not None
    assert made.elsewhere == made.names == made.mentioned[:1] == (Slot("near", "Ranch"),)
    assert draw(far, "near[Ranch]", "It is near Ranch.") is None  # nowhere else is known


def test_what_shall_be_said_can_be_given() -> None:
    other = small("It is {other} that {says}.", THAI, LOW, HIGH)
    made = draw(other, "name[Aromi]", "Aromi.", saying=Slot("food", "Thai"))
    assert made is not None
    assert made.elsewhere == (Slot("food", "Thai"),)
    assert draw(other, "name[Aromi]", "Aromi.", saying=Slot("food", "French")) is None
    own = small("It {own says}.", THAI)
    assert draw(own, "name[Aromi]", "Aromi.", saying=Slot("food", "Thai")) is None


def patterns(*, held_out: bool) -> list[re.Pattern[str]]:
    assert FRAMES is not None
    found = []
    for kind in FRAMES.kinds.values():
        for frame in kind.held_out if held_out else kind.frames:
            pieces = [re.escape(piece) for piece in FIELD.split(frame.text)[::2]]
            found.append(re.compile(".+?".join(pieces).rstrip(r"\."), re.IGNORECASE))
    return found


def letters(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_record_and_its_own_frames(
    kind: str, distractor: Distractor, references: list[Example]
) -> None:
    n_made = 0
    merged = {spec.name: spec.merged for spec in DOMAIN.slots}
    for held_out in (False, True):
        allowed = patterns(held_out=held_out)
        for at, example in enumerate(references[:20]):
            text = example.references[0]
            made, again = (
                distractor.draw(example.mr, text, Random(at), kinds=[kind], held_out=held_out)
                for _ in range(2)
            )
            assert made == again
            if made is None:
                continue
            n_made += 1
            assert made.kind == kind
            new = tuple(slot for slot in made.own if slot not in example.mr.slots)
            assert made.mr.slots == (*example.mr.slots, *new)
            assert not {slot.name for slot in new} & set(example.mr.names)
            assert made.about
            told = {(s.name, merged[s.name](s.value)) for s in example.mr.slots}
            assert not told & {(s.name, merged[s.name](s.value)) for s in made.elsewhere}
            assert any(pattern.search(made.text) for pattern in allowed)
            assert "{" not in made.text
            without_asides = re.sub(r" \([^)]*\)", "", made.text)
            assert letters(text) in letters(without_asides)
    assert n_made >= 8


def test_what_a_clause_says_of_the_subject_is_read_by_the_checker(
    references: list[Example],
) -> None:
    """And what it says elsewhere is too: the checker cannot see whose it is."""
    assert FRAMES is not None
    distractor = Distractor.of(replace(FRAMES, written={}), references, CHECKER, DOMAIN)
    read = {"own": [0, 0], "elsewhere": [0, 0]}
    for at, example in enumerate(references):
        kinds = ["affirmed", "rival"]
        made = distractor.draw(example.mr, example.references[0], Random(at), kinds=kinds)
        assert made is not None
        if {"name", "near"} & made.about:
            continue
        report = CHECKER.check(made.text, made.mr, merge_synonyms=True)
        names = {finding.name for finding in report.missing}
        for slot in made.own:
            read["own"][0] += slot.name not in names
            read["own"][1] += 1
        read["elsewhere"][0] += bool(made.elsewhere) and report.n_errors > 0
        read["elsewhere"][1] += bool(made.elsewhere)
    for right, n in read.values():
        assert n > 20
        assert right / n > 0.9
